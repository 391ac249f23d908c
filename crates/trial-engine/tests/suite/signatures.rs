//! Signatures that arrive together are recorded together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use trial_core::clients::SeenSignature;
use trial_core::error::LedgerError;
use trial_core::ports::{ApiClients, Clock as _, MockApiClients, ReplayGuard as _};
use trial_engine::Signatures;
use trial_testkit::{FixedClock, MemoryLedger};

fn seen(n: u8) -> SeenSignature {
    SeenSignature::new([n; 32], FixedClock::default().now())
}

fn signatures(callers: impl ApiClients + 'static) -> Signatures {
    Signatures::start(Arc::new(callers), Arc::new(FixedClock::default())).0
}

#[tokio::test(start_paused = true)]
async fn each_is_new_once() {
    let signatures = signatures(MemoryLedger::default());
    let asks = [1, 2, 1, 3, 2].map(|n| signatures.is_new(seen(n)));
    let news: Vec<_> = join_all(asks).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(news, [true, true, false, true, false]);
    assert!(!signatures.is_new(seen(3)).await.unwrap());
    assert!(signatures.is_known(seen(3)).await.unwrap() && !signatures.is_known(seen(4)).await.unwrap());
    assert!(signatures.is_new(seen(4)).await.unwrap(), "to look changes nothing");
}

#[tokio::test(start_paused = true)]
async fn signatures_during_a_commit_go_with_the_next() {
    let commits = Arc::new(AtomicUsize::new(0));
    let mut callers = MockApiClients::new();
    let counted = Arc::clone(&commits);
    callers.expect_remember_signatures().times(2).returning(move |seen, _| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        assert_eq!(seen.len(), if first { 1 } else { 99 });
        Ok(vec![true; seen.len()])
    });
    let signatures = signatures(callers);
    assert!(signatures.is_new(seen(0)).await.unwrap());
    let asks = (1..100).map(|n| signatures.is_new(seen(n)));
    assert!(join_all(asks).await.into_iter().all(|is_new| is_new.unwrap()));
    assert_eq!(commits.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_are_rejected_while_the_ledger_cannot_be_used() {
    let mut callers = MockApiClients::new();
    callers.expect_remember_signatures().once().returning(|_, _| Err(LedgerError::Unavailable("gone".into())));
    callers.expect_remember_signatures().once().returning(|seen, _| Ok(vec![true; seen.len()]));
    let signatures = signatures(callers);
    assert!(matches!(signatures.is_new(seen(1)).await, Err(LedgerError::Unavailable(_))));
    assert!(signatures.is_new(seen(1)).await.unwrap(), "the next one is asked anew");
}
