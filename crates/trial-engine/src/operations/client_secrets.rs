//! The re-encryption of the secrets of all API clients.

use trial_core::audit::ChangedBy;
use trial_core::clients::{ApiClient, ApiClientChanged, ApiClientName, ApiClientRefusal};
use trial_core::error::LedgerError;
use trial_core::ports::{ApiClients, Clock, Entropy};
use trial_core::values::{Keyring, KeyringError};

/// Attempts at an API client whose secrets are being changed by others meanwhile.
const TRIES: u32 = 8;

/// The result of re-encrypting the secrets of all API clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reencrypted {
    /// API clients whose secrets were encrypted with another key, and are now with the current one.
    pub resealed: Vec<ApiClientName>,
    /// API clients whose secrets were already encrypted with the current key.
    pub current: Vec<ApiClientName>,
    /// API clients with a secret that no key decrypts, and the error. Another secret of such a client is re-encrypted.
    pub lost: Vec<(ApiClientName, KeyringError)>,
    /// API clients whose secrets were changed by others at every attempt.
    pub overtaken: Vec<ApiClientName>,
}

/// The result for one API client.
enum Fate {
    Reencrypted,
    Current,
    Lost(KeyringError),
    Overtaken,
    /// It was removed meanwhile.
    Gone,
}

/// Returns all API clients that are not removed, newest first.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn clients_in_use(callers: &dyn ApiClients) -> Result<Vec<ApiClient>, LedgerError> {
    let mut known = callers.callers(u32::MAX).await?;
    known.retain(|caller| caller.removed_at.is_none());
    Ok(known)
}

/// Re-encrypts with the current key all secrets of API clients that are encrypted with another. Idempotent.
///
/// # Errors
/// [`LedgerError`] if a query or a change fails; the API clients before that one are done.
pub async fn reencrypt_client_secrets(
    callers: &dyn ApiClients,
    keyring: &Keyring,
    actor: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Reencrypted, LedgerError> {
    let mut came = Reencrypted::default();
    for caller in clients_in_use(callers).await? {
        let name = caller.name.clone();
        let by = || ChangedBy::now(actor.to_owned(), clock, entropy);
        match reseal_one(callers, caller, keyring, entropy, by).await? {
            Fate::Reencrypted => came.resealed.push(name),
            Fate::Current => came.current.push(name),
            Fate::Lost(error) => came.lost.push((name, error)),
            Fate::Overtaken => came.overtaken.push(name),
            Fate::Gone => {}
        }
    }
    Ok(came)
}

async fn reseal_one(
    callers: &dyn ApiClients,
    mut caller: ApiClient,
    keyring: &Keyring,
    entropy: &dyn Entropy,
    by: impl Fn() -> ChangedBy,
) -> Result<Fate, LedgerError> {
    let or_lost = |caller: &ApiClient, fate| caller.lost_secret(keyring).map_or(fate, Fate::Lost);
    for _ in 0..TRIES {
        let Some(change) = caller.reseal(keyring, entropy) else { return Ok(or_lost(&caller, Fate::Current)) };
        match callers.change_caller(caller.name.clone(), change, by()).await? {
            ApiClientChanged::Done(resealed) => return Ok(or_lost(&resealed, Fate::Reencrypted)),
            ApiClientChanged::Refused(ApiClientRefusal::Overtaken) => {}
            ApiClientChanged::Refused(_) => return Ok(Fate::Gone),
        }
        // The name may be another caller's by now, so that this one is looked for by its access key.
        match callers.caller_by_key(caller.access_key.clone()).await? {
            Some(now) if now.removed_at.is_none() => caller = now,
            _ => return Ok(Fate::Gone),
        }
    }
    Ok(Fate::Overtaken)
}
