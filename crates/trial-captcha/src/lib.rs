//! The guard of those who have a CAPTCHA: its widget stands in the page, and its provider judges what it made.
//!
//! Providers differ in names and addresses alone ([`CaptchaProvider`]); how a proof is judged is one interface, which they
//! call `siteverify` ([`Siteverify`]).

mod provider;
mod siteverify;

pub use provider::CaptchaProvider;
pub use siteverify::{Siteverify, SiteverifySettings, UnusableSiteverify};
