//! Applicants by number.

use serde_json::{Value, json};

use crate::record::{Secret, note};

/// An applicant, identified by a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Applicant {
    /// The phone, in its national spelling.
    pub phone: String,
    /// The company.
    pub company: String,
    /// The e-mail address.
    pub email: String,
}

impl Applicant {
    /// The applicant of this number, below 100,000,000.
    pub fn new(number: u32) -> Self {
        let phone = format!("166{number:08}");
        let email = format!("astronomer{number}@sternwarte.example.com");
        note(Secret::Phone, &phone);
        note(Secret::Email, &email);
        Self { phone, company: format!("Sternwarte {number} GmbH"), email }
    }

    /// The phone in its one canonical form.
    pub fn e164(&self) -> String {
        format!("+86{}", self.phone)
    }

    /// The body of a request for a code.
    pub fn code_request(&self) -> Value {
        json!({"phone": self.phone})
    }

    /// The body of an application.
    pub fn application(&self, code: &str) -> Value {
        json!({"companyName": self.company, "phone": self.phone, "phoneVerifyCode": code, "email": self.email})
    }
}
