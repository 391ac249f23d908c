//! The rules for a password that an owner chooses, by NIST SP 800-63B-4 (section 3.1.1.2): long, not a common one, and
//! of any characters.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::tenants::Tenant;

/// The shortest password, in characters: it is the only factor.
pub const MIN_PASSWORD: usize = 15;
/// The longest password, in characters.
pub const MAX_PASSWORD: usize = 128;
/// Names of this length or shorter are not searched for: they occur in too many words.
const SHORT_NAME: usize = 4;
/// The least number of characters that a password has to have besides well-known names.
const LEAST_REST: usize = 8;
/// Lower case, sorted: the 10,000 most common passwords of four characters or more, and all longer ones of the list, as
/// zxcvbn has them (MIT licence, by Dropbox, Inc., Dan Wheeler and Joshua Holmer).
const COMMON: &str = include_str!("common_passwords.txt");

/// A password that somebody may choose, normalised.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct NewPassword(String);

/// The reason why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`MIN_PASSWORD`].
    #[error("the password has fewer than {MIN_PASSWORD} characters")]
    TooShort,
    /// Longer than [`MAX_PASSWORD`].
    #[error("the password has more than {MAX_PASSWORD} characters")]
    TooLong,
    /// A common password.
    #[error("the password is a common one")]
    Common,
    /// Made of the account, the company, or the mailbox.
    #[error("the password is mostly a name that others know")]
    Name,
    /// The initial one, which was sent by mail.
    #[error("the password is the initial one")]
    Initial,
}

/// A password in Unicode's NFC, so that it is the same from any keyboard.
pub fn normalized_password(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

impl NewPassword {
    /// Checks a password that the owner of a tenant chooses; `is_initial` is `true` for the initial one.
    ///
    /// # Errors
    /// [`PasswordError`] if it is too short, too long or easy to guess.
    pub fn choose(text: &str, tenant: &Tenant, is_initial: bool) -> Result<Self, PasswordError> {
        let password = Self(normalized_password(text).into_owned());
        let length = password.0.chars().count();
        if length < MIN_PASSWORD {
            return Err(PasswordError::TooShort);
        }
        if length > MAX_PASSWORD {
            return Err(PasswordError::TooLong);
        }
        if is_initial {
            return Err(PasswordError::Initial);
        }
        let folded = password.0.to_lowercase();
        if is_common(&folded) {
            return Err(PasswordError::Common);
        }
        if is_made_of_names(&folded, tenant) {
            return Err(PasswordError::Name);
        }
        Ok(password)
    }

    /// The password, to be hashed and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Hidden, so that it cannot reach a log by way of `{:?}`.
impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

fn common() -> &'static HashSet<&'static str> {
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| COMMON.lines().collect())
}

/// Returns `true` if it is on the list of common passwords, or is one of them with digits and signs around it, or one
/// character or part repeated, or a row of neighbours.
fn is_common(folded: &str) -> bool {
    let characters: Vec<char> = folded.chars().collect();
    let stem = folded.trim_matches(|c: char| !c.is_alphabetic());
    let period = (1..=characters.len() / 2)
        .find(|period| characters.iter().skip(*period).zip(&characters).all(|(here, before)| here == before));
    let is_repeated = period.is_some_and(|period| {
        let part: String = characters.iter().take(period).collect();
        period <= SHORT_NAME || common().contains(part.as_str())
    });
    let steps: HashSet<i64> =
        characters.windows(2).map(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]))).collect();
    // From 9 on with 0, or the other way round, too.
    let is_row = [[1, -9], [-1, 9]].iter().any(|row| steps.iter().all(|step| row.contains(step)));
    common().contains(folded) || common().contains(stem) || is_row || is_repeated
}

/// Returns `true` if little is left of it without the names that acquaintances of the tenant know.
fn is_made_of_names(folded: &str, tenant: &Tenant) -> bool {
    let account = Tenant::account_name(tenant.id);
    let (company, email) = (tenant.company.as_str().to_lowercase(), tenant.email.as_str().to_lowercase());
    let mailbox = email.split('@').next().unwrap_or_default();
    let squeezed: String = company.split_whitespace().collect();
    let names = [account.as_str(), &tenant.id.to_string(), &company, &squeezed, &email, mailbox, "trialgate"]
        .map(str::to_owned);
    names.iter().filter(|name| name.chars().count() >= SHORT_NAME && folded.contains(name.as_str())).any(|name| {
        let rest: String = folded.replace(name.as_str(), "");
        rest.chars().count() < LEAST_REST
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_long() {
        assert!(COMMON.lines().is_sorted() && COMMON.lines().count() > 9_000);
        assert!(COMMON.lines().all(|word| word == word.to_lowercase()));
    }

    #[test]
    fn what_is_tried_first_is_common() {
        for common in [
            "password1234",
            "sunshine2024!",
            "passwordpassword",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "987654321098",
            "abcdefghijkl",
            "!!dragon!!2026",
        ] {
            assert!(is_common(common), "{common}");
        }
        for good in ["correct horse battery", "tulpe-wagen-mond", "我最喜欢的密码是这个长句子", "qv7 nx2 wk9 ty4"]
        {
            assert!(!is_common(good), "{good}");
        }
    }
}
