//! Bot challenges on the page for applicants.

mod altcha;
mod verdict;

pub use altcha::{ALTCHA_COST, AltchaChallenge, AltchaCost, CHALLENGE_LIVES};
pub use verdict::{BotChallengeUnusable, BotChallengeVerdict, ProofRefusal};
