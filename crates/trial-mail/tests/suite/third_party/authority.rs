//! A certificate authority of the tests.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority that this test alone trusts, and a server's certificate by it.
pub(super) struct Authority {
    directory: TempDir,
    pub(super) pem: String,
}

impl Authority {
    /// Certifies a server of this name or address.
    pub(super) fn of(server: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([server.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        // A server under another account has to read it.
        let directory = tempfile::Builder::new().prefix("trial-mail-").tempdir().unwrap();
        fs::write(directory.path().join("certificate.pem"), certificate.pem()).unwrap();
        fs::write(directory.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { directory, pem: issuer.pem() }
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    pub(super) fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }
}
