//! The bot challenge without a third party: proof of work, each solution accepted once across all instances.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::bot_challenge::{AltchaChallenge, AltchaCost, BotChallengeUnusable, BotChallengeVerdict, ProofRefusal};
use trial_core::ports::{BotChallenge, Clock, Entropy, ReplayGuard};
use trial_core::values::Keyring;

/// Issues and checks ALTCHA challenges.
pub struct AltchaBotChallenge {
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
impl BotChallenge for AltchaBotChallenge {
    fn challenge(&self) -> Option<String> {
        let mut entropy = [0; AltchaChallenge::ENTROPY];
        self.entropy.fill(&mut entropy);
        Some(AltchaChallenge::new(self.cost, self.clock.now(), &entropy, &self.keyring).to_json())
    }

    async fn judge(&self, proof: &str) -> Result<BotChallengeVerdict, BotChallengeUnusable> {
        // At most 20,000 rounds: some milliseconds, which may be spent here.
        Ok(match AltchaChallenge::check(proof, self.clock.now(), &self.keyring) {
            Err(refusal) => BotChallengeVerdict::Refused(refusal),
            Ok(seen) if self.replays.is_new(seen).await? => BotChallengeVerdict::Passed,
            Ok(_) => BotChallengeVerdict::Refused(ProofRefusal::Used),
        })
    }

    /// It depends on the database alone, which has a check of its own.
    async fn check(&self) -> Result<(), BotChallengeUnusable> {
        Ok(())
    }
}
