//! The mailer by SMTP against servers and verifiers that nobody here wrote. `tests/run` installs them.

mod aiosmtpd;
mod authority;
mod dkim;
mod postfix;
mod program;
