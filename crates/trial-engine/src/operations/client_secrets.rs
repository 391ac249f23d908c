//! The re-encryption of the secrets of all API clients.

use trial_core::audit::ChangedBy;
use trial_core::clients::{Caller, CallerChanged, CallerName, CallerRefusal};
use trial_core::error::LedgerError;
use trial_core::ports::{Callers, Clock, Entropy};
use trial_core::values::{Keyring, KeyringError};

/// Attempts at an API client whose secrets are being changed by others meanwhile.
const TRIES: u32 = 8;

/// The result of re-encrypting the secrets of all API clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// API clients whose secrets were encrypted with another key, and are now with the current one.
    pub resealed: Vec<CallerName>,
    /// API clients whose secrets were already encrypted with the current key.
    pub current: Vec<CallerName>,
    /// API clients with a secret that no key decrypts, and the error. Another secret of such a client is re-encrypted.
    pub lost: Vec<(CallerName, KeyringError)>,
    /// API clients whose secrets were changed by others at every attempt.
    pub overtaken: Vec<CallerName>,
}

/// The result for one API client.
enum Fate {
    Resealed,
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
pub async fn callers_in_use(callers: &dyn Callers) -> Result<Vec<Caller>, LedgerError> {
    let mut known = callers.callers(u32::MAX).await?;
    known.retain(|caller| caller.removed_at.is_none());
    Ok(known)
}

/// Re-encrypts with the current key all secrets of API clients that are encrypted with another. Idempotent.
///
/// # Errors
/// [`LedgerError`] if a query or a change fails; the API clients before that one are done.
pub async fn reseal_callers(
    callers: &dyn Callers,
    keyring: &Keyring,
    actor: &str,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Resealed, LedgerError> {
    let mut came = Resealed::default();
    for caller in callers_in_use(callers).await? {
        let name = caller.name.clone();
        let by = || ChangedBy::now(actor.to_owned(), clock, entropy);
        match reseal_one(callers, caller, keyring, entropy, by).await? {
            Fate::Resealed => came.resealed.push(name),
            Fate::Current => came.current.push(name),
            Fate::Lost(error) => came.lost.push((name, error)),
            Fate::Overtaken => came.overtaken.push(name),
            Fate::Gone => {}
        }
    }
    Ok(came)
}

async fn reseal_one(
    callers: &dyn Callers,
    mut caller: Caller,
    keyring: &Keyring,
    entropy: &dyn Entropy,
    by: impl Fn() -> ChangedBy,
) -> Result<Fate, LedgerError> {
    let or_lost = |caller: &Caller, fate| caller.lost_secret(keyring).map_or(fate, Fate::Lost);
    for _ in 0..TRIES {
        let Some(change) = caller.reseal(keyring, entropy) else { return Ok(or_lost(&caller, Fate::Current)) };
        match callers.change_caller(caller.name.clone(), change, by()).await? {
            CallerChanged::Done(resealed) => return Ok(or_lost(&resealed, Fate::Resealed)),
            CallerChanged::Refused(CallerRefusal::Overtaken) => {}
            CallerChanged::Refused(_) => return Ok(Fate::Gone),
        }
        // The name may be another caller's by now, so that this one is looked for by its access key.
        match callers.caller_by_key(caller.access_key.clone()).await? {
            Some(now) if now.removed_at.is_none() => caller = now,
            _ => return Ok(Fate::Gone),
        }
    }
    Ok(Fate::Overtaken)
}
