//! Erased and expired data is in no byte of the files either.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, iter};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use tempfile::TempDir;
use trial_core::ports::Privacy;
use trial_core::privacy::{Compaction, Expired, Expiring, ExpiryPage, Forgotten, Retention};
use trial_core::tenants::TenantAction;
use trial_core::values::Person;
use trial_storage::{SqliteLedger, SqliteOptions};
use trial_testkit::LedgerHarness;
use trial_testkit::data::{application, company, email, keyring, phone};

async fn harness(pairs: u32) -> (TempDir, SqliteOptions, LedgerHarness<SqliteLedger>) {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new(dir.path().join("trialgate.db"));
    SqliteLedger::migrate(&options).await.unwrap();
    let harness = LedgerHarness::new(SqliteLedger::open(options.clone()).await.unwrap()).with_access_codes(pairs).await;
    (dir, options, harness)
}

/// The applicant's data found anywhere in the files of a directory.
fn found(dir: &Path, n: u32) -> Vec<String> {
    let files: Vec<Vec<u8>> = fs::read_dir(dir).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    let is_in = |text: &String| files.iter().any(|file| file.windows(text.len()).any(|bytes| bytes == text.as_bytes()));
    let company = company(n).as_str().to_owned();
    let all = [phone(n).as_str()[1..].to_owned(), email(n).as_str().to_owned(), company.to_lowercase(), company];
    all.into_iter().filter(is_in).collect()
}

/// An applicant who mistyped the code, and one with a closed tenant.
async fn visitor_and_customer(harness: &LedgerHarness<SqliteLedger>, visitor: u32, customer: u32) {
    harness.send(&phone(visitor)).await;
    assert_eq!(harness.apply_for_code(application(visitor, "wrong")).await, "002");
    let tenant = harness.join(customer).await;
    harness.change(tenant, TenantAction::Close).await;
}

#[tokio::test]
async fn nothing_of_the_forgotten_is_left_in_any_file() {
    let (dir, _options, harness) = harness(2).await;
    visitor_and_customer(&harness, 1, 2).await;
    visitor_and_customer(&harness, 3, 4).await;
    for person in [Person::Phone(phone(1)), Person::Email(email(1).key().clone()), Person::Phone(phone(2))] {
        let pseudonym = keyring().pseudonym(&person);
        let forgotten = harness.ledger.forget(person, pseudonym, false, harness.operator()).await.unwrap();
        assert!(matches!(forgotten, Forgotten::Erased(_)), "{forgotten:?}");
    }
    assert!(harness.ledger.purge().await.unwrap());
    for n in [1, 2] {
        assert_eq!(found(dir.path(), n), Vec::<String>::new());
    }
    for n in [3, 4] {
        assert!(found(dir.path(), n).len() >= 3, "the others are there");
    }
}

#[tokio::test]
async fn expired_data_is_left_in_no_file() {
    let (dir, _options, harness) = harness(1).await;
    // Enough rows for pages that are freed as a whole.
    for n in 1..60 {
        harness.send(&phone(n)).await;
    }
    harness.wait(Duration::from_hours(200 * 24));
    harness.send(&phone(99)).await;
    for what in Expiring::ALL {
        let since = Retention::default().since(*what, harness.now());
        let page = ExpiryPage { what: *what, since, after: [0; 16], limit: 1000 };
        let Expired { .. } = harness.ledger.expire(page, false).await.unwrap();
    }
    assert!(harness.ledger.purge().await.unwrap());
    for n in 1..60 {
        assert_eq!(found(dir.path(), n), Vec::<String>::new());
    }
    assert_eq!(found(dir.path(), 99).len(), 1, "the phone of who came later");
}

#[tokio::test]
async fn a_purge_that_a_reader_holds_up_says_so_and_is_done_after_it() {
    let (dir, options, harness) = harness(1).await;
    harness.send(&phone(1)).await;
    let mut reader = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    reader.batch_execute("BEGIN; SELECT count(*) FROM phones").unwrap();
    let person = Person::Phone(phone(1));
    harness.ledger.forget(person, "person-1".to_owned(), false, harness.operator()).await.unwrap();
    assert!(!harness.ledger.purge().await.unwrap());
    harness.send(&phone(2)).await;
    reader.batch_execute("COMMIT").unwrap();
    assert!(harness.ledger.purge().await.unwrap());
    assert_eq!(fs::metadata(dir.path().join("trialgate.db-wal")).unwrap().len(), 0);
    assert_eq!(found(dir.path(), 1), Vec::<String>::new());
}

#[tokio::test]
async fn remains_of_an_older_release_are_removed_by_migrating() {
    let (dir, options, harness) = harness(1).await;
    harness.ledger.close().await;
    let marker = |n: u32| format!("left-behind-{n:04}");
    {
        // As releases before this one deleted.
        let mut older = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
        older.batch_execute("PRAGMA secure_delete = OFF; PRAGMA user_version = 0").unwrap();
        let warnings = (1..200).map(|n| {
            format!("INSERT INTO warnings (day, name, at, words) VALUES ({n}, 'n', 0, '{}')", marker(n).repeat(20))
        });
        let all: Vec<String> = warnings.chain(iter::once("DELETE FROM warnings".to_owned())).collect();
        older.batch_execute(&all.join(";")).unwrap();
        older.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }
    let is_left = || fs::read(&options.path).unwrap().windows(16).any(|bytes| bytes == marker(7).as_bytes());
    assert!(is_left(), "or nothing is shown here");
    SqliteLedger::migrate(&options).await.unwrap();
    assert!(!is_left());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the log is gone with its last user");
}

/// Phones of the persons below that are anywhere in a file.
fn phones_in(file: &Path) -> BTreeSet<String> {
    let bytes = fs::read(file).unwrap();
    let phones = bytes.windows(14).filter(|text| text.starts_with(b"+861") && text[4..].iter().all(u8::is_ascii_digit));
    phones.map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
}

/// A number unrelated to the order of these (the finisher of `SplitMix64`).
fn mixed(n: u64) -> u64 {
    let n = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// SQLite moves rows between pages as tables grow, and leaves copies of them in unused parts of pages.
#[tokio::test]
async fn no_copy_of_an_erased_row_is_left_where_it_once_was() {
    const PERSONS: u64 = 3_000;
    let (_dir, options, harness) = harness(0).await;
    let (began, days) = (harness.now().timestamp_millis().unsigned_abs(), 24 * 3_600_000);
    // In an order unrelated to time; every other one is old enough to be removed.
    let phone_of = |n: u64| format!("+861{:010}", mixed(n) % 10_000_000_000);
    let is_old = |n: &u64| mixed(*n).is_multiple_of(2);
    let mut rows = "BEGIN;".to_owned();
    for n in 0..PERSONS {
        let ms = began + n + if is_old(&n) { 0 } else { 200 * days };
        let (at, phone) = (ms * 1_000, phone_of(n));
        let company = phone.clone() + &"x".repeat(usize::try_from(mixed(n) / 2 % 100).unwrap());
        write!(
            rows,
            "INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, company_key,
                 outcome, refusal, return_code)
             VALUES (x'{ms:012x}{n:020x}', 'r{n}', {at}, '{phone}', 86, '{phone}', '{phone}', '{company}', '{company}',
                 'refused', '{{}}', '001');"
        )
        .unwrap();
    }
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    conn.batch_execute(&(rows + "COMMIT")).unwrap();
    drop(conn);
    harness.wait(Duration::from_hours(201 * 24));
    let since = Retention::default().since(Expiring::Applications, harness.now());
    let page = ExpiryPage { what: Expiring::Applications, since, after: [0; 16], limit: 10_000 };
    let kept: BTreeSet<_> = (0..PERSONS).filter(|n| !is_old(n)).map(phone_of).collect();
    let expired = harness.ledger.expire(page, false).await.unwrap();
    assert_eq!(expired.removed, PERSONS - u64::try_from(kept.len()).unwrap());
    assert!(harness.ledger.purge().await.unwrap());
    assert!(phones_in(&options.path).len() > kept.len(), "or nothing is shown here");
    assert!(matches!(harness.ledger.compact(4096).await.unwrap(), Compaction::TooLarge { bytes: 4097.. }));
    assert_eq!(harness.ledger.compact(u64::MAX).await.unwrap(), Compaction::Done);
    assert!(harness.ledger.purge().await.unwrap());
    assert_eq!(phones_in(&options.path), kept);
    assert_eq!(harness.ledger.compact(u64::MAX).await.unwrap(), Compaction::Clean);
    harness.send(&phone(1)).await;
    harness.ledger.forget(Person::Phone(phone(1)), "person-1".to_owned(), false, harness.operator()).await.unwrap();
    assert_eq!(harness.ledger.compact(u64::MAX).await.unwrap(), Compaction::Done);
}
