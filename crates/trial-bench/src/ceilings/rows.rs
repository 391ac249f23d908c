use crate::applicants::{phone, scattered};

pub(super) const NOW: i64 = 1_800_000_000_000_000;
pub(super) const DAY: i32 = 20_833;

/// What the acceptance of one application writes, ready to be bound.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) challenge: [u8; 16],
    pub(super) tenant: [u8; 16],
    pub(super) mail: [u8; 16],
    pub(super) application: [u8; 16],
    pub(super) entry: [u8; 16],
    pub(super) request_id: String,
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) company: String,
    pub(super) company_key: String,
    pub(super) voice: String,
    pub(super) multimedia: String,
}

impl Row {
    pub(super) fn of(number: u32) -> Self {
        let who = scattered(number);
        let company = format!("Company {who}");
        Self {
            number,
            challenge: id(1, number),
            tenant: id(2, number),
            mail: id(3, number),
            application: id(4, number),
            entry: id(5, number),
            request_id: format!("01890a5d-ac96-774b-bcce-{number:012x}"),
            phone: format!("+86{}", phone(number)),
            email: format!("applicant{who}@example.com"),
            company_key: company.to_lowercase(),
            company,
            voice: format!("400{number:07}"),
            multimedia: format!("chat-{number:07}"),
        }
    }

    /// Units that are reserved once this one is.
    pub(super) fn unit(&self) -> i64 {
        i64::from(self.number) + 1
    }
}

/// 16 bytes that grow with `n`, as ids of version 7 grow with time, and differ by kind.
fn id(kind: u8, n: u32) -> [u8; 16] {
    let mut id = [kind; 16];
    id[..8].copy_from_slice(&(u64::from(n) << 16).to_be_bytes());
    id
}
