//! The requests to the providers, to the letter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use trial_core::ports::{Clock as _, SmsGateway};
use trial_core::sms::SmsMessage;
use trial_core::values::{ChallengeId, CodeRequestId, Keyring, Locale, Phone, SecretKey};
use trial_signing::{AccessKey, RequestParts, Signed};
use trial_sms::{
    Accept, HttpGateway, HttpGatewaySettings, HuaweiAuth, HuaweiSettings, TwilioGateway, TwilioSender, TwilioSettings,
    UnusableGateway, Wording,
};
use trial_testkit::FixedClock;

use crate::gateways::{PATIENT, http_settings, huawei, huawei_settings, twilio_settings};
use crate::provider::{Provider, Request, Script};

/// A message whose code begins with zeros.
pub(crate) fn message(locale: Locale) -> SmsMessage {
    let keyring = Keyring::new(vec![SecretKey::new("test", &[1; 32]).unwrap()]).unwrap();
    let to = Phone::from_canonical("+8616673280001", 86);
    let code = (0..1_000_000_u128)
        .map(|nonce| keyring.current_code(ChallengeId::from_bytes(nonce.to_be_bytes()), &to))
        .find(|code| code.reveal().starts_with("00"));
    let code_request = CodeRequestId::new(FixedClock::default().now(), [0; 10]);
    SmsMessage { code_request, to, code: code.unwrap(), valid_minutes: 5, locale }
}

async fn sent(gateway: impl SmsGateway, provider: &Provider, locale: Locale) -> Request {
    gateway.send(&message(locale)).await;
    provider.requests().pop().unwrap()
}

fn signed(request: &Request, body: &str) -> Result<(), trial_signing::VerifyError> {
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let parts = RequestParts {
        method: &request.method,
        path: &request.target,
        query: &[],
        headers: &headers,
        body: body.as_bytes(),
    };
    let key = AccessKey::new("app-key", "app-secret");
    Signed::parse(&parts)?.verify_as_sdks_sign(&parts, &key, FixedClock::default().now())
}

#[tokio::test]
async fn huawei_is_asked_by_a_signed_form() {
    let provider = Provider::start(Script::Cut).await;
    let settings = HuaweiSettings {
        template_id_en: Some("template-en".to_owned()),
        signature: Some("云客服".to_owned()),
        status_callback: Some("https://example.com/callbacks/sms/huawei/x".to_owned()),
        ..huawei_settings(provider.url(), PATIENT)
    };
    let request = sent(huawei(settings.clone()), &provider, Locale::ZhCn).await;
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/sms/batchSendSms/v1"));
    let code = message(Locale::ZhCn).code.reveal().to_owned();
    for (field, value) in [
        ("from", "8823040504797"),
        ("to", "+8616673280001"),
        ("templateId", "template-zh"),
        ("templateParas", &format!("[\"{code}\",\"5\"]")),
        ("signature", "云客服"),
        ("statusCallback", "https://example.com/callbacks/sms/huawei/x"),
    ] {
        assert_eq!(request.field(field), value);
    }
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(request.header("accept-encoding"), "identity");
    assert_eq!(request.header("x-sdk-content-sha256"), "UNSIGNED-PAYLOAD");
    assert_eq!(signed(&request, &request.body), Ok(()));

    let request = sent(huawei(settings), &provider, Locale::En).await;
    assert_eq!(request.field("templateId"), "template-en");
}

#[tokio::test]
async fn huawei_is_asked_by_wsse_where_that_is_wanted() {
    let provider = Provider::start(Script::Cut).await;
    let settings = HuaweiSettings { auth: HuaweiAuth::Wsse, ..huawei_settings(provider.url(), PATIENT) };
    let gateway = huawei(settings);
    let request = sent(gateway, &provider, Locale::En).await;
    let authorization = "WSSE realm=\"SDP\",profile=\"UsernameToken\",type=\"Appkey\"";
    assert_eq!(request.header("authorization"), authorization);
    let token = request.header("x-wsse").strip_prefix("UsernameToken ").unwrap();
    let field = |name: &str| {
        let mut fields = token.split(',').filter_map(|pair| pair.split_once('='));
        fields.find(|(other, _)| *other == name).unwrap().1.trim_matches('"').to_owned()
    };
    assert_eq!(field("Username"), "app-key");
    let digest = Sha256::digest(format!("{}{}app-secret", field("Nonce"), field("Created")));
    // The value ends in padding, at which the pair is not split.
    let padded = token.split("PasswordDigest=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(padded, STANDARD.encode(digest));
}

#[tokio::test]
async fn twilio_is_asked_by_a_form_and_a_password() {
    let provider = Provider::start(Script::Cut).await;
    let settings = TwilioSettings {
        sender: TwilioSender::MessagingService("MG1".to_owned()),
        wording: Wording { brand: "云客服".into(), autofill_domain: Some("example.com".into()) },
        ..twilio_settings(format!("{}/", provider.url()), PATIENT)
    };
    let request = sent(TwilioGateway::new(settings).unwrap(), &provider, Locale::ZhCn).await;
    let code = message(Locale::ZhCn).code.reveal().to_owned();
    assert_eq!(request.target, "/2010-04-01/Accounts/AC1/Messages.json");
    assert_eq!(request.header("authorization"), format!("Basic {}", STANDARD.encode("AC1:token")));
    assert_eq!(request.field("MessagingServiceSid"), "MG1");
    assert_eq!(request.field("From"), "");
    let last = format!("\n\n@example.com #{code}");
    let body = request.field("Body");
    assert!(body.starts_with("【云客服】") && body.ends_with(&last), "{body}");

    let request =
        sent(TwilioGateway::new(twilio_settings(provider.url(), PATIENT)).unwrap(), &provider, Locale::En).await;
    assert_eq!(request.field("From"), "+15005550006");
    assert!(request.field("Body").starts_with("Trialgate: your verification code is 00"));
}

#[tokio::test]
async fn any_provider_is_asked_by_its_template() {
    let provider = Provider::start(Script::Cut).await;
    let settings = HttpGatewaySettings {
        url: format!(
            "{}/cgi-bin/sendsms?username=u&to={{{{to}}}}&text={{{{text}}}}&coding=2&charset=UTF-8",
            provider.url()
        )
        .into(),
        method: "GET".to_owned(),
        headers: vec![("X-Code".to_owned(), "c={{code}}".to_owned().into())],
        body: None,
        accept: Accept::default(),
        ..http_settings(&provider.url(), PATIENT)
    };
    let request = sent(HttpGateway::new(settings).unwrap(), &provider, Locale::ZhCn).await;
    let message = message(Locale::ZhCn);
    assert_eq!(request.method, "GET");
    assert!(request.target.contains("&to=%2B8616673280001&text=%E3%80%90"), "{}", request.target);
    assert_eq!(request.field("text"), trial_sms::code_text("Trialgate", &message));
    assert_eq!(request.header("x-code"), format!("c={}", message.code.reveal()));
    assert_eq!(request.body, "");
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let settings = || http_settings("http://127.0.0.1:1", PATIENT);
    for (settings, message) in [
        (HttpGatewaySettings { url: "ftp://h/".to_owned().into(), ..settings() }, "must begin with https://"),
        (HttpGatewaySettings { url: "h".to_owned().into(), ..settings() }, "must begin with https://"),
        (HttpGatewaySettings { url: "http://h/{{phone}}".to_owned().into(), ..settings() }, "`url` has {{phone}}"),
        (HttpGatewaySettings { body: Some("{{to".to_owned().into()), ..settings() }, "`body` has {{ without }}"),
        (HttpGatewaySettings { method: "SEND IT".to_owned(), ..settings() }, "`method` is no method"),
        (
            HttpGatewaySettings { headers: vec![("a b".to_owned(), String::new().into())], ..settings() },
            "\"a b\" cannot be sent",
        ),
        (
            HttpGatewaySettings { headers: vec![("a".to_owned(), "\n".to_owned().into())], ..settings() },
            "\"a\" cannot be sent",
        ),
        (
            HttpGatewaySettings { accept: Accept { status: vec![404], ..Accept::default() }, ..settings() },
            "`accept.status` must name",
        ),
        (
            HttpGatewaySettings { accept: Accept { id: Some("x".to_owned()), ..Accept::default() }, ..settings() },
            "no JSON pointer",
        ),
    ] {
        let error = HttpGateway::new(settings).err().unwrap().to_string();
        assert!(error.contains(message), "{message}: {error}");
    }
    assert!(matches!(
        TwilioGateway::new(twilio_settings("mailto:a@example.com".to_owned(), PATIENT)),
        Err(UnusableGateway::Url)
    ));
    let shown = format!("{:?} {:?}", settings(), twilio_settings(String::new(), PATIENT));
    assert!(!shown.contains("token\"") && !shown.contains("127.0.0.1"), "{shown}");
}

/// "Alphanumeric Sender ID", <https://support.twilio.com/hc/en-us/articles/223181348>.
#[test]
fn a_sender_of_twilio_is_a_number_a_short_code_or_a_name() {
    for (from, is_sender) in [
        ("+15005550006", true),
        ("+8613800138000", true),
        ("10690", true),
        ("Trialgate", true),
        ("T&C-2_+ 1", true),
        ("ABCDEFGHIJK", true),
        ("", false),
        ("not a number", false),
        ("ABCDEFGHIJKL", false),
        ("12", false),
        ("15005550006", false),
        ("+0500555000", false),
        ("+1 500 555 0006", false),
        ("+1500555000612345", false),
        ("云客服", false),
    ] {
        let sender = TwilioSender::From(from.to_owned());
        let settings = TwilioSettings { sender, ..twilio_settings("https://sms.example.com".to_owned(), PATIENT) };
        let created = TwilioGateway::new(settings);
        assert_eq!(created.is_ok(), is_sender, "{from:?}");
        assert!(is_sender || matches!(created, Err(UnusableGateway::Sender)), "{from:?}");
    }
}
