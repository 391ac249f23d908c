//! The search key of an applicant, as all faces read it.

use trial_core::applications::ApplicationQuery;
use trial_core::values::{CompanyName, Email, MailHosts, Phone, PhonePolicy, RequestId};

/// The shortest text of a search box that is taken for a request id, in bytes.
const REQUEST_ID: usize = 32;

/// The field that applicants are searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchField {
    /// Phone, in any usual spelling.
    Phone,
    /// E-mail address.
    Email,
    /// Company name.
    Company,
    /// Request id of the exchange.
    RequestId,
}

impl SearchField {
    /// The field that a text of a search box means: an address has an at sign, a phone parses as one, a request id is
    /// long and without spaces, and anything else is a company.
    pub fn of(text: &str, phones: &PhonePolicy) -> Self {
        if text.contains(['@', '＠', '﹫']) {
            Self::Email
        } else if Phone::parse(text, phones).is_ok() {
            Self::Phone
        } else if text.len() >= REQUEST_ID && RequestId::from_caller(text).is_some() {
            Self::RequestId
        } else {
            Self::Company
        }
    }

    /// Parses a value of this field as the public interface does.
    ///
    /// # Errors
    /// The reason, which continues the name of the field: "must be …".
    pub fn parse(self, text: &str, phones: &PhonePolicy) -> Result<ApplicationQuery, String> {
        match self {
            Self::Phone => Phone::parse(text, phones).map(ApplicationQuery::Phone).map_err(|error| error.to_string()),
            Self::Email => Email::parse_at(MailHosts::Any, text)
                .map(|email| ApplicationQuery::Email(email.key().clone()))
                .map_err(|error| error.to_string()),
            Self::Company => CompanyName::parse(text)
                .map(|company| ApplicationQuery::Company(company.key().clone()))
                .map_err(|error| error.to_string()),
            Self::RequestId => RequestId::from_caller(text)
                .map(ApplicationQuery::RequestId)
                .ok_or_else(|| "must be 1 to 64 letters, digits and -_.:".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use trial_core::policy::Policy;

    use super::*;

    #[test]
    fn a_search_box_reads_each_field() {
        let phones = Policy::default().phone;
        for (text, field) in [
            ("+86 166 7328 0001", SearchField::Phone),
            ("ada@example.com", SearchField::Email),
            ("ada＠example.com", SearchField::Email),
            ("019aa6f2-7c3e-7f00-8000-000000000000", SearchField::RequestId),
            ("Example Ltd", SearchField::Company),
            ("12345", SearchField::Company),
        ] {
            assert_eq!(SearchField::of(text, &phones), field, "{text}");
            assert!(field.parse(text, &phones).is_ok(), "{text}");
        }
        assert!(SearchField::RequestId.parse("a b", &phones).unwrap_err().starts_with("must be"));
    }
}
