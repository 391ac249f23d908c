//! Checks the validity period of the service's certificate.

use chrono::{DateTime, TimeDelta, Utc};
use trial_tls::Presented;

/// Days before its end from which a certificate is warned of; automatic renewal has happened by then.
const WARN_DAYS: i64 = 14;

/// Validity of a certificate, with the key to set if there is something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Valid for long enough.
    Good(String),
    /// About to expire.
    EndsSoon(String),
    /// Not valid.
    Invalid(String),
}

impl Verdict {
    pub(crate) fn of(presented: &Presented, now: DateTime<Utc>) -> Self {
        Self::on(presented.not_before(), presented.not_after(), now)
    }

    fn on(not_before: DateTime<Utc>, not_after: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let end = crate::output::time(not_after);
        let advice =
            "renew it in the file that `http.tls.cert_file` names, with its key in that of `http.tls.key_file`";
        if now < not_before {
            let begin = crate::output::time(not_before);
            return Self::Invalid(format!("the certificate is not valid before {begin}; set the clock, or {advice}"));
        }
        match not_after - now {
            left if left <= TimeDelta::zero() => Self::Invalid(format!("the certificate expired at {end}; {advice}")),
            left if left < TimeDelta::days(WARN_DAYS) => {
                Self::EndsSoon(format!("the certificate expires at {end} (days left: {}); {advice}", left.num_days()))
            }
            _ => Self::Good(format!("the certificate matches its key and is valid until {end}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_before_it_ends() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let on = |now| Verdict::on(at("2026-11-01T00:00:00Z"), at("2026-12-15T00:00:00Z"), at(now));
        assert!(
            matches!(on("2026-10-31T23:59:59Z"), Verdict::Invalid(text) if text.contains("not valid before 2026-11-01T00:00:00Z"))
        );
        assert!(
            matches!(on("2026-12-01T00:00:00Z"), Verdict::Good(text) if text.ends_with("until 2026-12-15T00:00:00Z"))
        );
        assert!(matches!(on("2026-12-01T00:00:01Z"), Verdict::EndsSoon(text) if text.contains("days left: 13")));
        for text in ["2026-12-15T00:00:00Z", "2027-01-01T00:00:00Z"] {
            assert!(matches!(on(text), Verdict::Invalid(text) if text.contains("http.tls.cert_file")));
        }
    }
}
