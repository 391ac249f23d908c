//! Mobile phones, in one canonical form.

use std::fmt;
use std::sync::Arc;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

use super::NumberRange;
use super::folding::{MAX_DIGITS_INPUT, fold_phone};

/// A mobile phone in its one canonical form, E.164 (`+8616673280001`). Valid by libphonenumber's data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    e164: Arc<str>,
    country_code: u16,
}

/// The scheme of a phone's URI.
const TEL: &str = "tel:";
/// Digits of a national number of Mexico.
const MEXICAN_DIGITS: usize = 10;

/// The reason for which a text is not a phone that can be served. The message contains the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Empty.
    #[error("is empty; give a mobile phone number such as {0}")]
    Empty(ExamplePhone),
    /// Longer than any spelling of a phone number.
    #[error("is longer than {MAX_DIGITS_INPUT} characters; give a mobile phone number such as {0}")]
    TooLong(ExamplePhone),
    /// Not a phone number, or not a valid one of its country.
    #[error("is not a valid phone number; give it as E.164, such as {0}")]
    Malformed(ExamplePhone),
    /// Digits that somebody has left out, as in the example that the interface was published with.
    #[error("has x or * in place of digits, as the published example; give the whole number, such as {0}")]
    Placeholder(ExamplePhone),
    /// A valid number that cannot receive a short message.
    #[error("is not a mobile phone; give a number that can receive short messages")]
    NotMobile,
    /// A valid mobile of a country outside `phone.countries`.
    #[error("belongs to a country that is not served")]
    CountryNotServed,
}

/// A mobile phone of a region, as an example in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExamplePhone(Region);

/// A country whose phones are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedCountry {
    /// Its code of ISO 3166, `CN`.
    pub code: String,
    /// Its calling code, 86 for China.
    pub calling_code: u16,
}

impl Phone {
    /// Parses E.164, or a national number of the policy's default region, in any usual spelling
    /// (`16673280001`, `+86 166-7328-0001` and `0086 166 7328 0001` are one phone).
    ///
    /// # Errors
    /// [`PhoneError`], one variant for each fault.
    pub fn parse(text: &str, policy: &PhonePolicy) -> Result<Self, PhoneError> {
        Self::parse_of(policy.default_region, text, policy)
    }

    /// As [`Self::parse`], with a chosen country (ISO 3166) for national numbers. An international number keeps its
    /// own.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub fn parse_in(country: &str, text: &str, policy: &PhonePolicy) -> Result<Self, PhoneError> {
        let region = policy.countries.iter().copied().find(|served| *served.as_region_str() == *country);
        Self::parse_of(region.ok_or(PhoneError::CountryNotServed)?, text, policy)
    }

    fn parse_of(region: Region, text: &str, policy: &PhonePolicy) -> Result<Self, PhoneError> {
        let example = ExamplePhone(region);
        let malformed = PhoneError::Malformed(example);
        if text.chars().nth(MAX_DIGITS_INPUT).is_some() {
            return Err(PhoneError::TooLong(example));
        }
        let dialled = plain_spelling(text, example)?;
        let dialled = current_spelling(&dialled, region).unwrap_or(dialled);
        // A number that names its country is read without a region: a region's prefixes would be taken off it.
        let region = Some(region).filter(|_| !dialled.starts_with('+'));
        let number = PHONE_NUMBER_UTIL.parse(&dialled, region).map_err(|_| malformed.clone())?;
        if number.extension.is_some() || !number.is_valid() {
            return Err(malformed);
        }
        let region = number.get_region_code().ok_or_else(|| malformed.clone())?;
        if !policy.countries.contains(&region) {
            return Err(PhoneError::CountryNotServed);
        }
        match number.get_type() {
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => {}
            _ => return Err(PhoneError::NotMobile),
        }
        let country_code = u16::try_from(number.country_code).map_err(|_| malformed)?;
        Ok(Self { e164: number.format_as(PhoneNumberFormat::E164).into(), country_code })
    }

    /// Takes a phone back from storage, where only canonical forms are kept.
    pub fn from_canonical(e164: &str, country_code: u16) -> Self {
        Self { e164: e164.into(), country_code }
    }

    /// The canonical form, `+` and up to 15 digits.
    pub fn as_str(&self) -> &str {
        &self.e164
    }

    /// The country calling code, 86 for China.
    pub fn country_code(&self) -> u16 {
        self.country_code
    }

    /// The number range that it belongs to.
    pub fn prefix(&self) -> NumberRange {
        let digits = self.e164.bytes().filter(u8::is_ascii_digit);
        let count = digits.clone().count().saturating_sub(NumberRange::LAST_DIGITS);
        NumberRange::of_digits(digits.take(count))
    }

    /// The phone, masked: `+861667328****` shows its number range, which is no personal data.
    pub fn masked(&self) -> String {
        mask_phone(&self.e164)
    }
}

/// Masks a stored phone: the digits beyond its number range. The range is shown elsewhere too, so no other digits.
pub(crate) fn mask_phone(e164: &str) -> String {
    let head = e164.len().saturating_sub(NumberRange::LAST_DIGITS);
    format!("{}****", &e164[..head])
}

/// Digits, with `+` in front where the text names a country by `+`, `00` or `tel:`; an error for anything that is no usual
/// spelling.
fn plain_spelling(text: &str, example: ExamplePhone) -> Result<String, PhoneError> {
    let folded = fold_phone(text);
    if folded.is_empty() && !text.contains(|c: char| c.is_ascii_graphic()) {
        return Err(PhoneError::Empty(example));
    }
    // RFC 3966.
    let plain = match folded.split_at_checked(TEL.len()) {
        Some((scheme, number)) if scheme.eq_ignore_ascii_case(TEL) => number,
        _ => &folded,
    };
    let digits = plain.strip_prefix('+').unwrap_or(plain);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let is_placeholder = has_placeholders(digits);
        return Err(if is_placeholder { PhoneError::Placeholder(example) } else { PhoneError::Malformed(example) });
    }
    Ok(plain.strip_prefix("00").map_or_else(|| plain.to_owned(), |international| format!("+{international}")))
}

/// The number of today for one of Mexico as it was dialled until 2019-08-03, and as phone books still have it: `+52 1` from
/// abroad, `044` and `045` from within (IFT, Plan Técnico Fundamental de Numeración, 2018-05-11).
fn current_spelling(dialled: &str, region: Region) -> Option<String> {
    let subscriber = match dialled.strip_prefix("+521") {
        Some(subscriber) => subscriber,
        None if region == Region::MX => dialled.strip_prefix("044").or_else(|| dialled.strip_prefix("045"))?,
        None => return None,
    };
    (subscriber.len() == MEXICAN_DIGITS).then(|| format!("+52{subscriber}"))
}

/// Returns `true` for digits with two or more in a row that are left out: one `x` is that of an extension.
fn has_placeholders(text: &str) -> bool {
    let is_placeholder = |byte: u8| matches!(byte, b'x' | b'X' | b'*');
    text.bytes().all(|byte| byte.is_ascii_digit() || is_placeholder(byte))
        && text.as_bytes().windows(2).any(|pair| pair.iter().copied().all(is_placeholder))
}

/// The country calling code of a region; `None` for one without a numbering plan.
pub(crate) fn calling_code(region: Region) -> Option<u16> {
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).and_then(|code| u16::try_from(code).ok())
}

/// The published example of China, and of another region the one of libphonenumber's data.
impl fmt::Display for ExamplePhone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_region =
            || PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(self.0, PhoneNumberType::Mobile).ok();
        match Some(self.0).filter(|region| *region != Region::CN).and_then(|_| of_region()) {
            Some(number) => f.write_str(&number.format_as(PhoneNumberFormat::E164)),
            None => f.write_str("+8616673280001"),
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.e164)
    }
}

/// Masked, so that a phone cannot reach a log by way of `{:?}`.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

impl PhonePolicy {
    /// Builds the policy from ISO 3166 codes such as `CN`; names the code that is unknown.
    ///
    /// # Errors
    /// [`UnknownName`](crate::values::UnknownName) if a code is no country of ISO 3166 with a numbering plan.
    pub fn from_codes(default_region: &str, countries: &[String]) -> Result<Self, crate::values::UnknownName> {
        let region = |code: &str| {
            let region = code.parse::<Region>().ok();
            region
                .filter(|region| {
                    *region.as_region_str() == *code && *region != Region::World && calling_code(*region).is_some()
                })
                .ok_or_else(|| crate::values::UnknownName(code.to_owned(), "country code of ISO 3166"))
        };
        Ok(Self {
            default_region: region(default_region)?,
            countries: countries.iter().map(|code| region(code)).collect::<Result<_, _>>()?,
        })
    }

    /// The countries served with their calling codes, the default region first if it is one of them.
    pub fn served(&self) -> Vec<ServedCountry> {
        let of =
            |region: &Region| Some(ServedCountry { code: region.to_string(), calling_code: calling_code(*region)? });
        let mut served: Vec<_> = self.countries.iter().filter_map(of).collect();
        let first = self.default_region.to_string();
        served.sort_by_key(|country| country.code != first);
        served
    }
}

/// The countries whose phones are served.
#[derive(Debug, Clone, PartialEq)]
pub struct PhonePolicy {
    /// The region of a national number.
    pub default_region: Region,
    /// The countries served.
    pub countries: Vec<Region>,
}

impl PhonePolicy {
    /// The country calling code of the default region.
    pub fn default_country_code(&self) -> u16 {
        calling_code(self.default_region).unwrap_or(0)
    }
}
