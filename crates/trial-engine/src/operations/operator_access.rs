//! The authentication of operators: with a token at each request, or with a session that a token began. A rejected
//! request is never given the reason.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use trial_core::audit::ChangedBy;
use trial_core::error::LedgerError;
use trial_core::operators::{CsrfToken, Operator, OperatorToken, Session, SessionSecret, Standing};
use trial_core::ports::{Clock, Entropy, Operators};

/// Lets operators in.
#[derive(Clone)]
pub struct Access {
    operators: Arc<dyn Operators>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// A sign-in that has just begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The secret that the browser keeps, in a cookie that no script can read.
    pub secret: SessionSecret,
    /// The CSRF token that the pages carry.
    pub csrf: CsrfToken,
    /// The operator who signed in.
    pub operator: Operator,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Somebody who was signed in before.
#[derive(Debug, Clone)]
pub struct SignedInOperator {
    /// The operator.
    pub operator: Operator,
    /// The CSRF token that a request that changes something has to carry.
    pub csrf: CsrfToken,
    /// When the sign-in ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl Access {
    /// Authenticates the operators in this port.
    pub fn new(operators: Arc<dyn Operators>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { operators, clock, entropy }
    }

    /// This operator, now, for the audit.
    pub fn changed_by(&self, operator: &Operator) -> ChangedBy {
        ChangedBy::now(operator.name.to_string(), &*self.clock, &*self.entropy)
    }

    /// Returns the operator with this token; `None` if it is unknown, expired or revoked.
    ///
    /// # Errors
    /// [`LedgerError`] if the query fails.
    pub async fn by_token(&self, shown: &str) -> Result<Option<Operator>, LedgerError> {
        let Some(token) = OperatorToken::parse(shown) else { return Ok(None) };
        let hash = token.hash();
        let found = self.operators.operator_by_token(hash).await?;
        let now = self.clock.now();
        Ok(found.filter(|operator| operator.token.matches(&hash) && operator.standing(now) == Standing::Active))
    }

    /// Begins a session for the operator with this token; `None` if it is unknown, expired or revoked.
    ///
    /// # Errors
    /// [`LedgerError`] if a query or the change fails. No session is handed out then.
    pub async fn sign_in(&self, shown: &str) -> Result<Option<NewSession>, LedgerError> {
        let Some(operator) = self.by_token(shown).await? else { return Ok(None) };
        let mut entropy = [0; 32];
        self.entropy.fill(&mut entropy);
        let secret = SessionSecret::new(&entropy);
        let by = self.changed_by(&operator);
        let session = Session::begin(secret.hash(), &operator, by.at);
        if !self.operators.begin_session(session, by).await? {
            return Ok(None);
        }
        Ok(Some(NewSession { csrf: secret.csrf(), secret, operator, expires_at: session.expires_at }))
    }

    /// Returns the operator of this session; `None` if it is unknown or expired, or the operator may not sign in.
    ///
    /// # Errors
    /// [`LedgerError`] if a query or the note of its use fails.
    pub async fn by_session(&self, shown: &str) -> Result<Option<SignedInOperator>, LedgerError> {
        let Some(secret) = SessionSecret::parse(shown) else { return Ok(None) };
        let Some((session, operator)) = self.operators.session(secret.hash()).await? else { return Ok(None) };
        let now = self.clock.now();
        if !session.secret.matches(&secret.hash()) || !session.lets_in(&operator, now) {
            return Ok(None);
        }
        if session.is_to_be_noted(now) {
            self.operators.note_session(session.secret, now).await?;
        }
        Ok(Some(SignedInOperator { operator, csrf: secret.csrf(), expires_at: session.expires_at }))
    }

    /// Ends a session, if it exists.
    ///
    /// # Errors
    /// [`LedgerError`] if it fails. The session goes on then, except perhaps after `CommitUnknown`.
    pub async fn sign_out(&self, shown: &str) -> Result<(), LedgerError> {
        let Some(secret) = SessionSecret::parse(shown) else { return Ok(()) };
        let Some((session, operator)) = self.operators.session(secret.hash()).await? else { return Ok(()) };
        self.operators.end_session(session.secret, self.changed_by(&operator)).await
    }
}
