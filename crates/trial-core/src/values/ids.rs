//! Identifiers of rows and of HTTP exchanges.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Entropy that one id takes, in bytes.
pub(crate) const ID_ENTROPY: usize = 10;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A `UUIDv7` (RFC 9562) of this instant and these 10 random bytes.
            pub fn new(now: DateTime<Utc>, entropy: [u8; ID_ENTROPY]) -> Self {
                let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
            }

            /// Takes an id back from storage, 16 bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes that are stored.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = super::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self).map_err(|_| super::UnknownName(text.to_owned(), "UUID"))
            }
        }
    )+ };
}

ids! {
    /// One request of either public interface: an application, or a request for a code.
    AnyRequestId;
    /// One application, accepted or refused.
    ApplicationId;
    /// One entry of the audit trail.
    AuditId;
    /// One API client; a name that is used again is another client.
    ApiClientId;
    /// One verification code; also the nonce that the code is derived from.
    ChallengeId;
    /// One request for a code, accepted or refused.
    CodeRequestId;
    /// One event for the platform; its `webhook-id`.
    EventId;
    /// One claim on a batch of due mails or events.
    LeaseId;
    /// One mail of the outbox; its `Message-ID` is derived from it.
    MailId;
    /// One operator; a name that is used again is another operator.
    OperatorId;
    /// One tenant.
    TenantId;
}

impl From<ApplicationId> for AnyRequestId {
    fn from(id: ApplicationId) -> Self {
        Self(id.0)
    }
}

impl From<CodeRequestId> for AnyRequestId {
    fn from(id: CodeRequestId) -> Self {
        Self(id.0)
    }
}

impl From<AnyRequestId> for ApplicationId {
    fn from(id: AnyRequestId) -> Self {
        Self(id.0)
    }
}

impl From<AnyRequestId> for CodeRequestId {
    fn from(id: AnyRequestId) -> Self {
        Self(id.0)
    }
}

/// The id that an HTTP exchange is searched by: the client's own, if well-formed, or one of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The longest id that is accepted from a client, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Parses a client's id of 1 to 64 letters, digits and `-_.:`; anything else could forge a log line or a header.
    pub fn from_caller(text: &str) -> Option<Self> {
        let sane = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        ((1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(sane)).then(|| Self(text.into()))
    }

    /// An id of our own.
    pub fn new(now: DateTime<Utc>, entropy: [u8; ID_ENTROPY]) -> Self {
        Self(ApplicationId::new(now, entropy).to_string().into())
    }

    /// Takes an id back from storage.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text that is stored and echoed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
