use std::sync::atomic::{AtomicBool, Ordering};

use trial_core::{APPLICANT, AuditQuery, ChangedBy, LedgerError, Locale, Phone, RequestId, Terms};

use crate::site::State;

/// Who shows the terms, in the audit.
const SITE: &str = "trialgate";

/// What visitors agree to is taken down before anything comes of it.
#[derive(Default)]
pub(crate) struct Consent {
    /// Whether the text is known to be in the audit.
    is_published: AtomicBool,
}

impl Consent {
    /// Takes down that the owner of a phone agreed. The text itself is kept once.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub(crate) async fn take_down(
        &self,
        state: &State,
        terms: &Terms,
        phone: &Phone,
        locale: Locale,
        request: &RequestId,
    ) -> Result<(), LedgerError> {
        let audit = &state.ops.parts.audit;
        let by = |actor: &str| ChangedBy::now(actor.to_owned(), &*state.clock, &*state.entropy);
        if !self.is_published.load(Ordering::Acquire) {
            let query = AuditQuery { subject: Some(terms.digest().to_owned()), limit: 1, ..AuditQuery::default() };
            if audit.audit(query).await?.is_empty() {
                // Two instances may both find nothing: then it is kept twice.
                audit.write_down(terms.published(by(SITE))).await?;
            }
            self.is_published.store(true, Ordering::Release);
        }
        audit.write_down(terms.accepted(by(APPLICANT), phone, locale, request)).await
    }
}
