//! The bot challenge for sites with a CAPTCHA: its widget is in the page, and its provider checks the proofs.
//!
//! Providers differ in names and addresses alone ([`CaptchaProvider`]); proofs are checked by one interface, which they
//! call `siteverify` ([`Siteverify`]).

mod provider;
mod siteverify;

pub use provider::CaptchaProvider;
pub use siteverify::{Siteverify, SiteverifySettings, UnusableSiteverify};
