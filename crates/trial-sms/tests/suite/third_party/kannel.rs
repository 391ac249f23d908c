//! Kannel: its `sendsms` box takes our message by HTTP, and its bearer box passes it on to the message centre by SMPP.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use trial_core::ports::SmsGateway as _;
use trial_core::sms::GatewayReply;
use trial_core::values::Locale;
use trial_sms::{Accept, HttpGateway, HttpGatewaySettings, code_text};

use super::program::PATIENCE;
use super::smpp::centre;
use crate::gateways::{PATIENT, http_settings};
use crate::requests::message;

/// Both boxes; they end with this, and with this process even if that is killed.
struct Kannel {
    _bearerbox: Child,
    _smsbox: Child,
    sendsms: u16,
    _directory: tempfile::TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn spawn(program: &str, configuration: &Path) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--"]).arg(format!("/usr/sbin/{program}")).args(["-v", "4"]).arg(configuration);
    command.current_dir(configuration.parent().unwrap()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/run` installs it"))
}

async fn until_it_listens(port: u16) {
    let connected = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, connected).await.unwrap_or_else(|_| panic!("nothing listens at port {port}"));
}

impl Kannel {
    async fn start(centre: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [admin, boxes, sendsms] = [free_port(), free_port(), free_port()];
        let configuration = directory.path().join("kannel.conf");
        let text = format!(
            "group = core\nadmin-port = {admin}\nadmin-password = x\nadmin-interface = 127.0.0.1\nsmsbox-port = {boxes}\n\
             smsbox-interface = 127.0.0.1\nbox-allow-ip = 127.0.0.1\n\n\
             group = smsc\nsmsc = smpp\nhost = 127.0.0.1\nport = {centre}\nsmsc-username = trialgate\nsmsc-password = secret\n\
             system-type = \"\"\ntransceiver-mode = true\ninterface-version = 34\nreconnect-delay = 1\n\n\
             group = smsbox\nbearerbox-host = 127.0.0.1\nsendsms-port = {sendsms}\nsendsms-interface = 127.0.0.1\n\n\
             group = sendsms-user\nusername = trialgate\npassword = p&ss\nmax-messages = 5\nconcatenation = true\n"
        );
        std::fs::write(&configuration, text).unwrap();
        let bearerbox = spawn("bearerbox", &configuration);
        until_it_listens(boxes).await;
        let smsbox = spawn("smsbox", &configuration);
        until_it_listens(sendsms).await;
        Self { _bearerbox: bearerbox, _smsbox: smsbox, sendsms, _directory: directory }
    }

    fn gateway(&self, password: &str) -> HttpGateway {
        let query = format!(
            "username=trialgate&password={password}&from=Trialgate&to={{{{to}}}}&text={{{{text}}}}&charset=UTF-8&coding=2"
        );
        HttpGateway::new(HttpGatewaySettings {
            url: format!("http://127.0.0.1:{}/cgi-bin/sendsms?{query}", self.sendsms).into(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
            accept: Accept { status: vec![202], ..Accept::default() },
            ..http_settings("http://127.0.0.1", PATIENT)
        })
        .unwrap()
    }
}

#[tokio::test]
async fn a_message_goes_through_kannel_to_the_message_centre() {
    let (mut centre, port) = centre().await;
    let kannel = Kannel::start(port).await;
    let gateway = kannel.gateway("p%26ss");
    assert_eq!(gateway.check().await, Ok(()));
    for locale in [Locale::ZhCn, Locale::En] {
        let reply = gateway.send(&message(locale)).await;
        assert!(matches!(reply, GatewayReply::Accepted { .. }), "{reply:?}");
        let expected = code_text("Trialgate", &message(locale));
        let mut whole = String::new();
        // Kannel splits a text in UCS-2 of more than 70 characters.
        while whole.len() < expected.len() {
            let piece = centre.hear_of("to").await;
            assert_eq!(piece["to"].as_str().unwrap().trim_start_matches('+'), "8616673280001");
            whole.push_str(piece["text"].as_str().unwrap());
        }
        assert_eq!(whole, expected);
    }
    let refused = kannel.gateway("wrong").send(&message(Locale::En)).await;
    assert_eq!(refused, GatewayReply::Refused { reason: "status 403".to_owned() });
}
