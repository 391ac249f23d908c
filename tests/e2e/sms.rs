//! Real gateways, and no sandbox: the service starts, fails over, and reports the gateway of each message.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use trialgate_tests::{Applicant, Home, SERVING, Service, finish};

/// A provider of short messages that accepts every one.
struct Provider {
    port: u16,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl Provider {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&messages);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(message) = take(stream, answer).await {
                    taken.lock().unwrap().push(message);
                }
            }
        });
        Self { port, messages }
    }

    fn messages(&self) -> Vec<Value> {
        self.messages.lock().unwrap().clone()
    }
}

/// Reads a message and answers it; `None` for a request that has none, or none in JSON.
async fn take(mut stream: TcpStream, answer: &str) -> Option<Value> {
    let mut bytes = Vec::new();
    let body = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break body.to_owned();
            }
        }
    };
    let length = answer.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}{answer}").as_bytes()).await.ok()?;
    serde_json::from_str(&body).ok()
}

fn configuration(dead_port: u16, provider: u16, test_number: &str) -> String {
    format!(
        r#"
        http.listen = "127.0.0.1:0"
        mail = {{ transport = "smtp", smtp_url = "smtp://127.0.0.1:{dead_port}", from = "trials@example.com" }}
        portal.url = "https://portal.example.com/"
        support.contact = "support@example.com"
        secrets.keys = [{{ id = "first", key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" }}]
        [sms]
        gateways = ["huawei", "smpp", "http"]
        autofill_domain = "example.com"
        test_numbers = {{ "{test_number}" = {{ code = "012345", expires = "2999-12-31" }} }}
        [sms.huawei]
        endpoint = "http://127.0.0.1:{dead_port}"
        app_key = "key"
        app_secret = "secret"
        sender = "1069"
        template_id = "template"
        [sms.smpp]
        host = "127.0.0.1"
        port = {dead_port}
        system_id = "trialgate"
        password = "secret"
        country_codes = [1]
        [sms.http]
        url = "http://127.0.0.1:{provider}/send"
        headers = {{ Content-Type = "application/json" }}
        body = '{{"to":"{{{{to}}}}","text":"{{{{text}}}}","code":"{{{{code}}}}"}}'
        accept = {{ status = 200, pointer = "/status", value = "queued", id = "/id" }}
        "#
    )
}

#[tokio::test]
async fn a_message_goes_by_the_next_gateway_and_everybody_is_told_so() {
    let (customer, tester) = (Applicant::new(1), Applicant::new(2));
    let provider = Provider::start("{\"status\":\"queued\",\"id\":\"provider-7\"}").await;
    // Bound, so that nobody else takes it, without listening.
    let dead = TcpSocket::new_v4().unwrap();
    dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead_port = dead.local_addr().unwrap().port();
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    home.write("data/trialgate.toml", configuration(dead_port, provider.port, &tester.e164()));
    home.ask(&["migrate"]).await;
    home.import_pairs(2).await;

    let service = Service::start(home.serve_command()).await;
    let client = service.client();
    assert_eq!(client.send_code(&customer).await.code(), "200");
    let [message] = provider.messages().try_into().unwrap();
    let code = message["code"].as_str().unwrap().to_owned();
    assert_eq!(message["to"].as_str(), Some(customer.e164().as_str()));
    let text = message["text"].as_str().unwrap();
    assert!(text.contains(&code) && text.ends_with(&format!("\n\n@example.com #{code}")), "{text}");
    assert_eq!(client.apply(&customer, &code).await.code(), "000");

    assert_eq!(client.send_code(&tester).await.code(), "200");
    assert_eq!(provider.messages().len(), 1, "a test number gets no message");
    assert_eq!(client.apply(&tester, "012345").await.code(), "000");

    let readiness = client.get("/readyz").await;
    let sms = readiness["dependencies"].as_array().unwrap().iter().find(|it| it["name"] == "sms").unwrap();
    assert_eq!(sms["ready"], true, "{readiness}");
    let found = home.ask(&["applications", "find", "--phone", &customer.e164()]).await;
    assert!(found.contains("http") && found.contains("provider-7"), "{found}");
    let found = home.ask(&["applications", "find", "--phone", &tester.e164()]).await;
    assert!(found.contains("test"), "{found}");

    let doctor = finish(home.command(&["doctor", "--config", home.config().to_str().unwrap()])).await;
    for line in ["huawei: cannot be used: no connection", "smpp: cannot be used: no connection", "http: reached"] {
        assert!(doctor.stdout.contains(line), "{line}: {}", doctor.stdout);
    }
    let ended = service.stop().await;
    assert_eq!(ended.code(), Some(0));
    assert!(ended.stderr.contains("`sms.test_numbers` is set"), "{}", ended.stderr);
    for secret in [code.as_str(), &customer.e164()[3..], "012345"] {
        assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{}", ended.stderr);
    }
}

const CALLBACK_SECRET: &str = "callback-0123456789-0123456789-abcd";

fn calling_back(provider: u16) -> String {
    format!(
        r#"{SERVING}
        [sms.twilio]
        base_url = "http://127.0.0.1:{provider}"
        account_sid = "AC1"
        auth_token = "secret"
        from = "+15005550006"
        callback_secret = "{CALLBACK_SECRET}"
        status_callback = "https://trial.example.com/callbacks/sms/twilio/{CALLBACK_SECRET}"
        "#
    )
    .replace("sms.gateways = [\"sandbox\"]", "sms.gateways = [\"twilio\"]")
}

#[tokio::test]
async fn a_provider_says_that_the_message_arrived_and_operations_see_it() {
    let customer = Applicant::new(1);
    let provider = Provider::start("{\"sid\":\"SM7\",\"status\":\"queued\"}").await;
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    home.write("data/trialgate.toml", calling_back(provider.port));
    home.ask(&["migrate"]).await;
    let service = Service::start(home.serve_command()).await;
    let client = service.client();
    let path = format!("/callbacks/sms/twilio/{CALLBACK_SECRET}");
    let delivered = "MessageSid=SM7&MessageStatus=delivered&To=%2B8616673280001";
    assert_eq!(client.tell(&path, delivered).await, (503, Some(10)), "no such message yet");
    assert_eq!(client.send_code(&customer).await.code(), "200");
    let find = ["applications", "find", "--phone", &customer.e164()];
    let story = home.ask(&find).await;
    assert!(story.contains("twilio: SM7") && !story.contains("receipt"), "{story}");

    for closed in [path.replace("callback-0", "callback-1"), path.replace("twilio", "huawei")] {
        assert_eq!(client.tell(&closed, delivered).await, (404, None));
    }
    assert_eq!(client.tell(&path, "MessageSid=SM7&MessageStatus=told").await, (400, None));
    for status in
        ["MessageSid=SM7&MessageStatus=sent", delivered, "MessageSid=SM7&MessageStatus=failed&ErrorCode=30003"]
    {
        assert_eq!(client.tell(&path, status).await, (204, None), "{status}");
    }
    let story = home.ask(&find).await;
    assert!(story.contains("delivery receipt: delivered"), "{story}");
    let story: Value = serde_json::from_str(&home.ask(&[&find[..], &["--json"]].concat()).await).unwrap();
    let receipt = &story["timeline"][1];
    assert_eq!((&receipt["kind"], &receipt["facts"]), (&"receipt".into(), &serde_json::json!([])), "{story}");
    let told = client.try_get("/metrics").await.unwrap().text().await.unwrap();
    for state in ["sent", "delivered", "failed"] {
        let counted = format!("trialgate_sms_receipts_total{{gateway=\"twilio\",state=\"{state}\"}} 1");
        assert!(told.lines().any(|line| line == counted), "{counted}: {told}");
    }

    let ended = service.stop().await;
    assert!(ended.stderr.contains("/callbacks/sms/{gateway}/{secret}"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("0123456789") && !ended.stdout.contains("0123456789"), "{}", ended.stderr);
}
