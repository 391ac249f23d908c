//! Expired data is removed in rounds and steps, and a fault of one kind of data affects no other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mockall::Sequence;
use tokio::time::{Instant, advance, sleep};
use trial_core::error::LedgerError;
use trial_core::ports::{MockPrivacy, MockTrialLedger};
use trial_core::privacy::{Compaction, Expired, Expiring, ExpiryPage, Retention};
use trial_engine::{COMPACT_LIMIT, Engine, EngineParts, RetentionOptions, purge};

use crate::stage::{now, options, parts};

#[tokio::test(start_paused = true)]
async fn a_round_goes_through_everything_a_stretch_at_a_time() {
    let asked: Arc<Mutex<Vec<(Instant, ExpiryPage)>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let mut privacy = MockPrivacy::new();
    privacy.expect_expire().returning(move |page, dry_run| {
        assert!(!dry_run);
        seen.lock().unwrap().push((Instant::now(), page));
        match (page.what, page.after[0]) {
            (Expiring::Applications, after @ 0..2) => Ok(Expired { removed: 1, last: Some([after + 1; 16]) }),
            (Expiring::CodeRequests, _) => Err(LedgerError::Unavailable(Box::from("cause"))),
            _ => Ok(Expired { removed: 0, last: None }),
        }
    });
    let swept = Arc::new(Mutex::new(0));
    let sweeps = Arc::clone(&swept);
    privacy.expect_expire_portal().returning(move |_| {
        *sweeps.lock().unwrap() += 1;
        Err(LedgerError::Unavailable(Box::from("cause")))
    });
    let forgotten = Arc::clone(&swept);
    privacy.expect_expire_prefixes().returning(move |_| {
        *forgotten.lock().unwrap() += 10;
        Err(LedgerError::Unavailable(Box::from("cause")))
    });
    privacy.expect_compact().returning(|_| Ok(Compaction::Clean));
    privacy.expect_purge().returning(|| Ok(true));
    let retention = RetentionOptions { stretch: 7, ..RetentionOptions::default() };
    let parts = EngineParts { privacy: Some((Arc::new(privacy), retention)), ..parts(MockTrialLedger::new()) };
    let started = Instant::now();
    let engine = Engine::start(parts, options());
    while asked.lock().unwrap().len() < 8 {
        advance(Duration::from_secs(10)).await;
    }
    engine.stop().await.unwrap();
    assert_eq!(*swept.lock().unwrap(), 22, "the portal once a round, and the counts of ranges");
    let asked = asked.lock().unwrap().clone();
    let kinds: Vec<_> = asked.iter().map(|(_, page)| (page.what.as_str(), page.after[0])).collect();
    let round = [
        ("applications", 0),
        ("applications", 1),
        ("applications", 2),
        ("code_requests", 0),
        ("challenges", 0),
        ("events", 0),
        ("agreements", 0),
    ];
    assert_eq!(kinds[..7], round);
    assert_eq!(kinds[7], ("applications", 2), "the next round goes on from there");
    for (_, page) in &asked {
        assert_eq!((page.limit, page.since), (7, Retention::default().since(page.what, now())));
    }
    assert!(asked[0].0 >= started + retention.interval && asked[7].0 >= asked[6].0 + retention.interval);
    assert!(asked[1].0 >= asked[0].0 + retention.pause, "others have their turns in between");
}

/// Rows that have to be kept are not read again each hour; once a day they are, as the reason may have gone.
#[tokio::test(start_paused = true)]
async fn one_round_of_a_day_reads_everything() {
    let asked: Arc<Mutex<Vec<u8>>> = Arc::default();
    let rounds = Arc::clone(&asked);
    let mut privacy = MockPrivacy::new();
    privacy.expect_expire().returning(move |page, _| {
        // One page of applications, behind which there are none.
        let is_first = page.what == Expiring::Applications && page.after == [0; 16];
        if page.what == Expiring::Applications {
            rounds.lock().unwrap().push(page.after[0]);
        }
        Ok(Expired { removed: 0, last: is_first.then_some([1; 16]) })
    });
    privacy.expect_expire_portal().returning(|_| Ok(0));
    privacy.expect_expire_prefixes().returning(|_| Ok(0));
    privacy.expect_purge().returning(|| Ok(true));
    privacy.expect_compact().returning(|_| Ok(Compaction::Clean));
    let privacy = Some((Arc::new(privacy) as _, RetentionOptions::default()));
    let engine = Engine::start(EngineParts { privacy, ..parts(MockTrialLedger::new()) }, options());
    while asked.lock().unwrap().len() < 27 {
        advance(Duration::from_mins(1)).await;
    }
    engine.stop().await.unwrap();
    // A whole round asks for both pages, the 23 others for the second one.
    let mut expected = [1; 27];
    (expected[0], expected[25]) = (0, 0);
    assert_eq!(asked.lock().unwrap()[..27], expected);
}

/// After the first round, which does not know what was left, only if something was removed or could not be purged.
#[tokio::test(start_paused = true)]
async fn a_round_that_removed_something_purges_until_that_is_done() {
    // The removals of each round, and the results of the purges after it.
    let rounds: [(u64, &[Result<bool, ()>]); 5] =
        [(0, &[Ok(false), Ok(true)]), (0, &[]), (3, &[Err(())]), (0, &[Ok(true)]), (0, &[])];
    let mut privacy = MockPrivacy::new();
    let mut order = Sequence::new();
    privacy.expect_expire().returning(|_, _| Ok(Expired { removed: 0, last: None }));
    privacy.expect_expire_prefixes().returning(|_| Ok(0));
    privacy.expect_compact().returning(|_| Ok(Compaction::Clean));
    for (removed, purges) in rounds {
        privacy.expect_expire_portal().times(1).in_sequence(&mut order).returning(move |_| Ok(removed));
        for said in purges {
            let answer = move || said.map_err(|()| LedgerError::Unavailable(Box::from("cause")));
            privacy.expect_purge().times(1).in_sequence(&mut order).returning(answer);
        }
    }
    let (done, rounds_are_over) = tokio::sync::oneshot::channel();
    let done = Mutex::new(Some(done));
    privacy.expect_expire_portal().times(1..).in_sequence(&mut order).returning(move |_| {
        if let Some(done) = done.lock().unwrap().take() {
            done.send(()).unwrap();
        }
        Ok(0)
    });
    let parts = EngineParts {
        privacy: Some((Arc::new(privacy), RetentionOptions::default())),
        ..parts(MockTrialLedger::new())
    };
    let engine = Engine::start(parts, options());
    rounds_are_over.await.unwrap();
    engine.stop().await.unwrap();
}

/// Once a day, or in the next round after a failure; a rewritten file is purged, though no row was removed.
#[tokio::test(start_paused = true)]
async fn the_file_is_rewritten_once_a_day_and_then_purged() {
    let mut privacy = MockPrivacy::new();
    privacy.expect_expire().returning(|_, _| Ok(Expired { removed: 0, last: None }));
    privacy.expect_expire_portal().returning(|_| Ok(0));
    privacy.expect_expire_prefixes().returning(|_| Ok(0));
    let hours = Arc::new(Mutex::new(Vec::new()));
    let started = Instant::now();
    let note = |what: &'static str| {
        let hours = Arc::clone(&hours);
        move || hours.lock().unwrap().push((what, started.elapsed().as_secs() / 3_600))
    };
    let compacted = note("compact");
    let mut answers = [
        Err(LedgerError::Unavailable(Box::from("cause"))),
        Ok(Compaction::TooLarge { bytes: 1 << 40 }),
        Ok(Compaction::Done),
    ]
    .into_iter();
    privacy.expect_compact().with(mockall::predicate::eq(COMPACT_LIMIT)).returning(move |_| {
        compacted();
        answers.next().unwrap_or(Ok(Compaction::Clean))
    });
    let purged = note("purge");
    privacy.expect_purge().returning(move || {
        purged();
        Ok(true)
    });
    let parts = EngineParts {
        privacy: Some((Arc::new(privacy), RetentionOptions::default())),
        ..parts(MockTrialLedger::new())
    };
    let engine = Engine::start(parts, options());
    sleep(Duration::from_hours(52)).await;
    engine.stop().await.unwrap();
    let expected = [("compact", 1), ("purge", 1), ("compact", 2), ("compact", 26), ("purge", 26), ("compact", 50)];
    assert_eq!(*hours.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_purge_waits_for_readers_and_no_longer_than_it_may() {
    let mut privacy = MockPrivacy::new();
    privacy.expect_purge().times(2..=1000).returning(|| Ok(false));
    let started = Instant::now();
    assert!(!purge(&privacy).await.unwrap());
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited <= Duration::from_secs(15), "{waited:?}");
}
