//! Tells a contact-centre platform of its tenants, by webhooks as the Standard Webhooks specification has them.
//!
//! An event is one `POST`, signed by HMAC-SHA256 with one key or, while keys are changed, with two. What is not answered by
//! 2xx is told again by whoever called; this crate keeps nothing.

mod addresses;
mod answer;
mod resolving;
mod secret;
mod webhook;

pub use addresses::is_public;
pub use resolving::{Lookup, SystemLookup};
pub use secret::{SecretError, SigningSecret};
pub use webhook::{UnusableWebhook, WebhookPlatform, WebhookSettings};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/webhooks.md")]
struct TheSnippetsOfTheDocumentation;
