//! The sandbox's start message: addresses and first commands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use trial_http::{APPLY_PATH, SEND_CODE_PATH};

use crate::config::Config;

/// A valid mobile number of China by libphonenumber's data.
const PHONE: &str = "16673280001";

pub(super) fn banner(address: SocketAddr, admin: Option<SocketAddr>, config: &Config) -> String {
    let scheme = config.scheme();
    let url = format!("{scheme}://{}", reachable(address));
    let docs = format!("{scheme}://{}", reachable(admin.unwrap_or(address)));
    let header = "-H 'Content-Type: application/json'";
    let apply = format!(
        r#"{{"companyName":"Example Ltd","phone":"{PHONE}","phoneVerifyCode":"'"$CODE"'","email":"a@example.com"}}"#
    );
    let file = config.file.as_deref().map(|file| file.display().to_string()).unwrap_or_default();
    format!(
        "\
listening on {scheme}://{address}

Request a code:
  curl -s {url}{SEND_CODE_PATH} {header} -d '{{\"phone\":\"{PHONE}\"}}'
Read it from the captured messages:
  CODE=$(curl -s '{url}/sandbox/messages?channel=sms&limit=1' | sed -n 's/.*\"code\":\"\\([0-9]*\\)\".*/\\1/p')
Apply for a trial:
  curl -s {url}{APPLY_PATH} {header} -d '{apply}'

Inbox of captured messages       {url}/sandbox
Interface documentation          {docs}/docs
Other commands                   trialgate tenants list --config {file}

Captured messages follow. Ctrl-C stops.
"
    )
}

/// Replaces the unspecified address by the loopback one, which a client can connect to.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[test]
    fn it_says_what_to_type() {
        let config = Sources::default().load().unwrap();
        let text = banner("0.0.0.0:81".parse().unwrap(), None, &config);
        assert!(text.starts_with("listening on http://0.0.0.0:81\n"));
        for expected in [
            r#"curl -s http://127.0.0.1:81/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode -H 'Content-Type: application/json' -d '{"phone":"16673280001"}'"#,
            r#""phoneVerifyCode":"'"$CODE"'","#,
            "http://127.0.0.1:81/sandbox\n",
            "http://127.0.0.1:81/docs\n",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let text = banner("0.0.0.0:81".parse().unwrap(), Some("127.0.0.1:91".parse().unwrap()), &config);
        assert!(text.contains("http://127.0.0.1:91/docs\n"), "{text}");
        assert!(trial_core::values::Phone::parse(PHONE, config.phones()).is_ok());
        assert_eq!(reachable("[::]:81".parse().unwrap()).to_string(), "[::1]:81");
    }
}
