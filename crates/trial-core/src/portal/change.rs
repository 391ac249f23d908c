//! Changes of a password by the owner.

use super::{OwnPassword, PortalSession};

/// A password of the owner's choice, and the session that replaces all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// The password.
    pub own: OwnPassword,
    /// The session.
    pub session: PortalSession,
    /// `true` if it was chosen with a mailed link and counts for the links of the day, not for the changes of the hour.
    pub by_link: bool,
}
