//! The text of the terms in the audit, stored once before anybody can accept it.

use std::sync::atomic::{AtomicBool, Ordering};

use trial_core::applications::Terms;
use trial_core::audit::{AuditQuery, ChangedBy, SERVICE};
use trial_core::error::LedgerError;

use crate::site::State;

/// Stores the text of the terms before an agreement refers to it.
#[derive(Default)]
pub(crate) struct Consent {
    /// `true` once the text is known to be in the audit.
    is_published: AtomicBool,
}

impl Consent {
    /// Stores the text unless it is there already. The entry does not name the applicant: an agreement is part of the
    /// application.
    ///
    /// # Errors
    /// `LedgerError::Unavailable` if the database cannot be reached.
    pub(crate) async fn publish(&self, state: &State, terms: &Terms) -> Result<(), LedgerError> {
        if self.is_published.load(Ordering::Acquire) {
            return Ok(());
        }
        let audit = &state.ops.parts.audit;
        let query = AuditQuery { subject: Some(terms.digest().to_owned()), limit: 1, ..AuditQuery::default() };
        if audit.audit(query).await?.is_empty() {
            // Two instances may store it at the same time; a second copy does no harm.
            let by = ChangedBy::now(SERVICE.to_owned(), &*state.clock, &*state.entropy);
            audit.append_entry(terms.published(by)).await?;
        }
        self.is_published.store(true, Ordering::Release);
        Ok(())
    }
}
