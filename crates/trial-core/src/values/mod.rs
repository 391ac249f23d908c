//! Values parsed at the boundary: once one of these exists, nobody checks it again.

mod access_code;
mod ambient;
mod company;
mod email;
mod folding;
mod ids;
mod keyring;
mod locale;
mod number_range;
mod person;
mod phone;
mod setting_duration;
mod submitted_code;
mod unlabelled;

pub use access_code::{AccessCode, AccessCodeError, AccessCodeKind};
pub use ambient::{Clock, Entropy};
pub use company::{CompanyError, CompanyKey, CompanyName};
pub(crate) use email::mask_email;
pub use email::{Email, EmailError, EmailKey, MailHosts};
pub(crate) use folding::{fold_mailbox, fold_pasted, shown};
pub(crate) use ids::ID_ENTROPY;
pub use ids::{
    AnyRequestId, ApiClientId, ApplicationId, AuditId, ChallengeId, CodeRequestId, EventId, LeaseId, MailId,
    OperatorId, RequestId, TenantId,
};
pub(crate) use keyring::Purpose;
pub use keyring::{InitialPassword, Keyring, KeyringError, SecretKey, VerificationCode};
pub use locale::Locale;
pub use number_range::{NumberRange, NumberRangeError};
pub use person::Person;
pub(crate) use phone::mask_phone;
pub use phone::{ExamplePhone, Phone, PhoneError, PhonePolicy, ServedCountry};
pub use setting_duration::{SettingDuration, SettingDurationError};
pub use submitted_code::{CODE_DIGITS, SubmittedCode, SubmittedCodeError};
pub use unlabelled::decode_unlabelled;

/// A stored or typed name that is no value of its enumeration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a {1}")]
pub struct UnknownName(pub String, pub &'static str);

/// Gives an enumeration its stored names: `as_str`, `FromStr`, `Display`, and `ALL` in declaration order. The error of
/// `FromStr` lists all names; after `@`, the given text is the whole error.
macro_rules! named {
    ($type:ident, $what:literal, { $first:ident => $first_name:literal $(, $more:ident => $name:literal)* $(,)? }) => {
        $crate::values::named!(
            @ $type,
            concat!($what, "; must be one of ", $first_name $(, ", ", $name)*),
            { $first => $first_name $(, $more => $name)* }
        );
    };
    (@ $type:ident, $what:expr, { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name it is stored and shown under.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::values::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::values::UnknownName(name.to_owned(), $what)),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;
