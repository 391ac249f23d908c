//! The portal: accounts, passwords, links and sessions of tenants' owners.

mod account;
mod acts;
mod attempts;
mod change;
mod link;
mod own_password;
mod session;

pub use account::{OwnPassword, PortalAccount};
pub use acts::{OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, OwnerActs, PasswordDigest};
pub(crate) use acts::{OwnerAct, ToldChanges};
pub use attempts::{
    AttemptKind, PORTAL_ATTEMPTS_PER_ACCOUNT, PORTAL_ATTEMPTS_PER_ADDRESS, PORTAL_LINKS_PER_ACCOUNT,
    PORTAL_LINKS_PER_ADDRESS, PortalAttempt, PortalAttempts,
};
pub use change::PasswordChange;
pub use link::{PORTAL_LINK_LIVES, PortalLink, PortalLinkClaim};
pub use own_password::{MAX_PASSWORD, MIN_PASSWORD, NewPassword, PasswordError, normalized_password};
pub use session::{PORTAL_SESSION_IDLE, PORTAL_SESSION_LIFETIME, PortalSession};
