//! A server's certificate and its key, in files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

use chrono::{DateTime, Utc};
use rustls::Error;
use rustls::crypto::ring::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use trial_files::read_unmarked;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

/// The files of a certificate and its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The server's certificate, followed by those between it and its authority.
    pub cert: PathBuf,
    /// Its private key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The file of the certificate.
    Cert,
    /// The file of the key.
    Key,
}

/// A certificate with its chain and its matching key.
#[derive(Clone)]
pub struct Identity {
    pub(crate) key: Arc<CertifiedKey>,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

/// The reason why files cannot be used as an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The kind of file.
        part: Part,
        /// Its path.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("{file} is not PEM")]
    NotPem {
        /// The kind of file.
        part: Part,
        /// Its path.
        file: String,
        /// The cause.
        source: pem::Error,
    },
    /// A file holds something else.
    #[error("{file} has no {} in it", match part { Part::Cert => "certificate", Part::Key => "private key (PKCS#8, PKCS#1 or SEC1)" })]
    Missing {
        /// The kind of file.
        part: Part,
        /// Its path.
        file: String,
    },
    /// The certificate is not X.509.
    #[error("the certificate in {file} is malformed")]
    Malformed {
        /// Its path.
        file: String,
    },
    /// The key is of an unsupported kind, or broken.
    #[error("the key in {file} cannot be used")]
    Unusable {
        /// Its path.
        file: String,
        /// The cause.
        source: Error,
    },
    /// The key belongs to another certificate.
    #[error("the key in {key} does not belong to the certificate in {cert}")]
    Mismatch {
        /// The certificate's path.
        cert: String,
        /// The key's path.
        key: String,
    },
}

impl IdentityError {
    /// The file to look at.
    pub fn part(&self) -> Part {
        match self {
            Self::Unreadable { part, .. } | Self::NotPem { part, .. } | Self::Missing { part, .. } => *part,
            Self::Malformed { .. } => Part::Cert,
            Self::Unusable { .. } | Self::Mismatch { .. } => Part::Key,
        }
    }
}

impl Identity {
    /// Reads both files and checks that they match.
    ///
    /// # Errors
    /// They cannot be read or used, or do not match; the message says which and why.
    pub fn load(files: &IdentityFiles) -> Result<Self, IdentityError> {
        let (cert, key) = (files.cert.display().to_string(), files.key.display().to_string());
        let chain = CertificateDer::pem_slice_iter(&read(Part::Cert, &files.cert)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| IdentityError::NotPem { part: Part::Cert, file: cert.clone(), source })?;
        let leaf = chain.first().ok_or_else(|| IdentityError::Missing { part: Part::Cert, file: cert.clone() })?;
        let (not_before, not_after) = validity(leaf).ok_or_else(|| IdentityError::Malformed { file: cert.clone() })?;
        let private = PrivateKeyDer::from_pem_slice(&read(Part::Key, &files.key)?).map_err(|source| match source {
            pem::Error::NoItemsFound => IdentityError::Missing { part: Part::Key, file: key.clone() },
            source => IdentityError::NotPem { part: Part::Key, file: key.clone(), source },
        })?;
        match CertifiedKey::from_der(chain, private, &default_provider()) {
            Ok(certified) => Ok(Self { key: Arc::new(certified), not_before, not_after }),
            Err(Error::InconsistentKeys(_)) => Err(IdentityError::Mismatch { cert, key }),
            Err(Error::InvalidCertificate(_)) => Err(IdentityError::Malformed { file: cert }),
            Err(source) => Err(IdentityError::Unusable { file: key, source }),
        }
    }

    /// The start of its validity.
    pub fn not_before(&self) -> DateTime<Utc> {
        self.not_before
    }

    /// The end of its validity.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

fn read(part: Part, file: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let unreadable = |source| IdentityError::Unreadable { part, file: file.display().to_string(), source };
    read_unmarked(file).map(Zeroizing::new).map_err(unreadable)
}

fn validity(certificate: &CertificateDer<'_>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
    Some((validity.not_before.to_system_time().into(), validity.not_after.to_system_time().into()))
}
