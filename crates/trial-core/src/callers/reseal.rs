//! The re-encryption of API clients' secrets with the current key, so that an old key can be removed.

use super::{Caller, CallerChange, CallerChanged, CallerName, CallerRefusal, SealedSecret};
use crate::operations::ChangedBy;
use crate::ports::{Callers, Clock, Entropy};
use crate::values::named;
use crate::{Keyring, KeyringError, LedgerError};

/// Attempts at an API client whose secrets are being changed by others meanwhile.
const TRIES: u32 = 8;

/// The state of a secret once all keys but the current one are removed. Of a client with two secrets, the worse counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealState {
    /// It is encrypted with the current key.
    Current,
    /// It is encrypted with another key, which is needed until the secret is re-encrypted.
    Older,
    /// No key opens it, so that it does not sign.
    Lost,
}

named!(SealState, "state of a seal", { Current => "current", Older => "older", Lost => "lost" });

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

impl SealedSecret {
    fn seal_state(&self, access_key: &str, keyring: &Keyring) -> SealState {
        match self.open(access_key, keyring) {
            Err(_) => SealState::Lost,
            Ok(_) if self.key_id == keyring.current_id() => SealState::Current,
            Ok(_) => SealState::Older,
        }
    }

    /// The secret, re-encrypted with the current key if another one decrypts it.
    fn resealed(&self, access_key: &str, keyring: &Keyring, entropy: &dyn Entropy) -> Self {
        match self.open(access_key, keyring) {
            Ok(secret) if self.key_id != keyring.current_id() => {
                let mut nonce = [0; Keyring::NONCE];
                entropy.fill(&mut nonce);
                secret.seal(access_key, keyring, &nonce)
            }
            _ => self.clone(),
        }
    }
}

impl Caller {
    /// The state of its secrets once all keys but the current one are removed.
    pub fn seal_state(&self, keyring: &Keyring) -> SealState {
        let states = self.secrets().map(|secret| secret.seal_state(&self.access_key, keyring));
        states.max().unwrap_or(SealState::Current)
    }

    /// The error for the first of its secrets that cannot be decrypted, if any.
    pub fn lost_secret(&self, keyring: &Keyring) -> Option<KeyringError> {
        self.secrets().find_map(|secret| secret.open(&self.access_key, keyring).err())
    }

    /// The change that re-encrypts with the current key the secrets that another key decrypts; `None` if there are
    /// none. A secret that no key decrypts stays as it is.
    pub fn reseal(&self, keyring: &Keyring, entropy: &dyn Entropy) -> Option<CallerChange> {
        let before: Vec<_> = self.secrets().cloned().collect();
        let after: Vec<_> = before.iter().map(|secret| secret.resealed(&self.access_key, keyring, entropy)).collect();
        (before != after).then_some(CallerChange::Reseal { before, after })
    }
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
