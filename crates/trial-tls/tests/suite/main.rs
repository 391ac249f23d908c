//! Certificates in files, and the identity that is used while the files change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::sync::Notify;
use trial_tls::{Identity, IdentityError, IdentityFiles, Part, Presented, Renewal, Renewed};

/// The two files, in a directory of their own.
struct Files {
    _directory: TempDir,
    paths: IdentityFiles,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = IdentityFiles { cert: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
        Self { _directory: directory, paths }
    }

    /// Files with a certificate that expires at the end of this year.
    fn ending(year: i32) -> Self {
        let files = Self::new();
        files.write(&Pair::ending(year));
        files
    }

    fn write(&self, pair: &Pair) {
        fs::write(&self.paths.cert, &pair.cert).unwrap();
        fs::write(&self.paths.key, &pair.key).unwrap();
    }

    fn load(&self) -> Result<Identity, IdentityError> {
        Identity::load(&self.paths)
    }

    /// The file to look at, and the message without the directory.
    fn refused(&self) -> (Part, String) {
        let error = self.load().unwrap_err();
        let directory = format!("{}/", self.paths.cert.parent().unwrap().display());
        (error.part(), error.to_string().replace(&directory, ""))
    }
}

struct Pair {
    cert: String,
    key: String,
    key_der: Vec<u8>,
}

impl Pair {
    fn ending(year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let cert = params.self_signed(&key).unwrap().pem();
        Self { cert, key: key.serialize_pem(), key_der: key.serialize_der() }
    }
}

fn end_of(year: i32) -> DateTime<Utc> {
    format!("{year}-12-31T00:00:00Z").parse().unwrap()
}

fn armoured(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn a_key_may_be_pkcs_8_or_sec_1() {
    let pair = Pair::ending(2040);
    let files = Files::new();
    files.write(&pair);
    assert_eq!(files.load().unwrap().not_after(), end_of(2040));
    // The OCTET STRING of PKCS#8 holds the key in the form of SEC 1.
    let at = pair.key_der.windows(2).position(|tags| tags == [0x04, 0x6d]).unwrap() + 2;
    fs::write(&files.paths.key, armoured("EC PRIVATE KEY", &pair.key_der[at..])).unwrap();
    assert_eq!(files.load().unwrap().not_after(), end_of(2040));
}

#[test]
fn a_key_may_be_pkcs_1() {
    let files = Files::new();
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let (cert, key) = (path(&files.paths.cert), path(&files.paths.key));
    let openssl = |line: String| {
        let output = Command::new("openssl").args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(format!("req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30 -out {cert} -keyout {key}"));
    assert!(files.load().is_ok());
    openssl(format!("rsa -traditional -in {key} -out {key}"));
    assert!(fs::read_to_string(&files.paths.key).unwrap().contains("BEGIN RSA PRIVATE KEY"));
    let identity = files.load().unwrap();
    assert!(identity.not_before() < identity.not_after());
}

#[test]
fn unusable_files_are_named() {
    let files = Files::ending(2040);
    let (pair, other) = (Pair::ending(2040), Pair::ending(2040));
    files.write(&Pair { key: other.key, ..pair });
    assert_eq!(
        files.refused(),
        (Part::Key, "the key in key.pem does not belong to the certificate in cert.pem".to_owned())
    );
    fs::write(&files.paths.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    assert_eq!(files.refused(), (Part::Key, "the key in key.pem cannot be used".to_owned()));
    fs::write(&files.paths.key, "nothing").unwrap();
    let missing = "key.pem has no private key (PKCS#8, PKCS#1 or SEC1) in it";
    assert_eq!(files.refused(), (Part::Key, missing.to_owned()));
    fs::write(&files.paths.key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
    assert_eq!(files.refused(), (Part::Key, "key.pem is not PEM".to_owned()));
    fs::remove_file(&files.paths.key).unwrap();
    assert_eq!(files.refused(), (Part::Key, "key.pem cannot be read".to_owned()));
    fs::write(&files.paths.cert, armoured("CERTIFICATE", b"no certificate")).unwrap();
    assert_eq!(files.refused(), (Part::Cert, "the certificate in cert.pem is malformed".to_owned()));
    fs::write(&files.paths.cert, "").unwrap();
    assert_eq!(files.refused(), (Part::Cert, "cert.pem has no certificate in it".to_owned()));
    fs::remove_file(&files.paths.cert).unwrap();
    assert_eq!(files.refused(), (Part::Cert, "cert.pem cannot be read".to_owned()));
    assert!(Renewal::start(files.paths.clone()).is_err());
}

#[test]
fn a_new_pair_is_shown_and_a_bad_one_is_not() {
    let files = Files::ending(2040);
    let mut renewal = Renewal::start(files.paths.clone()).unwrap();
    let presented = renewal.presented();
    assert!(matches!(renewal.look(), Renewed::Unchanged));

    // One file is written after the other: in between they do not match.
    let next = Pair::ending(2041);
    fs::write(&files.paths.cert, &next.cert).unwrap();
    assert!(matches!(renewal.look(), Renewed::Kept(IdentityError::Mismatch { .. })));
    assert!(matches!(renewal.look(), Renewed::Unchanged), "one failure is reported once");
    assert_eq!(presented.not_after(), end_of(2040));
    fs::write(&files.paths.key, &next.key).unwrap();
    assert!(matches!(renewal.look(), Renewed::Exchanged));
    assert_eq!(presented.not_after(), end_of(2041));

    fs::remove_file(&files.paths.cert).unwrap();
    assert!(matches!(renewal.look(), Renewed::Kept(IdentityError::Unreadable { .. })));
    assert!(matches!(renewal.reload(), Renewed::Kept(_)), "a requested reload reports again");
    assert_eq!(presented.not_after(), end_of(2041));
    files.write(&Pair::ending(2042));
    assert!(matches!(renewal.look(), Renewed::Exchanged));
    assert_eq!(presented.not_after(), end_of(2042));
}

async fn shown(presented: &Presented, year: i32) {
    while presented.not_after() != end_of(year) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_by_itself_and_when_asked_to() {
    let files = Files::ending(2040);
    let renewal = Renewal::start(files.paths.clone()).unwrap();
    let (presented, asked) = (renewal.presented(), Arc::new(Notify::new()));
    let task = tokio::spawn(renewal.run(Duration::from_mins(1), Arc::clone(&asked)));
    tokio::time::sleep(Duration::from_secs(1)).await;

    let began = tokio::time::Instant::now();
    files.write(&Pair::ending(2041));
    shown(&presented, 2041).await;
    assert!((58..=60).contains(&began.elapsed().as_secs()));

    let began = tokio::time::Instant::now();
    files.write(&Pair::ending(2042));
    asked.notify_one();
    shown(&presented, 2042).await;
    assert!(began.elapsed().as_secs() <= 1);
    task.abort();
}
