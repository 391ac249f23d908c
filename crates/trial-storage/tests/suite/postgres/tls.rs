//! TLS: the server is verified.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::task::spawn_blocking;
use trial_cluster::Cluster;
use trial_storage::{PostgresLedger, PostgresOpenError, PostgresOptions};

/// An authority, and a server's certificate by it for the name `localhost`.
struct Certificates {
    authority: String,
    server: String,
    key: String,
}

fn certificates() -> Certificates {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    Certificates { authority: authority.pem(), server: server.pem(), key: key.serialize_pem() }
}

/// Without a server.
#[test]
fn certificates_that_cannot_be_used_are_named_before_a_connection() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("roots.pem");
    let url = format!("postgres://trialgate@db.invalid/trialgate?sslmode=verify-full&sslrootcert={}", file.display());
    let check = || {
        let checked = PostgresOptions::new(&url).check();
        checked.map_err(|error| std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    };
    assert!(check().unwrap_err().contains("roots.pem"), "there is no file");
    let Certificates { authority, key, .. } = certificates();
    for (pem, reason) in [
        (String::new(), "has no certificate in it"),
        ("nothing of use".to_owned(), "has no certificate in it"),
        (key, "has no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(), ""),
    ] {
        fs::write(&file, &pem).unwrap();
        let said = check().unwrap_err();
        assert!(said.contains(reason), "{pem}: {said}");
    }
    fs::write(&file, &authority).unwrap();
    assert_eq!(check(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_used_if_its_certificate_is_trusted_and_names_it() {
    let (ours, others) = (certificates(), certificates());
    let directory = tempfile::tempdir().unwrap();
    let roots = |name: &str, pem: &str| {
        let file = directory.path().join(name);
        fs::write(&file, pem).unwrap();
        file
    };
    let (trusted, untrusted) = (roots("ours.pem", &ours.authority), roots("others.pem", &others.authority));
    let cluster = spawn_blocking(move || Cluster::start_with_tls(&ours.server, &ours.key)).await.unwrap();
    let url = |host: &str, roots: &Path| {
        let port = cluster.port();
        format!("postgres://trialgate@{host}:{port}/postgres?sslmode=verify-full&sslrootcert={}", roots.display())
    };
    PostgresLedger::migrate(&PostgresOptions::new(url("localhost", &trusted))).await.unwrap();
    PostgresLedger::open(PostgresOptions::new(url("localhost", &trusted))).await.unwrap();
    for (url, reason) in [
        (url("localhost", &untrusted), "invalid peer certificate"),
        (url("127.0.0.1", &trusted), "not valid for name"),
        (url("localhost", Path::new("/nowhere.pem")), "/nowhere.pem"),
    ] {
        let error = PostgresLedger::open(PostgresOptions::new(&url)).await.err().expect("it is refused");
        assert!(matches!(error, PostgresOpenError::Connect { .. } | PostgresOpenError::Tls { .. }));
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let said = format!("{error}: {source}");
        assert!(said.contains(reason), "{url}: {said}");
    }
}
