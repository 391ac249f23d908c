//! The port of the bot challenge, which keeps programs from having messages sent by the page.

use async_trait::async_trait;

use crate::bot_challenge::{BotChallengeUnusable, BotChallengeVerdict};

/// A bot challenge, checked before the page has a paid message sent.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BotChallenge: Send + Sync {
    /// A challenge for a visitor's browser, as JSON; `None` if the browser gets it from the provider.
    fn challenge(&self) -> Option<String>;

    /// Checks a browser's answer to a challenge. Each answer is accepted once, over all instances.
    ///
    /// # Errors
    /// [`BotChallengeUnusable`] if it cannot be checked; the visitor does not pass then.
    async fn judge(&self, proof: &str) -> Result<BotChallengeVerdict, BotChallengeUnusable>;

    /// Checks, without a visitor, that an answer could be checked.
    ///
    /// # Errors
    /// [`BotChallengeUnusable`] if not.
    async fn check(&self) -> Result<(), BotChallengeUnusable>;
}
