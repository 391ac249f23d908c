//! Whether a caller whose signature is right is let in.

use super::{Caller, CallerStatus, Scope};

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntranceRefusal {
    /// It is not known (any more), whoever signed.
    Unknown,
    /// It is suspended.
    Suspended,
    /// It has not subscribed to this.
    NotSubscribed(Scope),
}

impl Caller {
    /// Whether it may ask for this, having shown who it is.
    ///
    /// # Errors
    /// Why not.
    pub fn let_in(&self, scope: Scope) -> Result<(), EntranceRefusal> {
        match self.status() {
            CallerStatus::Removed => Err(EntranceRefusal::Unknown),
            CallerStatus::Suspended => Err(EntranceRefusal::Suspended),
            CallerStatus::Active if !self.scopes.contains(&scope) => Err(EntranceRefusal::NotSubscribed(scope)),
            CallerStatus::Active => Ok(()),
        }
    }
}
