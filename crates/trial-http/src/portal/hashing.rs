//! Hashes of passwords, by Argon2id. Each takes 19 MiB and some time: there is a bound to how many are made at once.

use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Refused;

/// As the OWASP Password Storage Cheat Sheet has it: 19 MiB, in KiB.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes at once: some 76 MiB.
const AT_ONCE: usize = 4;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// When whoever found no turn may come again, in seconds.
const COME_AGAIN: u64 = 5;

/// What is looked at where there is no password: of the same parameters, and of nothing that anybody knows.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Makes and looks at hashes.
pub(super) struct Hashing {
    turns: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }
}

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Hashing {
    /// Whether this is the password of a hash. Without a hash it takes as long.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Refused> {
        let is_somebodys = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
        let is_right = self.take(move || {
            let hash = phc::PasswordHash::new(&hash).ok()?;
            Some(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(is_right.await? && is_somebodys)
    }

    /// The hash of a password, as a PHC string.
    pub(super) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Refused> {
        self.take(move || {
            let hash: phc::PasswordHash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt).ok()?;
            Some(hash.to_string())
        })
        .await
    }

    async fn take<T: Send + 'static>(&self, work: impl FnOnce() -> Option<T> + Send + 'static) -> Result<T, Refused> {
        let Ok(Ok(_turn)) = timeout(PATIENCE, self.turns.acquire()).await else {
            return Err(Refused::Busy(COME_AGAIN));
        };
        let done = tokio::task::spawn_blocking(work).await.ok().flatten();
        done.ok_or_else(|| {
            tracing::error!("a password cannot be hashed, or what is kept is no hash");
            Refused::Failed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let hashing = Hashing::default();
        let Ok(hash) = hashing.hash("a long password".to_owned(), [7; 16]).await else { panic!("it is hashed") };
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (password, hash, expected) in [
            ("a long password", Some(&hash), true),
            ("another password", Some(&hash), false),
            ("a long password", None, false),
        ] {
            let is_right = hashing.verify(password.to_owned(), hash.cloned()).await;
            assert!(matches!(is_right, Ok(is_right) if is_right == expected), "{password}");
        }
        assert!(matches!(hashing.verify("x".to_owned(), Some("nonsense".to_owned())).await, Err(Refused::Failed)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_turn_is_told_to_come_again() {
        let hashing = Hashing { turns: Semaphore::new(0) };
        assert!(matches!(hashing.verify("x".to_owned(), None).await, Err(Refused::Busy(5))));
    }
}
