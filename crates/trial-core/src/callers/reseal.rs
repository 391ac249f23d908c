//! Which keys seal the secrets of callers, and how secrets are sealed anew, so that an old key can be taken out.

use super::{Caller, CallerChange, CallerChanged, CallerName, CallerRefusal, SealedSecret};
use crate::operations::ChangedBy;
use crate::ports::{Callers, Clock, Entropy};
use crate::values::named;
use crate::{Keyring, KeyringError, LedgerError};

/// How often a caller is tried whose secrets are changed by others meanwhile.
const TRIES: u32 = 8;

/// What becomes of a secret when old keys are taken out. Of a caller with two secrets, the worse counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealState {
    /// The current key seals it.
    Current,
    /// Another key seals it, and is needed until the secret is sealed anew.
    Older,
    /// No key opens it, so that it does not sign.
    Lost,
}

named!(SealState, "state of a seal", { Current => "current", Older => "older", Lost => "lost" });

/// What came of sealing the secrets of all callers anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Whose secrets were sealed by another key, and are by the current one now.
    pub resealed: Vec<CallerName>,
    /// Whose secrets the current key sealed already.
    pub current: Vec<CallerName>,
    /// Who has a secret that no key opens, and why. If there is another secret, that is sealed anew.
    pub lost: Vec<(CallerName, KeyringError)>,
    /// Whose secrets were changed by others again and again.
    pub overtaken: Vec<CallerName>,
}

/// What came of one caller.
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

    /// The secret, sealed by the current key if another one opens it.
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
    /// What becomes of its secrets when all keys but the current one are taken out.
    pub fn seal_state(&self, keyring: &Keyring) -> SealState {
        let states = self.secrets().map(|secret| secret.seal_state(&self.access_key, keyring));
        states.max().unwrap_or(SealState::Current)
    }

    /// Why one of its secrets cannot be opened, if one cannot.
    pub fn lost_secret(&self, keyring: &Keyring) -> Option<KeyringError> {
        self.secrets().find_map(|secret| secret.open(&self.access_key, keyring).err())
    }

    /// The change that has the current key seal what another one seals; `None` if there is nothing of that kind. A secret that
    /// no key opens stays as it is.
    pub fn reseal(&self, keyring: &Keyring, entropy: &dyn Entropy) -> Option<CallerChange> {
        let before: Vec<_> = self.secrets().cloned().collect();
        let after: Vec<_> = before.iter().map(|secret| secret.resealed(&self.access_key, keyring, entropy)).collect();
        (before != after).then_some(CallerChange::Reseal { before, after })
    }
}

/// All callers that are not removed, newest first.
///
/// # Errors
/// Whatever stands in the way.
pub async fn callers_in_use(callers: &dyn Callers) -> Result<Vec<Caller>, LedgerError> {
    let mut known = callers.callers(u32::MAX).await?;
    known.retain(|caller| caller.removed_at.is_none());
    Ok(known)
}

/// Has the current key seal the secrets of all callers that another one seals. A second time, there is nothing to do.
///
/// # Errors
/// Whatever stands in the way; the callers before are done then.
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
