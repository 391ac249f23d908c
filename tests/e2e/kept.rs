//! Comparison of the answers with the stored data.

use std::collections::{BTreeMap, BTreeSet};

use trialgate_tests::{Account, Applicant, Client, Database, History, TenantRow, until};

/// Each acknowledged application has its tenant, complete. There may be more tenants: a reply can be lost.
pub(crate) fn assert_acknowledged_are_kept<'a>(database: &mut Database, histories: impl Iterator<Item = &'a History>) {
    let tenants: BTreeMap<String, TenantRow> =
        database.assert_sound().into_iter().map(|tenant| (tenant.phone.clone(), tenant)).collect();
    for history in histories.filter(|history| history.is_acknowledged()) {
        let applicant = &history.applicant;
        let tenant = tenants.get(&applicant.e164()).unwrap_or_else(|| panic!("no tenant: {history:?}"));
        assert_eq!((&tenant.email, &tenant.company), (&applicant.email, &applicant.company));
    }
}

/// Every mail is captured by an instance, at least once and always the same; and no access code is promised to two.
pub(crate) async fn assert_every_mail_arrives(database: &mut Database, clients: &[Client], histories: &[History]) {
    // Mails under delivery at the kill are due again when their leases end: ends them now.
    database.execute("UPDATE mails SET next_attempt_at = created_at WHERE state = 'due'");
    let unsent = "SELECT count(*) AS number FROM mails WHERE state <> 'sent'";
    let mut left = database.number(unsent);
    while left > 0 {
        left = until("more mails are sent", async || Some(database.number(unsent)).filter(|now| *now < left)).await;
    }
    let applicants: BTreeMap<String, &Applicant> =
        histories.iter().map(|history| (history.applicant.e164(), &history.applicant)).collect();
    let mut given = BTreeSet::new();
    let (mut mails, mut repeats) = (0, 0);
    for tenant in database.tenants() {
        let mut accounts = BTreeSet::new();
        let before = mails;
        for client in clients {
            for mail in client.mails_of(applicants[&tenant.phone]).await {
                mails += 1;
                accounts.insert((mail.message_id.clone(), parts(mail.account())));
            }
        }
        repeats += usize::from(mails > before + 1);
        let accounts: Vec<(String, [String; 5])> = accounts.into_iter().collect();
        let [(message_id, [id, _, _, voice, multimedia])] = accounts.as_slice() else {
            panic!("one account, not {accounts:?}")
        };
        assert_eq!(id.replace('-', ""), tenant.id);
        assert!(message_id.replace('-', "").starts_with(&format!("<{}@", tenant.mail)), "{message_id}");
        assert_eq!((voice, multimedia), (&tenant.voice, &tenant.multimedia));
        assert!(given.insert(voice.clone()) && given.insert(multimedia.clone()), "{tenant:?}");
    }
    println!("{mails} mails captured, {repeats} of them more than once");
}

fn parts(account: Account) -> [String; 5] {
    [account.tenant, account.name, account.password, account.voice, account.multimedia]
}
