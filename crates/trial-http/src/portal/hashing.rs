//! Argon2id hashes of passwords. Each takes 19 MiB and some time, so the number of concurrent hashes is bounded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Refused;

/// 19 MiB in KiB, by the OWASP Password Storage Cheat Sheet.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Concurrent hashes: about 76 MiB.
const AT_ONCE: usize = 4;
/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// `Retry-After` if there was no turn, in seconds.
const COME_AGAIN: u64 = 5;

/// Hash that is checked if there is no password: of the same parameters and an unknown password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Computes and verifies hashes.
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
    free: Memories,
}

/// Memory of hashes between uses, allocated once: an allocator would keep freed memory for each thread that allocated
/// it.
type Memories = Arc<Mutex<Vec<Vec<Block>>>>;

/// Permission for one hash, with its memory. It belongs to the computation, so that it lasts as long, even if the
/// client is gone.
struct Turn {
    memory: Vec<Block>,
    free: Memories,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    fn new(permit: OwnedSemaphorePermit, free: &Memories) -> Self {
        let memory = free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Self { memory, free: Arc::clone(free), _permit: permit }
    }

    /// The hash of a password.
    fn hash(&mut self, argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Option<Output> {
        let params = argon2.params();
        if self.memory.len() < params.block_count() {
            self.memory.resize(params.block_count(), Block::new());
        }
        let mut output = [0; Output::MAX_LENGTH];
        let output = output.get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
        argon2.hash_password_into_with_memory(password, salt, output, self.memory.as_mut_slice()).ok()?;
        Output::new(output).ok()
    }
}

impl Drop for Turn {
    /// Overwrites the memory, from which a password is easier to guess than from its hash.
    fn drop(&mut self) {
        let mut memory = std::mem::take(&mut self.memory);
        memory.fill(Block::new());
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::with_turns(AT_ONCE)
    }
}

/// The hash of a password as a PHC string.
fn hashed(turn: &mut Turn, password: &[u8], salt: &[u8]) -> Option<String> {
    let params = Params::new(MEMORY, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(turn.hash(&argon2, password, salt)?),
    };
    Some(hash.to_string())
}

/// Returns `true` if a hash, by its own parameters, is that of this password.
fn is_hash_of(turn: &mut Turn, password: &[u8], hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (algorithm, version) =
        (Algorithm::try_from(hash.algorithm.as_str()).ok()?, Version::try_from(hash.version?).ok()?);
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    // Outputs are compared in constant time.
    Some(turn.hash(&argon2, password, &hash.salt?)? == hash.hash?)
}

impl Hashing {
    fn with_turns(turns: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(turns)), free: Memories::default() }
    }

    /// Returns `true` if the hash is that of this password. Without a hash it takes as long.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Refused> {
        let is_somebodys = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODYS.to_owned());
        let is_right = self.take(move |turn| is_hash_of(turn, password.as_bytes(), &hash)).await?;
        Ok(is_right && is_somebodys)
    }

    /// The hash of a password, as a PHC string.
    pub(super) async fn hash(&self, password: String, salt: [u8; 16]) -> Result<String, Refused> {
        self.take(move |turn| hashed(turn, password.as_bytes(), &salt)).await
    }

    async fn take<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Turn) -> Option<T> + Send + 'static,
    ) -> Result<T, Refused> {
        let Ok(Ok(permit)) = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await else {
            return Err(Refused::Busy(COME_AGAIN));
        };
        let mut turn = Turn::new(permit, &self.free);
        let done = tokio::task::spawn_blocking(move || work(&mut turn)).await.ok().flatten();
        done.ok_or_else(|| {
            tracing::error!("a password cannot be hashed, or the stored hash is malformed");
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
        let hashing = Hashing::with_turns(0);
        assert!(matches!(hashing.verify("x".to_owned(), None).await, Err(Refused::Busy(5))));
    }

    #[tokio::test]
    async fn the_memory_of_a_hash_is_overwritten_and_used_again() {
        let hashing = Hashing::with_turns(1);
        let mut places = Vec::new();
        for salt in 0..3 {
            assert!(hashing.hash("a long password".to_owned(), [salt; 16]).await.is_ok());
            let free = hashing.free.lock().unwrap();
            let [memory] = free.as_slice() else { panic!("{} memories", free.len()) };
            assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
            places.push((memory.as_ptr(), memory.len()));
        }
        assert!(places.windows(2).all(|two| two[0] == two[1]), "{places:?}");
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_work_and_not_as_long_as_its_request() {
        let hashing = Arc::new(Hashing::with_turns(1));
        let (has_begun, begun) = tokio::sync::oneshot::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let asked = Arc::clone(&hashing);
        let request = tokio::spawn(async move {
            let work = move |_: &mut Turn| {
                let _ = has_begun.send(());
                finished.recv().ok()
            };
            asked.take(work).await.is_ok()
        });
        begun.await.unwrap();
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        assert_eq!(hashing.turns.available_permits(), 0, "nobody waits for it, and it goes on");
        finish.send(()).unwrap();
        assert!(hashing.turns.acquire().await.is_ok());
        assert_eq!(hashing.free.lock().unwrap().len(), 1);
    }
}
