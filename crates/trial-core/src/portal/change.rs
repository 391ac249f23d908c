use super::{OwnPassword, PortalSession};

/// A password of the owner's choice, and the session by which the owner goes on in the place of every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// The password.
    pub own: OwnPassword,
    /// The session.
    pub session: PortalSession,
    /// `true` if it was chosen with a mailed link. It counts for the day's links then, else for the hour's changes.
    pub by_link: bool,
}
