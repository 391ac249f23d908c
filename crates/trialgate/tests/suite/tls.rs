//! Messages about the certificate and its key.

use std::fs;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};

use crate::{Home, SANDBOX};

const TLS: &str = "http.tls = { cert_file = \"cert.pem\", key_file = \"key.pem\" }\n";
const DAY: Duration = Duration::from_hours(24);

#[expect(clippy::disallowed_methods, reason = "the program that is tested goes by the machine's clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// With a certificate that expires in this many days, which may be negative.
fn ending_in(days: i32) -> Home {
    let home = Home::new(&format!("{TLS}{SANDBOX}"));
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let now = now();
    let apart = DAY * days.unsigned_abs() + DAY / 2;
    params.not_after = if days < 0 { now - apart } else { now + apart }.into();
    fs::write(home.path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(home.path("key.pem"), key.serialize_pem()).unwrap();
    home
}

#[test]
fn the_end_of_a_certificate_is_told() {
    let home = ending_in(30);
    assert!(home.run("config check").done().starts_with("the configuration is valid and complete"));
    home.run("migrate").done();
    let doctor = home.run("doctor");
    assert!(doctor.out.contains("ok    tls"), "{doctor:?}");

    let home = ending_in(13);
    let checked = home.run("config check");
    assert_eq!(checked.status, 0);
    assert!(checked.err.starts_with("warning: the certificate expires at "), "{checked:?}");
    assert!(
        checked.err.contains("(days left: 13); renew it in the file that `http.tls.cert_file` names"),
        "{checked:?}"
    );
    assert!(home.run("doctor").out.contains("warn  tls"));

    let home = ending_in(-1);
    assert!(home.run("config check").err.contains("the certificate expired at "));
    let doctor = home.run("doctor");
    assert!(doctor.status == 1 && doctor.out.contains("FAIL  tls"), "{doctor:?}");
}

#[test]
fn a_pair_that_cannot_be_shown_is_refused_by_the_key_to_set() {
    let home = ending_in(30);
    fs::write(home.path("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    for command in ["config check", "serve"] {
        let line = home.run(command).refused();
        assert!(line.contains("`http.tls.key_file`: the key in ") && line.contains("does not belong to"), "{line}");
    }
    fs::remove_file(home.path("cert.pem")).unwrap();
    let line = home.run("config check").refused();
    assert!(
        line.contains("`http.tls.cert_file`: ") && line.contains("cert.pem cannot be read: No such file"),
        "{line}"
    );
    assert!(home.run("doctor").out.contains("`http.tls.cert_file`: "));
}

#[test]
fn a_certificate_takes_its_key_and_limits_make_sense() {
    for (line, message) in [
        ("http.tls.cert_file = \"c\"", "`http.tls.key_file` is missing; a certificate needs its key"),
        ("http.tls.key_file = \"k\"", "`http.tls.cert_file` is missing; a key needs its certificate"),
        ("http.limits.connections = 0", "`http.limits.connections` must be from 1 to 1000000"),
        ("http.limits.connections = 10", "`http.limits.connections_per_address` must be at most"),
        ("http.limits.streams_per_connection = 0", "`http.limits.streams_per_connection` must be from 1 to 10000"),
        ("http.limits.head_bytes = 100", "`http.limits.head_bytes` must be from 4096 to 65536"),
        ("http.limits.head_timeout = \"0s\"", "`http.limits.head_timeout` must be longer than 0s"),
        ("http.limits.idle_timeout = \"0s\"", "`http.limits.idle_timeout` must be longer than 0s"),
        ("http.limits.body_timeout = \"1m\"", "`http.limits.body_timeout` must be at most 15s"),
    ] {
        let refused = Home::new(&format!("{line}\n{SANDBOX}")).run("config check").refused();
        assert!(refused.contains(message), "{line}: {refused}");
    }
}
