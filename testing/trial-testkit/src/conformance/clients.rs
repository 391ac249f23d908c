//! API clients, and the signatures that were accepted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trial_core::audit::AuditQuery;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientLimits, ApiClientName, ApiClientRefusal,
    ApiClientStatus, EncryptedSecret, MAX_CLIENT_RATE, SIGNATURE_KEEPS, Scope, SeenSignature,
};
use trial_core::ports::{ApiClients, AuditTrail, TrialLedger};

use super::{LedgerFactory, harness, in_the_end};
use crate::LedgerHarness;
use crate::data::{caller, sealed_secret};

const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> ApiClientName {
    ApiClientName::parse(text).unwrap()
}

async fn added<L: TrialLedger + ApiClients>(harness: &LedgerHarness<L>, n: u8, name: &str) -> ApiClient {
    let caller = caller(n, name, harness.now());
    assert_eq!(harness.ledger.add_caller(caller.clone(), harness.operator()).await.unwrap(), ApiClientAdded::Done);
    caller
}

async fn change<L: TrialLedger + ApiClients>(
    harness: &LedgerHarness<L>,
    who: &str,
    change: ApiClientChange,
) -> ApiClientChanged {
    harness.ledger.change_caller(name(who), change, harness.operator()).await.unwrap()
}

/// A client is found, complete, by its access key, and by no other.
pub async fn a_caller_is_known_by_the_access_key<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let plain = added(&harness, 1, "Site").await;
    let odd = ApiClient {
        next_secret: Some(sealed_secret(7)),
        scopes: [Scope::Query].into(),
        rate: 0,
        suspended_at: Some(harness.now()),
        ..caller(2, "other", harness.now())
    };
    assert_eq!(harness.ledger.add_caller(odd.clone(), harness.operator()).await.unwrap(), ApiClientAdded::Done);
    for caller in [&plain, &odd] {
        let found = harness.ledger.caller_by_key(caller.access_key.clone()).await.unwrap();
        assert_eq!(found.as_ref(), Some(caller));
    }
    for unknown in ["", "TGAK", "tgak1", "no\0body"] {
        assert_eq!(harness.ledger.caller_by_key(unknown.to_owned()).await.unwrap(), None);
    }
}

/// Removed or not, up to the limit. A name is unique among clients that are not removed.
pub async fn callers_are_listed_newest_first<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let first = added(&harness, 1, "Site").await;
    let again = caller(2, "sITE", harness.now());
    assert_eq!(harness.ledger.add_caller(again.clone(), harness.operator()).await.unwrap(), ApiClientAdded::NameTaken);
    harness.wait(SECOND);
    let gone = ApiClient { removed_at: Some(harness.now()), ..first };
    assert_eq!(change(&harness, "SITE", ApiClientChange::Remove).await, ApiClientChanged::Done(Box::new(gone.clone())));
    assert_eq!(harness.ledger.caller_by_key(gone.access_key.clone()).await.unwrap(), Some(gone.clone()));
    let second = added(&harness, 2, "sITE").await;
    assert_eq!(harness.ledger.callers(9).await.unwrap(), [second.clone(), gone]);
    assert_eq!(harness.ledger.callers(1).await.unwrap(), [second]);
}

/// Every change is stored as the core decides it, and an invalid one changes nothing.
pub async fn callers_are_changed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let site = added(&harness, 1, "site").await;
    let (newer, resealed) = (sealed_secret(8), EncryptedSecret { key_id: "other".to_owned(), ..sealed_secret(9) });
    let reseal = |before: &EncryptedSecret| ApiClientChange::Reseal {
        before: vec![before.clone()],
        after: vec![resealed.clone()],
    };
    for (wanted, expected) in [
        (ApiClientChange::Resume, Err(ApiClientRefusal::Active)),
        (ApiClientChange::Suspend, Ok((ApiClientStatus::Suspended, 1))),
        (ApiClientChange::Suspend, Err(ApiClientRefusal::Suspended)),
        (ApiClientChange::Resume, Ok((ApiClientStatus::Active, 1))),
        (ApiClientChange::RetireSecret, Err(ApiClientRefusal::OneSecret)),
        (ApiClientChange::Rotate(newer.clone()), Ok((ApiClientStatus::Active, 2))),
        (ApiClientChange::Rotate(newer.clone()), Err(ApiClientRefusal::TwoSecrets)),
        (ApiClientChange::RetireSecret, Ok((ApiClientStatus::Active, 1))),
        (reseal(&site.secret), Err(ApiClientRefusal::Overtaken)),
        (reseal(&newer), Ok((ApiClientStatus::Active, 1))),
        (ApiClientChange::Remove, Ok((ApiClientStatus::Removed, 1))),
        (ApiClientChange::Remove, Err(ApiClientRefusal::Unknown)),
    ] {
        let done = change(&harness, "Site", wanted.clone()).await;
        let kept = harness.ledger.caller_by_key(site.access_key.clone()).await.unwrap().unwrap();
        match (done, expected) {
            (ApiClientChanged::Refused(refusal), Err(expected)) => assert_eq!(refusal, expected, "{wanted:?}"),
            (ApiClientChanged::Done(after), Ok(expected)) => {
                assert_eq!((after.status(), after.secrets().count()), expected, "{wanted:?}");
                assert_eq!(*after, kept, "{wanted:?}");
            }
            (done, expected) => panic!("{wanted:?}: {done:?}, not {expected:?}"),
        }
    }
    let kept = harness.ledger.caller_by_key(site.access_key.clone()).await.unwrap().unwrap();
    assert_eq!(kept, ApiClient { secret: resealed, removed_at: kept.removed_at, ..site });
    assert_eq!(
        change(&harness, "nobody", ApiClientChange::Suspend).await,
        ApiClientChanged::Refused(ApiClientRefusal::Unknown)
    );
}

fn limits(scopes: Option<&[Scope]>, rate: Option<u32>) -> ApiClientChange {
    ApiClientChange::Set(ApiClientLimits { scopes: scopes.map(|scopes| scopes.iter().copied().collect()), rate })
}

/// A change of scopes or rate leaves the other as it is; an invalid one changes neither.
pub async fn the_limits_of_a_caller_are_changed<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    let mut site = added(&harness, 1, "site").await;
    let other = added(&harness, 2, "other").await;
    for (scopes, rate, expected) in [
        (None, Some(60), Ok(())),
        (Some(&[Scope::Query, Scope::Apply][..]), None, Ok(())),
        (Some(&[]), Some(7), Err(ApiClientRefusal::NoScope)),
        (Some(&[Scope::Apply]), Some(MAX_CLIENT_RATE + 1), Err(ApiClientRefusal::Rate)),
        (Some(&[Scope::VerifyCodes]), Some(MAX_CLIENT_RATE), Ok(())),
        (None, Some(0), Ok(())),
        (None, Some(0), Ok(())),
    ] {
        if expected.is_ok() {
            site.scopes = scopes.map_or(site.scopes, |scopes| scopes.iter().copied().collect());
            site.rate = rate.unwrap_or(site.rate);
        }
        let done = match expected {
            Ok(()) => ApiClientChanged::Done(Box::new(site.clone())),
            Err(refusal) => ApiClientChanged::Refused(refusal),
        };
        assert_eq!(change(&harness, "SITE", limits(scopes, rate)).await, done, "{scopes:?} {rate:?}");
        let kept = [&site, &other].map(|caller| caller.access_key.clone());
        for (access_key, caller) in kept.into_iter().zip([&site, &other]) {
            assert_eq!(harness.ledger.caller_by_key(access_key).await.unwrap().as_ref(), Some(caller));
        }
    }
}

/// Actor, time and client of each change; no entry for a refused one.
pub async fn changes_of_callers_are_audited<F: LedgerFactory>(factory: &F) {
    let harness = harness(factory, 0).await;
    added(&harness, 1, "Site").await;
    let changes = [
        (ApiClientChange::Suspend, "caller.suspend"),
        (ApiClientChange::Suspend, ""),
        (ApiClientChange::Resume, "caller.resume"),
        (ApiClientChange::Rotate(sealed_secret(3)), "caller.rotate"),
        (ApiClientChange::RetireSecret, "caller.retire_secret"),
        (limits(Some(&[Scope::Apply]), Some(60)), "caller.set"),
        (limits(Some(&[]), None), ""),
        (
            ApiClientChange::Reseal {
                before: vec![sealed_secret(3)],
                after: vec![EncryptedSecret { key_id: "newer".to_owned(), ..sealed_secret(4) }],
            },
            "caller.reseal",
        ),
        (ApiClientChange::Remove, "caller.remove"),
    ];
    let mut expected = vec!["caller.add"];
    for (wanted, action) in changes {
        harness.wait(SECOND);
        change(&harness, "site", wanted).await;
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
    let entries = harness.ledger.audit(query).await.unwrap();
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
    let harness = harness(factory, 0).await;
    let begun = harness.now();
    let remember = async |numbers: &[u8]| {
        let batch = numbers.iter().map(|n| seen(*n, harness.now())).collect();
        harness.ledger.remember_signatures(batch, harness.now()).await.unwrap()
    };
    assert_eq!(remember(&[]).await, Vec::<bool>::new());
    assert_eq!(remember(&[3, 1, 3, 2, 1]).await, [true, true, false, true, false]);
    let known = async |n: u8| harness.ledger.knows_signature([n; 32]).await.unwrap();
    assert_eq!((known(1).await, known(3).await, known(4).await), (true, true, false));
    harness.clock.set(begun + SIGNATURE_KEEPS - Duration::from_millis(1));
    assert_eq!(remember(&[2, 4]).await, [false, true]);
    harness.clock.set(begun + SIGNATURE_KEEPS);
    remember(&[5]).await;
    assert_eq!(remember(&[1, 2, 3, 4]).await, [true, true, true, false], "signatures that are too old were deleted");
}

/// Of any number of instances that see the same signatures at once, each in its own order, one finds each new.
pub async fn a_signature_is_new_to_one_instance<F: LedgerFactory>(factory: &F) {
    const EACH: u8 = 20;
    let harness = Arc::new(harness(factory, 0).await);
    let asking = (0..6).map(|n: u8| {
        let harness = Arc::clone(&harness);
        async move {
            let mut batch: Vec<_> = (0..EACH).map(|n| seen(n, harness.now())).collect();
            batch.rotate_left(usize::from(n * 3));
            if n % 2 == 1 {
                batch.reverse();
            }
            in_the_end(|| harness.ledger.remember_signatures(batch.clone(), harness.now())).await
        }
    });
    let answers = join_all(asking.map(tokio::spawn)).await;
    let new: usize = answers.into_iter().map(|news| news.unwrap().into_iter().filter(|is_new| *is_new).count()).sum();
    assert_eq!(new, usize::from(EACH));
}
