//! Refused sign-ins to the portal, for every reason there is. The time of an answer must reveal nothing of the reason.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;
use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

use crate::applicants::{captured, prepare, scattered};
use crate::http::{Connection, Request};
use crate::options::Options;
use crate::results::{Refusal, median};
use crate::services::{Database, Fleet, Ground, Store};

/// Accounts with each fault.
const ACCOUNTS: f64 = 25.0;
/// Attempts per account: fewer than its hourly limit.
const TRIES: usize = 16;
/// Attempts per client address: fewer than its limit.
const TRIES_BY_ADDRESS: usize = 80;
const CHOSEN: &str = "tulpe wagen mond 7";
const WRONG: &str = "AAAA-AAAA-AAAA-AAAA";

/// The fault in a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    NoSuchAccount,
    WrongInitial,
    WrongChosen,
    Expired,
    Suspended,
}

impl Fault {
    const ALL: [Self; 5] = [Self::Expired, Self::NoSuchAccount, Self::WrongInitial, Self::WrongChosen, Self::Suspended];

    fn says(self) -> &'static str {
        match self {
            Self::NoSuchAccount => "no such account",
            Self::WrongInitial => "wrong password; the initial one is in force",
            Self::WrongChosen => "wrong password; the owner has chosen one",
            Self::Expired => "right initial password, expired",
            Self::Suspended => "right initial password, tenant suspended",
        }
    }
}

/// The credentials of a sign-in.
#[derive(Debug, Clone)]
struct Account {
    tenant: String,
    name: String,
    password: String,
}

/// Durations of refusals in milliseconds, by fault.
type Times = BTreeMap<Fault, Vec<f64>>;

/// Measures each refusal: all kinds alternately, in an order without a pattern, one after the other.
pub(crate) async fn sign_in(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Refusal>> {
    let mut all = Vec::new();
    let accounts = options.scaled(ACCOUNTS).max(1);
    for &database in &options.databases {
        let store = ground.store(database)?;
        let fleet = Fleet::start(ground, &store, options, 1, accounts * 5)?;
        let mut wrong = BTreeMap::new();
        for (first, fault) in (0..).step_by(usize::try_from(accounts)?).zip(Fault::ALL) {
            let opened = opened(&fleet, first..first + accounts).await?;
            wrong.insert(fault, spoilt(fault, opened, &fleet, &store).await?);
        }
        all.extend(judged(database, &timed(fleet.addresses()[0], &wrong).await?)?);
    }
    Ok(all)
}

#[derive(Deserialize)]
struct Message {
    to: String,
    text: String,
}

/// New tenants, from their account mails.
async fn opened(fleet: &Fleet, applicants: Range<u32>) -> anyhow::Result<Vec<Account>> {
    let addresses = fleet.addresses();
    let mut connection = Connection::open(addresses[0]).await?;
    let mailboxes: Vec<_> = applicants.clone().map(|n| format!("applicant{}@example.com", scattered(n))).collect();
    for applicant in prepare(&addresses, applicants).await? {
        let reply = connection.exchange(&applicant.applies()).await?;
        ensure!(reply.contains("\"000\""), "an application is accepted, not {reply}");
    }
    loop {
        let mails: Vec<Message> = captured(&mut connection, "channel=mail&limit=1000").await?;
        let ours = mails.iter().filter(|mail| mailboxes.contains(&mail.to));
        let accounts: Vec<Account> = ours.map(Message::account).collect::<anyhow::Result<_>>()?;
        if accounts.len() == mailboxes.len() {
            return Ok(accounts);
        }
    }
}

impl Message {
    /// Recognised by form: the mail may be in any language.
    fn account(&self) -> anyhow::Result<Account> {
        let is_password = |word: &&str| word.len() == 19 && word.split('-').all(|group| group.len() == 4);
        let mut words = self.text.split(|c: char| c.is_whitespace() || c == '：');
        let name = words.clone().find(|word| word.starts_with("admin@")).context("a mail without an account")?;
        let password = words.find(is_password).context("a mail without a password")?;
        let tenant = name.trim_start_matches("admin@").to_owned();
        Ok(Account { tenant, name: name.to_owned(), password: password.to_owned() })
    }
}

/// The accounts with their fault, and the password to submit.
async fn spoilt(
    fault: Fault,
    mut accounts: Vec<Account>,
    fleet: &Fleet,
    store: &Store<'_>,
) -> anyhow::Result<Vec<Account>> {
    for account in &mut accounts {
        match fault {
            Fault::NoSuchAccount => account.name = stranger(&account.name),
            Fault::WrongChosen => choose(fleet.addresses()[0], account).await?,
            Fault::WrongInitial | Fault::Expired => {}
            Fault::Suspended => fleet.suspend(&account.tenant)?,
        }
        if matches!(fault, Fault::NoSuchAccount | Fault::WrongInitial | Fault::WrongChosen) {
            WRONG.clone_into(&mut account.password);
        }
    }
    if fault == Fault::Expired {
        // This changes all tenants so far, which is why these come first.
        store.execute("UPDATE tenants SET password_issued_at = 0")?;
    }
    Ok(accounts)
}

/// A name like this one that no account has.
fn stranger(name: &str) -> String {
    let last = if name.ends_with('0') { '1' } else { '0' };
    name.chars().take(name.len() - 1).chain([last]).collect()
}

/// Sets a password of the owner's choice.
async fn choose(address: SocketAddr, account: &Account) -> anyhow::Result<()> {
    let mut connection = Connection::open(address).await?;
    let header = connection.begin_session(&attempt(account)).await?;
    let page = connection.exchange(&Request::get_as("/portal/password", &header)).await?;
    let csrf = page.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split('"').next());
    let (csrf, chosen) = (csrf.context("a form")?, CHOSEN.replace(' ', "+"));
    let fields = format!("csrf={csrf}&new={chosen}&again={chosen}");
    let (head, body) = connection.reply(&Request::form_as("/portal/password", &fields, &header)).await?;
    ensure!(head.starts_with("HTTP/1.1 303") && head.contains("said=chosen"), "no password was chosen: {head}{body}");
    Ok(())
}

fn attempt(account: &Account) -> Request {
    Request::form("/portal/sign-in", &format!("account={}&password={}", account.name, account.password))
}

async fn timed(address: SocketAddr, wrong: &BTreeMap<Fault, Vec<Account>>) -> anyhow::Result<Times> {
    let mut times = Times::new();
    let mut connection = Connection::open(address).await?;
    for (place, (fault, account)) in shuffled(wrong).into_iter().enumerate() {
        if place % TRIES_BY_ADDRESS == 0 {
            let client = u32::from(Ipv4Addr::new(127, 1, 0, 1)) + u32::try_from(place / TRIES_BY_ADDRESS)?;
            connection = Connection::open_from(client.into(), address).await?;
        }
        let request = attempt(account);
        let asked = Instant::now();
        let (head, body) = connection.reply(&request).await?;
        let took = asked.elapsed();
        ensure!(head.starts_with("HTTP/1.1 401"), "{fault:?}: {head}{body}");
        times.entry(fault).or_default().push(1e3 * took.as_secs_f64());
    }
    Ok(times)
}

/// Every attempt, in an order that is the same in each run and has no pattern.
fn shuffled(wrong: &BTreeMap<Fault, Vec<Account>>) -> Vec<(Fault, &Account)> {
    let accounts = wrong.iter().flat_map(|(fault, accounts)| accounts.iter().map(|account| (*fault, account)));
    let mut numbered: Vec<_> = (0..).zip(accounts.flat_map(|one| std::iter::repeat_n(one, TRIES))).collect();
    numbered.sort_by_key(|(number, _)| scattered(*number));
    numbered.into_iter().map(|(_, one)| one).collect()
}

/// Each refusal beside that of an unknown account; and that one beside itself, which shows the effect of chance.
fn judged(database: Database, times: &Times) -> anyhow::Result<Vec<Refusal>> {
    let strangers = &times[&Fault::NoSuchAccount];
    let half = |first: usize| strangers.iter().copied().skip(first).step_by(2).collect::<Vec<f64>>();
    let beside_itself =
        refusal(database, "no such account, every second attempt beside the others", &half(0), &half(1))?;
    let mut all = vec![beside_itself];
    for (fault, times) in times.iter().filter(|(fault, _)| **fault != Fault::NoSuchAccount) {
        all.push(refusal(database, fault.says(), times, strangers)?);
    }
    Ok(all)
}

fn refusal(database: Database, what: &str, times: &[f64], others: &[f64]) -> anyhow::Result<Refusal> {
    let (u, p_value) = mannwhitneyu(times, others, MannWhitneyUMethod::Automatic, Alternative::TwoSided)?;
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand pairs are far below 2^53")]
    let pairs = (times.len() * others.len()) as f64;
    Ok(Refusal {
        database,
        what: what.to_owned(),
        tries: times.len(),
        p50: median(times.iter().copied()).context("something was timed")?,
        p99: sorted[(sorted.len() * 99).div_ceil(100) - 1],
        superiority: u / pairs,
        p_value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_time_is_recognised() {
        let times = |from: u32| (0..200).map(|n| f64::from(from + n * 7 % 200)).collect::<Vec<f64>>();
        let same = refusal(Database::Sqlite, "the same", &times(0), &times(0)).unwrap();
        assert!((same.superiority - 0.5).abs() < 1e-9 && same.p_value > 0.9, "{same:?}");
        let slower = refusal(Database::Sqlite, "slower", &times(50), &times(0)).unwrap();
        assert!(slower.superiority > 0.6 && slower.p_value < 0.001, "{slower:?}");
        let faster = refusal(Database::Sqlite, "faster", &times(0), &times(50)).unwrap();
        assert!(faster.superiority < 0.4 && faster.p_value < 0.001, "{faster:?}");
    }

    #[test]
    fn every_account_is_tried_as_often_as_every_other() {
        let account = |name: &str| Account { tenant: String::new(), name: name.to_owned(), password: String::new() };
        let wrong = BTreeMap::from([
            (Fault::NoSuchAccount, vec![account("a"), account("b")]),
            (Fault::Suspended, vec![account("c"), account("d")]),
        ]);
        let all = shuffled(&wrong);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(all.iter().filter(|(_, account)| account.name == name).count(), TRIES);
        }
        assert!(all[..8].iter().any(|(fault, _)| *fault == Fault::Suspended), "in no order: {all:?}");
    }
}
