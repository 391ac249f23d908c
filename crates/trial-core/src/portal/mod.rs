//! The portal: accounts, passwords, links and sessions of tenants' owners.

mod account;
mod acts;
mod change;
mod link;
mod own_password;
mod session;
mod tries;

pub use account::{OwnPassword, PortalAccount};
pub use acts::{OWNER_ACTS_PER_HOUR, OWNER_MAILS_AT_ONCE, OwnerActs, PasswordDigest};
pub(crate) use acts::{OwnerAct, ToldChanges};
pub use change::PasswordChange;
pub use link::{PORTAL_LINK_LIVES, PortalLink, PortalLinkClaim};
pub use own_password::{MAX_PASSWORD, MIN_PASSWORD, NewPassword, PasswordError, normalized_password};
pub use session::{PORTAL_SESSION_IDLE, PORTAL_SESSION_LIFETIME, PortalSession};
pub use tries::{
    PORTAL_LINKS_PER_ACCOUNT, PORTAL_LINKS_PER_ADDRESS, PORTAL_TRIES_PER_ACCOUNT, PORTAL_TRIES_PER_ADDRESS,
    PortalTries, PortalTry, TryKind,
};
