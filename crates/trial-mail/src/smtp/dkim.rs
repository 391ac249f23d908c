//! Signs mails by DKIM (RFC 6376, RFC 8463), so that a receiver can verify the domain.
//!
//! The signature's time is the mail's own `Date`: the same mail gives the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SmtpSettingsError;

/// The header fields to sign, if present. `From` twice: a second one added later breaks the signature.
const SIGNED: [&str; 10] = [
    "from",
    "from",
    "to",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "auto-submitted",
];
/// The line length of the signature's base64, in characters.
const FOLD: usize = 72;

/// The key that signs mails.
#[derive(Clone)]
pub struct DkimSettings {
    /// The signing domain, `d=`.
    pub domain: String,
    /// The selector of the key, `s=`: the public one is in the TXT record of `{selector}._domainkey.{domain}`.
    pub selector: String,
    /// The private key, in PEM: RSA of 2048 to 8192 bits, in PKCS #8 or PKCS #1, or Ed25519 in PKCS #8.
    pub key_pem: Zeroizing<String>,
}

pub(super) struct Signer {
    domain: String,
    selector: String,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl DkimSettings {
    pub(super) fn into_signer(self) -> Result<Signer, SmtpSettingsError> {
        let is_name = |name: &str| {
            let labels = name.split('.');
            labels.into_iter().all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            })
        };
        if !is_name(&self.domain) {
            return Err(SmtpSettingsError::Dkim("the domain is no domain name in ASCII"));
        }
        if !is_name(&self.selector) {
            return Err(SmtpSettingsError::Dkim("the selector is none: letters, digits, - and dots"));
        }
        Ok(Signer { key: key(&self.key_pem)?, domain: self.domain, selector: self.selector })
    }
}

fn key(pem: &str) -> Result<Key, SmtpSettingsError> {
    let unusable = "the key is neither RSA of 2048 to 8192 bits nor Ed25519";
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => {
            RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Key::Rsa).map_err(|_| SmtpSettingsError::Dkim(unusable))
        }
        Ok(PrivateKeyDer::Pkcs8(der)) => {
            let der = der.secret_pkcs8_der();
            // Keys of OpenSSL have no public part beside the private one, which only the second of these accepts.
            let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Key::Ed25519);
            let either = RsaKeyPair::from_pkcs8(der).map(Key::Rsa).or_else(|_| ed25519());
            either.map_err(|_| SmtpSettingsError::Dkim(unusable))
        }
        Ok(_) => Err(SmtpSettingsError::Dkim(unusable)),
        Err(_) => Err(SmtpSettingsError::Dkim("the key is no private key in PEM")),
    }
}

impl Signer {
    /// The message with its signature before it.
    pub(super) fn signed(&self, message: &[u8], at: DateTime<Utc>) -> Result<Vec<u8>, SigningError> {
        let text = std::str::from_utf8(message).map_err(|_| SigningError)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(SigningError)?;
        let fields = fields(head);
        let chosen = chosen(&fields);
        let names: Vec<&str> = chosen.iter().map(|(name, _)| *name).collect();
        let unsigned = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n d={}; s={}; t={};\r\n h={};\r\n bh={};\r\n b=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            at.timestamp().max(0),
            names.join(":\r\n "),
            STANDARD.encode(Sha256::digest(relaxed_body(body))),
        );
        let mut hashed: String =
            chosen.iter().filter_map(|(_, field)| *field).map(|field| relaxed_field(field) + "\r\n").collect();
        hashed.push_str(&relaxed_field(&unsigned));
        let signature = STANDARD.encode(self.key.sign(&hashed)?);
        let mut signed = unsigned.into_bytes();
        for (line, part) in signature.as_bytes().chunks(FOLD).enumerate() {
            signed.extend_from_slice(if line == 0 { b"" } else { b"\r\n " });
            signed.extend_from_slice(part);
        }
        signed.extend_from_slice(b"\r\n");
        signed.extend_from_slice(message);
        Ok(signed)
    }
}

/// The mail cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be signed")]
pub(super) struct SigningError;

impl Key {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, hashed: &str) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // The randomness blinds the computation; the signature does not depend on it.
                let signed = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), hashed.as_bytes(), &mut signature);
                signed.map(|()| signature).map_err(|_| SigningError)
            }
            Self::Ed25519(key) => Ok(key.sign(&Sha256::digest(hashed.as_bytes())).as_ref().to_vec()),
        }
    }
}

/// The header's fields, each with its continuation lines.
fn fields(head: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            Some(field) => field.extend(["\r\n", line]),
            None => fields.push(line.to_owned()),
        }
    }
    fields
}

/// The names to sign, each with its field: one that is present, or, for the second `From`, none. No field is there
/// twice.
fn chosen(fields: &[String]) -> Vec<(&'static str, Option<&str>)> {
    let mut chosen: Vec<(&'static str, Option<&str>)> = Vec::new();
    for name in SIGNED {
        let is_named = |field: &&String| field.split(':').next().is_some_and(|found| found.eq_ignore_ascii_case(name));
        let is_taken = chosen.iter().any(|(taken, _)| *taken == name);
        match fields.iter().find(is_named) {
            Some(_) if is_taken => chosen.push((name, None)),
            Some(field) => chosen.push((name, Some(field))),
            None => {}
        }
    }
    chosen
}

/// RFC 6376, section 3.4.2.
fn relaxed_field(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    format!("{}:{}", name.trim_end().to_ascii_lowercase(), single_spaced(&value.replace("\r\n", "")).trim_matches(' '))
}

/// RFC 6376, section 3.4.4.
fn relaxed_body(body: &str) -> String {
    let lines: Vec<String> =
        body.split("\r\n").map(|line| single_spaced(line).trim_end_matches(' ').to_owned()).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines.into_iter().take(end).map(|line| line + "\r\n").collect()
}

/// Every run of spaces and tabs as one space.
fn single_spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for c in text.chars().map(|c| if c == '\t' { ' ' } else { c }) {
        if c != ' ' || !spaced.ends_with(' ') {
            spaced.push(c);
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6376, section 3.4.5.
    #[test]
    fn canonicalises_as_the_standard_shows() {
        let fields = fields("A: X\r\nB : Y\t\r\n\tZ  ");
        let relaxed: Vec<String> = fields.iter().map(|field| relaxed_field(field)).collect();
        assert_eq!(relaxed, ["a:X", "b:Y Z"]);
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        assert_eq!(relaxed_body("no end"), "no end\r\n");
    }

    #[test]
    fn signs_the_present_fields_and_from_twice() {
        let fields = fields("Subject: s\r\nFROM: a@example.com\r\nX-Other: o");
        assert_eq!(
            chosen(&fields),
            [("from", Some("FROM: a@example.com")), ("from", None), ("subject", Some("Subject: s"))]
        );
    }
}
