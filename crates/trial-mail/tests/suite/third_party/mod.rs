//! The mailer by SMTP against independent servers and verifiers. `tests/run` installs them.

mod aiosmtpd;
mod authority;
mod dkim;
mod postfix;
mod program;
