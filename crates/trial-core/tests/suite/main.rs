//! The rules: one test for each row of the contract's tables, and properties of all of them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod access_code_import;
mod agreements;
mod altcha;
mod apply_table;
mod callers;
mod clock_set_back;
mod crates;
mod defaults;
mod desks;
mod forgotten;
mod fuzz;
mod guess_limits;
mod history;
mod keyring;
mod layers;
mod mail_retry;
mod operators;
mod oracle;
mod order_of_decision;
mod outcomes;
mod overtaken;
mod password_change;
mod portal_link;
mod prefixes;
mod properties;
mod redaction;
mod resend;
mod return_codes;
mod screen;
mod searches;
mod security;
mod send_code_table;
mod send_limits;
mod settings;
mod sms_budget;
mod test_numbers;
mod values;
mod warnings;
