//! Encryption and re-encryption of API clients' secrets.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use trial_core::audit::ChangedBy;
use trial_core::clients::{
    ApiClient, ApiClientAdded, ApiClientChange, ApiClientChanged, ApiClientName, EncryptedSecret, EncryptionState,
    SeenSignature,
};
use trial_core::error::LedgerError;
use trial_core::ports::{ApiClients, Clock as _};
use trial_core::values::{Keyring, KeyringError, SecretKey};
use trial_engine::operations::{Reencrypted, reencrypt_client_secrets};
use trial_testkit::{FixedClock, MemoryLedger, MemoryState, SeededEntropy, data};

/// The keys that encrypted secrets, each with its byte; the keyring of the tests has the first two.
const CURRENT: (&str, u8) = ("current", 1);
const FORMER: (&str, u8) = ("former", 2);
const GONE: (&str, u8) = ("gone", 3);

fn now() -> DateTime<Utc> {
    FixedClock::default().now()
}

fn keyring(keys: &[(&str, u8)]) -> Keyring {
    Keyring::new(keys.iter().map(|(id, byte)| SecretKey::new(id, &[*byte; 32]).unwrap()).collect()).unwrap()
}

/// The `n`-th API client, of this name, whose secrets these keys encrypted.
fn sealed_by(n: u8, name: &str, keys: &[(&str, u8)]) -> ApiClient {
    let caller = data::caller(n, name, now());
    let mut secrets = keys.iter().map(|key| sealed(&caller, n, *key));
    ApiClient { secret: secrets.next().unwrap(), next_secret: secrets.next(), ..caller }
}

fn sealed(caller: &ApiClient, n: u8, key: (&str, u8)) -> EncryptedSecret {
    data::caller_credentials(n).secret.seal(&caller.access_key, &keyring(&[key]), &[n; Keyring::NONCE])
}

fn ledger_of(callers: impl IntoIterator<Item = ApiClient>) -> MemoryLedger {
    let ledger = MemoryLedger::default();
    ledger.change(|state| state.callers.extend(callers.into_iter().map(|caller| (caller.id, caller))));
    ledger
}

async fn reseal(callers: &dyn ApiClients) -> Reencrypted {
    let (clock, entropy) = (FixedClock::default(), SeededEntropy::new(1));
    reencrypt_client_secrets(callers, &keyring(&[CURRENT, FORMER]), "cli:test", &clock, &entropy).await.unwrap()
}

fn names(names: &[&str]) -> Vec<ApiClientName> {
    names.iter().map(|name| ApiClientName::parse(name).unwrap()).collect()
}

fn named(ledger: &MemoryLedger, name: &str) -> ApiClient {
    ledger.state().callers.into_values().find(|caller| caller.name.as_str() == name).unwrap()
}

#[test]
fn the_worst_of_the_secrets_counts() {
    for (keys, expected) in [
        (&[CURRENT][..], EncryptionState::Current),
        (&[CURRENT, CURRENT], EncryptionState::Current),
        (&[FORMER], EncryptionState::Older),
        (&[FORMER, CURRENT], EncryptionState::Older),
        (&[CURRENT, FORMER], EncryptionState::Older),
        (&[GONE], EncryptionState::Lost),
        (&[GONE, CURRENT], EncryptionState::Lost),
        (&[FORMER, GONE], EncryptionState::Lost),
    ] {
        let caller = sealed_by(1, "site", keys);
        assert_eq!(caller.seal_state(&keyring(&[CURRENT, FORMER])), expected, "{keys:?}");
        let is_lost = caller.lost_secret(&keyring(&[CURRENT, FORMER])).is_some();
        assert_eq!(is_lost, expected == EncryptionState::Lost, "{keys:?}");
    }
    let replaced = keyring(&[("current", 9)]);
    let caller = sealed_by(1, "site", &[CURRENT]);
    assert_eq!(caller.seal_state(&replaced), EncryptionState::Lost);
    assert_eq!(caller.lost_secret(&replaced), Some(KeyringError::Unsealable("current".to_owned())));
}

/// The secrets stay; those that no key decrypts are reported and do not stop the rest. Once is enough.
#[tokio::test]
async fn the_current_key_seals_what_an_older_one_did() {
    let before = [
        sealed_by(1, "new", &[CURRENT]),
        sealed_by(2, "old", &[FORMER]),
        sealed_by(3, "two", &[FORMER, CURRENT]),
        sealed_by(4, "lost", &[GONE]),
        sealed_by(5, "half", &[GONE, FORMER]),
        ApiClient { removed_at: Some(now()), ..sealed_by(6, "removed", &[FORMER]) },
        ApiClient { suspended_at: Some(now()), ..sealed_by(7, "suspended", &[FORMER]) },
    ];
    let ledger = ledger_of(before.clone());
    let came = reseal(&ledger).await;
    assert_eq!(came.resealed, names(&["suspended", "two", "old"]));
    assert_eq!(came.current, names(&["new"]));
    let unknown = KeyringError::Unknown("gone".to_owned());
    let lost: Vec<_> = names(&["half", "lost"]).into_iter().map(|name| (name, unknown.clone())).collect();
    assert_eq!((came.lost, came.overtaken), (lost, names(&[])));

    let alone = keyring(&[CURRENT]);
    for (n, was) in (1..).zip(&before) {
        let is = named(&ledger, was.name.as_str());
        let secret = data::caller_credentials(n).secret;
        let opened: Vec<_> = is.secrets().map(|sealed| sealed.open(&is.access_key, &alone).ok()).collect();
        let expected = match was.name.as_str() {
            "lost" | "removed" => vec![None],
            "half" => vec![None, Some(secret)],
            "two" => vec![Some(secret.clone()), Some(secret)],
            _ => vec![Some(secret)],
        };
        assert_eq!(opened, expected, "{}", was.name);
        assert_eq!(is, ApiClient { secret: is.secret.clone(), next_secret: is.next_secret.clone(), ..was.clone() });
    }
    let nonces = ledger.state().callers.into_values().flat_map(|caller| {
        let secrets = caller.secrets().map(|secret| secret.sealed[..Keyring::NONCE].to_vec()).collect::<Vec<_>>();
        secrets.into_iter().filter(|nonce| nonce.iter().any(|byte| *byte != nonce[0]))
    });
    let mut nonces: Vec<_> = nonces.collect();
    nonces.sort_unstable();
    let count = nonces.len();
    nonces.dedup();
    assert_eq!((count, nonces.len()), (4, 4), "no nonce is used twice");

    let done = ledger.state();
    assert_eq!(done.audit.len(), 4);
    assert!(done.audit.iter().all(|entry| entry.action == "caller.reseal" && entry.actor == "cli:test"));
    let again = reseal(&ledger).await;
    assert_eq!((again.resealed, again.current.len(), again.lost.len()), (names(&[]), 4, 2));
    assert!(ledger.state() == done, "nothing is written a second time");
}

/// A ledger with a concurrent change just before each requested change, a given number of times.
struct Busy<F> {
    ledger: MemoryLedger,
    happens: F,
    times: AtomicU32,
}

impl<F: Fn(&mut MemoryState) + Send + Sync> Busy<F> {
    fn new(ledger: &MemoryLedger, times: u32, happens: F) -> Self {
        Self { ledger: ledger.clone(), happens, times: AtomicU32::new(times) }
    }
}

#[async_trait]
impl<F: Fn(&mut MemoryState) + Send + Sync> ApiClients for Busy<F> {
    async fn add_caller(&self, caller: ApiClient, by: ChangedBy) -> Result<ApiClientAdded, LedgerError> {
        self.ledger.add_caller(caller, by).await
    }

    async fn callers(&self, limit: u32) -> Result<Vec<ApiClient>, LedgerError> {
        self.ledger.callers(limit).await
    }

    async fn caller_by_key(&self, access_key: String) -> Result<Option<ApiClient>, LedgerError> {
        self.ledger.caller_by_key(access_key).await
    }

    async fn change_caller(
        &self,
        name: ApiClientName,
        change: ApiClientChange,
        by: ChangedBy,
    ) -> Result<ApiClientChanged, LedgerError> {
        if self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            self.ledger.change(&self.happens);
        }
        self.ledger.change_caller(name, change, by).await
    }

    async fn knows_signature(&self, signature: [u8; 32]) -> Result<bool, LedgerError> {
        self.ledger.knows_signature(signature).await
    }

    async fn remember_signatures(
        &self,
        seen: Vec<SeenSignature>,
        now: DateTime<Utc>,
    ) -> Result<Vec<bool>, LedgerError> {
        self.ledger.remember_signatures(seen, now).await
    }
}

/// An operator rotates or retires a secret at an instance that has the old key.
fn exchange(state: &mut MemoryState) {
    let site = state.callers.values_mut().next().unwrap();
    match site.next_secret.take() {
        Some(newer) => site.secret = newer,
        None => site.next_secret = Some(sealed(site, 2, FORMER)),
    }
}

#[tokio::test]
async fn what_comes_between_is_not_undone() {
    let ledger = ledger_of([sealed_by(1, "site", &[FORMER])]);
    let came = reseal(&Busy::new(&ledger, 3, exchange)).await;
    assert_eq!((came.resealed, came.overtaken), (names(&["site"]), names(&[])));
    let site = named(&ledger, "site");
    let opened = site.secrets().map(|secret| secret.open(&site.access_key, &keyring(&[CURRENT])).unwrap());
    let second = data::caller_credentials(2).secret;
    assert_eq!(opened.collect::<Vec<_>>(), [second.clone(), second], "rotated, retired and rotated");
}

#[tokio::test]
async fn whoever_is_overtaken_again_and_again_is_told_of() {
    let ledger = ledger_of([sealed_by(1, "site", &[FORMER])]);
    let came = reseal(&Busy::new(&ledger, u32::MAX, exchange)).await;
    assert_eq!((came.resealed, came.overtaken), (names(&[]), names(&["site"])));
    let came = reseal(&ledger).await;
    assert_eq!((came.resealed, came.overtaken), (names(&["site"]), names(&[])));
}

#[tokio::test]
async fn another_caller_of_the_same_name_is_let_alone() {
    let ledger = ledger_of([sealed_by(1, "site", &[FORMER])]);
    let another = sealed_by(2, "site", &[FORMER]);
    let replace = |state: &mut MemoryState| {
        state.callers.values_mut().next().unwrap().removed_at = Some(now());
        state.callers.insert(another.id, another.clone());
    };
    assert_eq!(reseal(&Busy::new(&ledger, 1, replace)).await, Reencrypted::default());
    assert_eq!(ledger.state().callers[&another.id], another);
}
