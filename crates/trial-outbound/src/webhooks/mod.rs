//! Delivers tenant events to a contact-centre platform, by webhooks of the Standard Webhooks specification.
//!
//! An event is one `POST`, signed by HMAC-SHA256 with one key or, while keys are rotated, with two. Without a 2xx
//! answer the caller delivers it again; this crate stores nothing.

mod addresses;
mod answer;
mod lookup;
mod secret;
mod webhook;

pub use addresses::is_public;
pub use lookup::{Lookup, SystemLookup};
pub use secret::{SecretError, SigningSecret};
pub use webhook::{UnusableWebhook, WebhookPlatform, WebhookSettings};
