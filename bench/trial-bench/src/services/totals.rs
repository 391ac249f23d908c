//! The totals of a database, compared with the answers.

use anyhow::{Context, ensure};

/// The totals of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) tenants: u64,
    holders: u64,
    leased: u64,
    mails: u64,
    reserved: u64,
    accepted: u64,
    consumed: u64,
}

impl Totals {
    pub(crate) const SQL: &str = include_str!("../../sql/totals.sql");

    pub(crate) fn parse(line: &str) -> anyhow::Result<Self> {
        let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [tenants, holders, leased, mails, reserved, accepted, consumed] =
            numbers[..].try_into().context(line.to_owned())?;
        Ok(Self { tenants, holders, leased, mails, reserved, accepted, consumed })
    }

    /// The increase since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            tenants: self.tenants - before.tenants,
            holders: self.holders - before.holders,
            leased: self.leased - before.leased,
            mails: self.mails - before.mails,
            reserved: self.reserved - before.reserved,
            accepted: self.accepted - before.accepted,
            consumed: self.consumed - before.consumed,
        }
    }

    /// Compares it with the answers: `accepted` applicants, and `unsure` ones whose answer was lost.
    pub(crate) fn check(self, accepted: u64, unsure: u64) -> anyhow::Result<()> {
        let Self { tenants, .. } = self;
        ensure!(
            (accepted..=accepted + unsure).contains(&tenants),
            "{accepted} applicants got 000, {tenants} tenants are stored"
        );
        self.is_whole()
    }

    /// Every acceptance is complete: two access codes, a mail, a unit and a used code for each tenant.
    pub(crate) fn is_whole(self) -> anyhow::Result<()> {
        let Self { tenants, .. } = self;
        ensure!(self.holders == tenants && self.leased == 2 * tenants, "a code has two holders: {self:?}");
        ensure!(self.reserved == self.mails && self.mails == tenants, "units of the quota are not the mails: {self:?}");
        ensure!(self.accepted == tenants && self.consumed == tenants, "an acceptance is not whole: {self:?}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_data_must_agree_with_the_answers() {
        let whole = Totals::parse("7 7 14 7 7 7 7").unwrap();
        whole.check(7, 0).unwrap();
        whole.check(5, 2).unwrap();
        assert!(whole.check(8, 0).is_err());
        assert!(whole.check(6, 0).is_err());
        for broken in ["7 6 14 7 7 7 7", "7 7 13 7 7 7 7", "7 7 14 8 7 7 7", "7 7 14 7 8 7 7", "7 7 14 7 7 6 7"] {
            assert!(Totals::parse(broken).unwrap().check(7, 0).is_err(), "{broken}");
        }
        assert!(Totals::parse("7 7").is_err());
        let more = Totals::parse("9 9 18 9 9 9 9").unwrap();
        more.since(whole).check(2, 0).unwrap();
    }
}
