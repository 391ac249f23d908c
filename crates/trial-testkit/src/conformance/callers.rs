//! API clients, and the signatures that were accepted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::audit::AuditQuery;
use trial_core::clients::{
    Caller, CallerAdded, CallerChange, CallerChanged, CallerLimits, CallerName, CallerRefusal, CallerStatus,
    MAX_CALLER_RATE, SIGNATURE_KEEPS, Scope, SealedSecret, SeenSignature,
};
use trial_core::ports::{AuditTrail, Callers, TrialLedger};

use super::{LedgerFactory, desk, in_the_end};
use crate::Desk;
use crate::data::{caller, sealed_secret};

const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> CallerName {
    CallerName::parse(text).unwrap()
}

async fn added<L: TrialLedger + Callers>(desk: &Desk<L>, n: u8, name: &str) -> Caller {
    let caller = caller(n, name, desk.now());
    assert_eq!(desk.ledger.add_caller(caller.clone(), desk.operator()).await.unwrap(), CallerAdded::Done);
    caller
}

async fn change<L: TrialLedger + Callers>(desk: &Desk<L>, who: &str, change: CallerChange) -> CallerChanged {
    desk.ledger.change_caller(name(who), change, desk.operator()).await.unwrap()
}

/// A client is found, complete, by its access key, and by no other.
pub async fn a_caller_is_known_by_the_access_key<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let plain = added(&desk, 1, "Site").await;
    let odd = Caller {
        next_secret: Some(sealed_secret(7)),
        scopes: [Scope::Query].into(),
        rate: 0,
        suspended_at: Some(desk.now()),
        ..caller(2, "other", desk.now())
    };
    assert_eq!(desk.ledger.add_caller(odd.clone(), desk.operator()).await.unwrap(), CallerAdded::Done);
    for caller in [&plain, &odd] {
        let found = desk.ledger.caller_by_key(caller.access_key.clone()).await.unwrap();
        assert_eq!(found.as_ref(), Some(caller));
    }
    for unknown in ["", "TGAK", "tgak1", "no\0body"] {
        assert_eq!(desk.ledger.caller_by_key(unknown.to_owned()).await.unwrap(), None);
    }
}

/// Removed or not, up to the limit. A name is unique among clients that are not removed.
pub async fn callers_are_listed_newest_first<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let first = added(&desk, 1, "Site").await;
    let again = caller(2, "sITE", desk.now());
    assert_eq!(desk.ledger.add_caller(again.clone(), desk.operator()).await.unwrap(), CallerAdded::NameTaken);
    desk.wait(SECOND);
    let gone = Caller { removed_at: Some(desk.now()), ..first };
    assert_eq!(change(&desk, "SITE", CallerChange::Remove).await, CallerChanged::Done(Box::new(gone.clone())));
    assert_eq!(desk.ledger.caller_by_key(gone.access_key.clone()).await.unwrap(), Some(gone.clone()));
    let second = added(&desk, 2, "sITE").await;
    assert_eq!(desk.ledger.callers(9).await.unwrap(), [second.clone(), gone]);
    assert_eq!(desk.ledger.callers(1).await.unwrap(), [second]);
}

/// Every change is stored as the core decides it, and an invalid one changes nothing.
pub async fn callers_are_changed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let site = added(&desk, 1, "site").await;
    let (newer, resealed) = (sealed_secret(8), SealedSecret { key_id: "other".to_owned(), ..sealed_secret(9) });
    let reseal =
        |before: &SealedSecret| CallerChange::Reseal { before: vec![before.clone()], after: vec![resealed.clone()] };
    for (wanted, expected) in [
        (CallerChange::Resume, Err(CallerRefusal::Active)),
        (CallerChange::Suspend, Ok((CallerStatus::Suspended, 1))),
        (CallerChange::Suspend, Err(CallerRefusal::Suspended)),
        (CallerChange::Resume, Ok((CallerStatus::Active, 1))),
        (CallerChange::RetireSecret, Err(CallerRefusal::OneSecret)),
        (CallerChange::Rotate(newer.clone()), Ok((CallerStatus::Active, 2))),
        (CallerChange::Rotate(newer.clone()), Err(CallerRefusal::TwoSecrets)),
        (CallerChange::RetireSecret, Ok((CallerStatus::Active, 1))),
        (reseal(&site.secret), Err(CallerRefusal::Overtaken)),
        (reseal(&newer), Ok((CallerStatus::Active, 1))),
        (CallerChange::Remove, Ok((CallerStatus::Removed, 1))),
        (CallerChange::Remove, Err(CallerRefusal::Unknown)),
    ] {
        let done = change(&desk, "Site", wanted.clone()).await;
        let kept = desk.ledger.caller_by_key(site.access_key.clone()).await.unwrap().unwrap();
        match (done, expected) {
            (CallerChanged::Refused(refusal), Err(expected)) => assert_eq!(refusal, expected, "{wanted:?}"),
            (CallerChanged::Done(after), Ok(expected)) => {
                assert_eq!((after.status(), after.secrets().count()), expected, "{wanted:?}");
                assert_eq!(*after, kept, "{wanted:?}");
            }
            (done, expected) => panic!("{wanted:?}: {done:?}, not {expected:?}"),
        }
    }
    let kept = desk.ledger.caller_by_key(site.access_key.clone()).await.unwrap().unwrap();
    assert_eq!(kept, Caller { secret: resealed, removed_at: kept.removed_at, ..site });
    assert_eq!(change(&desk, "nobody", CallerChange::Suspend).await, CallerChanged::Refused(CallerRefusal::Unknown));
}

fn limits(scopes: Option<&[Scope]>, rate: Option<u32>) -> CallerChange {
    CallerChange::Set(CallerLimits { scopes: scopes.map(|scopes| scopes.iter().copied().collect()), rate })
}

/// A change of scopes or rate leaves the other as it is; an invalid one changes neither.
pub async fn the_limits_of_a_caller_are_changed<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let mut site = added(&desk, 1, "site").await;
    let other = added(&desk, 2, "other").await;
    for (scopes, rate, expected) in [
        (None, Some(60), Ok(())),
        (Some(&[Scope::Query, Scope::Apply][..]), None, Ok(())),
        (Some(&[]), Some(7), Err(CallerRefusal::NoScope)),
        (Some(&[Scope::Apply]), Some(MAX_CALLER_RATE + 1), Err(CallerRefusal::Rate)),
        (Some(&[Scope::VerifyCodes]), Some(MAX_CALLER_RATE), Ok(())),
        (None, Some(0), Ok(())),
        (None, Some(0), Ok(())),
    ] {
        if expected.is_ok() {
            site.scopes = scopes.map_or(site.scopes, |scopes| scopes.iter().copied().collect());
            site.rate = rate.unwrap_or(site.rate);
        }
        let done = match expected {
            Ok(()) => CallerChanged::Done(Box::new(site.clone())),
            Err(refusal) => CallerChanged::Refused(refusal),
        };
        assert_eq!(change(&desk, "SITE", limits(scopes, rate)).await, done, "{scopes:?} {rate:?}");
        let kept = [&site, &other].map(|caller| caller.access_key.clone());
        for (access_key, caller) in kept.into_iter().zip([&site, &other]) {
            assert_eq!(desk.ledger.caller_by_key(access_key).await.unwrap().as_ref(), Some(caller));
        }
    }
}

/// Actor, time and client of each change; no entry for a refused one.
pub async fn changes_of_callers_are_audited<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    added(&desk, 1, "Site").await;
    let changes = [
        (CallerChange::Suspend, "caller.suspend"),
        (CallerChange::Suspend, ""),
        (CallerChange::Resume, "caller.resume"),
        (CallerChange::Rotate(sealed_secret(3)), "caller.rotate"),
        (CallerChange::RetireSecret, "caller.retire_secret"),
        (limits(Some(&[Scope::Apply]), Some(60)), "caller.set"),
        (limits(Some(&[]), None), ""),
        (
            CallerChange::Reseal {
                before: vec![sealed_secret(3)],
                after: vec![SealedSecret { key_id: "newer".to_owned(), ..sealed_secret(4) }],
            },
            "caller.reseal",
        ),
        (CallerChange::Remove, "caller.remove"),
    ];
    let mut expected = vec!["caller.add"];
    for (wanted, action) in changes {
        desk.wait(SECOND);
        change(&desk, "site", wanted).await;
        expected.extend(Some(action).filter(|action| !action.is_empty()));
    }
    let query = AuditQuery {
        actor: None,
        action: None,
        subject: Some("Site".to_owned()),
        since: None,
        until: None,
        before: None,
        limit: 99,
    };
    let entries = desk.ledger.audit(query).await.unwrap();
    assert_eq!(entries.iter().rev().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), expected);
    assert!(entries.iter().all(|entry| entry.actor == "operator"));
    let detail = |action: &str| &entries.iter().find(|entry| entry.action == action).unwrap().detail;
    let set = "before scopes verify-codes apply query, 600 requests a minute; after scopes apply, 60 requests a minute";
    assert_eq!(detail("caller.set"), set);
    assert_eq!(detail("caller.reseal"), "before encrypted with current; after with newer");
}

fn seen(n: u8, at: chrono::DateTime<chrono::Utc>) -> SeenSignature {
    SeenSignature::new([n; 32], at)
}

/// New once, in one batch or in many, and again once it is too old to be accepted anyway.
pub async fn a_signature_is_new_once<F: LedgerFactory>(factory: &F) {
    let desk = desk(factory, 0).await;
    let begun = desk.now();
    let remember = async |numbers: &[u8]| {
        let batch = numbers.iter().map(|n| seen(*n, desk.now())).collect();
        desk.ledger.remember_signatures(batch, desk.now()).await.unwrap()
    };
    assert_eq!(remember(&[]).await, Vec::<bool>::new());
    assert_eq!(remember(&[3, 1, 3, 2, 1]).await, [true, true, false, true, false]);
    let known = async |n: u8| desk.ledger.knows_signature([n; 32]).await.unwrap();
    assert_eq!((known(1).await, known(3).await, known(4).await), (true, true, false));
    desk.clock.set(begun + SIGNATURE_KEEPS - Duration::from_millis(1));
    assert_eq!(remember(&[2, 4]).await, [false, true]);
    desk.clock.set(begun + SIGNATURE_KEEPS);
    remember(&[5]).await;
    assert_eq!(remember(&[1, 2, 3, 4]).await, [true, true, true, false], "signatures that are too old were deleted");
}

/// Of any number of instances that see the same signatures at once, each in its own order, one finds each new.
pub async fn a_signature_is_new_to_one_instance<F: LedgerFactory>(factory: &F) {
    const EACH: u8 = 20;
    let desk = Arc::new(desk(factory, 0).await);
    let asking = (0..6).map(|n: u8| {
        let desk = Arc::clone(&desk);
        async move {
            let mut batch: Vec<_> = (0..EACH).map(|n| seen(n, desk.now())).collect();
            batch.rotate_left(usize::from(n * 3));
            if n % 2 == 1 {
                batch.reverse();
            }
            in_the_end(|| desk.ledger.remember_signatures(batch.clone(), desk.now())).await
        }
    });
    let answers = join_all(asking.map(tokio::spawn)).await;
    let new: usize = answers.into_iter().map(|news| news.unwrap().into_iter().filter(|is_new| *is_new).count()).sum();
    assert_eq!(new, usize::from(EACH));
}
