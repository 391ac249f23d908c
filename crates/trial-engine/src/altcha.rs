//! The bot challenge without a third party: proof of work, each solution accepted once across all instances.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::bot_challenge::{AltchaChallenge, AltchaCost, GuardUnusable, GuardVerdict, ProofRefusal};
use trial_core::ports::{Clock, Entropy, Guard, ReplayGuard};
use trial_core::values::Keyring;

/// Issues and checks ALTCHA challenges.
pub struct AltchaGuard {
    /// The amount of work.
    pub cost: AltchaCost,
    /// The keys that sign challenges.
    pub keyring: Arc<Keyring>,
    /// The record of solved challenges.
    pub replays: Arc<dyn ReplayGuard>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness that makes challenges differ.
    pub entropy: Arc<dyn Entropy>,
}

#[async_trait]
impl Guard for AltchaGuard {
    fn challenge(&self) -> Option<String> {
        let mut entropy = [0; AltchaChallenge::ENTROPY];
        self.entropy.fill(&mut entropy);
        Some(AltchaChallenge::new(self.cost, self.clock.now(), &entropy, &self.keyring).to_json())
    }

    async fn judge(&self, proof: &str) -> Result<GuardVerdict, GuardUnusable> {
        // At most 20,000 rounds: some milliseconds, which may be spent here.
        Ok(match AltchaChallenge::check(proof, self.clock.now(), &self.keyring) {
            Err(refusal) => GuardVerdict::Refused(refusal),
            Ok(seen) if self.replays.is_new(seen).await? => GuardVerdict::Passed,
            Ok(_) => GuardVerdict::Refused(ProofRefusal::Used),
        })
    }

    /// It depends on the database alone, which has a check of its own.
    async fn check(&self) -> Result<(), GuardUnusable> {
        Ok(())
    }
}
