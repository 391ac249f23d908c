//! Operators, without their tokens.

use chrono::{DateTime, Utc};
use serde::Serialize;
use trial_core::error::LedgerError;
use trial_core::operators::{Operator, Permission};
use trial_core::ports::Operators;
use utoipa::ToSchema;

use super::page::List;

/// Most operators in the list.
const LISTED: u32 = 1_000;

/// An operator, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Operator)]
pub struct OperatorReport {
    /// Name in the audit.
    pub name: String,
    /// viewer, operator or admin.
    pub role: &'static str,
    /// active, expired or revoked.
    pub state: &'static str,
    /// When the operator was added.
    pub created_at: DateTime<Utc>,
    /// The operator who added this one.
    pub created_by: String,
    /// Expiry of the token; null if it is valid until revoked.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the token was revoked; null if it was not.
    #[schema(required)]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The operator of the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Me)]
pub struct OwnReport {
    /// Name of the operator in the audit.
    pub name: String,
    /// viewer, operator or admin.
    pub role: &'static str,
    /// Permissions of the role.
    pub permissions: Vec<&'static str>,
    /// Expiry of the token; null if it is valid until revoked.
    #[schema(required)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// The newest 1,000 operators, newest first, revoked ones included.
///
/// # Errors
/// [`LedgerError`] if the query fails.
pub async fn list(operators: &dyn Operators, now: DateTime<Utc>) -> Result<List<OperatorReport>, LedgerError> {
    let found = operators.operators(LISTED).await?;
    Ok(List { items: found.iter().map(|operator| OperatorReport::new(operator, now)).collect() })
}

impl OperatorReport {
    /// The operator as of now.
    pub fn new(operator: &Operator, now: DateTime<Utc>) -> Self {
        Self {
            name: operator.name.to_string(),
            role: operator.role.as_str(),
            state: operator.standing(now).as_str(),
            created_at: operator.created_at,
            created_by: operator.created_by.clone(),
            expires_at: operator.expires_at,
            revoked_at: operator.revoked_at,
        }
    }
}

impl From<&Operator> for OwnReport {
    fn from(operator: &Operator) -> Self {
        let granted = Permission::ALL.iter().filter(|permission| operator.role.may(**permission));
        Self {
            name: operator.name.to_string(),
            role: operator.role.as_str(),
            permissions: granted.map(|permission| permission.as_str()).collect(),
            expires_at: operator.expires_at,
        }
    }
}
