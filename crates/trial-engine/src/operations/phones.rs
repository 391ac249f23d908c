//! The lock of a phone.

use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::policy::Policy;
use trial_core::ports::Operations;
use trial_core::values::Phone;
use utoipa::ToSchema;

use super::disclosure::Disclosure;

/// The lock of a phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PhoneLock)]
pub struct PhoneReport {
    /// The phone; masked unless `reveal` is true.
    pub phone: String,
    /// `false` if there was no request for this phone.
    pub seen: bool,
    /// Consecutive wrong codes.
    pub failures: u32,
    /// Number of consecutive wrong codes that locks a phone.
    pub max_failures: u32,
    /// `true` if it is locked.
    pub locked: bool,
}

/// The lock of a phone under this policy.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn show(
    operations: &dyn Operations,
    policy: &Policy,
    phone: &Phone,
    disclosure: Disclosure,
) -> Result<PhoneReport, LedgerError> {
    let failures = operations.phone_failures(phone.clone()).await?;
    let verification = &policy.verification;
    Ok(PhoneReport {
        phone: disclosure.phone(phone),
        seen: failures.is_some(),
        failures: failures.unwrap_or(0),
        max_failures: verification.max_failures,
        locked: failures.is_some_and(|failures| verification.locks(failures)),
    })
}
