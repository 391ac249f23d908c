//! Outgoing HTTP: [`webhooks`] to the contact-centre platform, and the [`captcha`] bot challenge.

pub mod captcha;
pub mod webhooks;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/webhooks.md")]
struct TheSnippetsOfTheDocumentation;
