use super::{OwnPassword, PortalSession};

/// A password of the owner's choice, and the session by which the owner goes on in the place of every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// The password.
    pub own: OwnPassword,
    /// The session.
    pub session: PortalSession,
    /// Whether it was chosen by a mailed link. The day's links bound it then; else the hour's changes do.
    pub by_link: bool,
}
