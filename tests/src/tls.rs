//! A certificate of a test, and clients that trust it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, ClientBuilder};

use crate::{Client, Home};

/// A certificate for `127.0.0.1` and its key, in files of a home.
#[derive(Debug)]
pub struct Identity {
    cert: PathBuf,
    key: PathBuf,
    pem: String,
}

impl Identity {
    /// Creates one, in place of the previous one.
    pub fn make(home: &Home) -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        let cert = home.write("cert.pem", &pem);
        Self { cert, key: home.write("key.pem", key.serialize_pem()), pem }
    }

    /// Replaces the key by another one.
    pub fn break_up(&self) {
        fs::write(&self.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    }

    /// The environment of a service that uses it.
    pub fn environment(&self) -> [(&'static str, &str); 2] {
        [
            ("TRIALGATE_HTTP__TLS__CERT_FILE", self.cert.to_str().unwrap()),
            ("TRIALGATE_HTTP__TLS__KEY_FILE", self.key.to_str().unwrap()),
        ]
    }

    /// A client that trusts this certificate and no other. It speaks HTTP/2, unless set to HTTP/1.1.
    pub fn client(&self, address: SocketAddr, settle: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let trusted = Certificate::from_pem(self.pem.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]);
        Client::over(settle(builder).build().unwrap(), format!("https://{address}"))
    }
}
