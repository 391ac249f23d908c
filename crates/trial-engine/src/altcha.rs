//! The guard that needs nobody else: proof of work, each taken once at whatever instance.

use std::sync::Arc;

use async_trait::async_trait;
use trial_core::ports::{Clock, Entropy, Guard, ReplayGuard};
use trial_core::{AltchaChallenge, AltchaCost, GuardVerdict, Keyring, LedgerError, ProofRefusal};

/// Asks browsers for work by the ALTCHA protocol.
pub struct AltchaGuard {
    /// How much.
    pub cost: AltchaCost,
    /// What signs challenges.
    pub keyring: Arc<Keyring>,
    /// What remembers those that were solved.
    pub replays: Arc<dyn ReplayGuard>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Makes challenges unlike each other.
    pub entropy: Arc<dyn Entropy>,
}

#[async_trait]
impl Guard for AltchaGuard {
    fn challenge(&self) -> String {
        let mut entropy = [0; AltchaChallenge::ENTROPY];
        self.entropy.fill(&mut entropy);
        AltchaChallenge::new(self.cost, self.clock.now(), &entropy, &self.keyring).to_json()
    }

    async fn judge(&self, proof: &str) -> Result<GuardVerdict, LedgerError> {
        // At most 20,000 rounds: some milliseconds, which may be spent here.
        let verdict = match AltchaChallenge::check(proof, self.clock.now(), &self.keyring) {
            Err(refusal) => GuardVerdict::Refused(refusal),
            Ok(seen) if self.replays.is_new(seen).await? => GuardVerdict::Passed,
            Ok(_) => GuardVerdict::Refused(ProofRefusal::Used),
        };
        metrics::counter!("trialgate_guard_total", "verdict" => verdict.as_str()).increment(1);
        Ok(verdict)
    }
}
