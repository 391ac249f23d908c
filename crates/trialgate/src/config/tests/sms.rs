//! Tests of the SMS gateways' settings: required keys and hidden secrets.

use trial_core::sms::ServedCountries;
use trial_sms::SmppAlphabet;

use super::super::GatewayKind;
use super::{Case, KEY};
use crate::prepare::prepare;

/// A configuration complete but for the gateways.
fn with_gateways(gateways: &str) -> Case {
    Case::new(&format!(
        "mail.transport = \"sandbox\"\nsandbox.enabled = true\nsecrets.keys = [{{ id = \"a\", key = \"{KEY}\" }}]\n{gateways}"
    ))
}

const ALL: &str = r#"
    [sms]
    gateways = ["smpp", "huawei", "http", "twilio"]
    brand = "云客服"
    autofill_domain = "example.com"
    [sms.huawei]
    endpoint = "https://smsapi.cn-north-4.myhuaweicloud.com"
    app_key = "key"
    app_secret = "hunter2-huawei"
    sender = "8823040504797"
    template_id = "8ff55eac1d0b478ab3c06c3c6a492300"
    country_codes = [86]
    [sms.twilio]
    account_sid = "AC1"
    auth_token_file = "token"
    from = "+15005550006"
    [sms.smpp]
    host = "smsc.example.com"
    system_id = "trialgate"
    password = "hunter2-smpp"
    alphabet = "latin1"
    [sms.http]
    url = "http://localhost:13013/cgi-bin/sendsms?password=hunter2-url&to={{to}}&text={{text}}"
    method = "GET"
    headers = { Authorization = "Bearer hunter2-header" }
    body = "hunter2-body"
    accept = { status = 202, pointer = "/status", value = 0 }
"#;

#[test]
fn every_gateway_gets_its_settings_in_its_place() {
    let case = with_gateways(ALL).with_file("token", "hunter2-twilio\n");
    let config = case.config();
    let serving = config.serving().unwrap();
    let [smpp, huawei, http, twilio] = serving.gateways.as_slice() else { panic!("four are named") };
    assert_eq!(huawei.countries, ServedCountries(vec![86]));
    assert_eq!(twilio.countries, ServedCountries(Vec::new()));
    let GatewayKind::Smpp(smpp) = &smpp.kind else { panic!("{smpp:?}") };
    assert_eq!(smpp.alphabet, SmppAlphabet::Latin1);
    assert_eq!((smpp.port, smpp.tls, smpp.window, smpp.password.as_str()), (2775, false, 10, "hunter2-smpp"));
    let GatewayKind::Huawei(huawei) = &huawei.kind else { panic!("{huawei:?}") };
    assert_eq!(
        (huawei.key.secret(), huawei.template_params.as_slice()),
        ("hunter2-huawei", &["{{code}}".to_owned()][..])
    );
    let GatewayKind::Http(http) = &http.kind else { panic!("{http:?}") };
    assert_eq!(http.accept.status, [202]);
    assert_eq!(http.accept.pointer, Some(("/status".to_owned(), "0".to_owned())));
    let GatewayKind::Twilio(twilio) = &twilio.kind else { panic!("{twilio:?}") };
    assert_eq!((twilio.auth_token.as_str(), twilio.base_url.as_str()), ("hunter2-twilio", "https://api.twilio.com"));
    assert_eq!(twilio.wording.autofill_domain.as_deref(), Some("example.com"));
    for shown in [config.settings.to_toml().unwrap(), format!("{config:?}"), format!("{serving:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn callbacks_are_open_for_those_that_have_a_secret() {
    let secret = "hunter2_hunter2-hunter2_hunter2_";
    let case = |file: &str| {
        let text = format!(
            "[sms]\ngateways = [\"sandbox\"]\ntwilio.callback_secret_file = \"callback\"\n\
             [sms.huawei]\ncallback_secret = \"{secret}\"\nstatus_callback = \"https://a/callbacks/sms/huawei/{secret}\""
        );
        with_gateways(&text).with_file("callback", file)
    };
    let whole = case(&format!("{secret}\n"));
    let config = whole.config();
    let serving = config.serving().unwrap();
    assert_eq!(serving.callbacks.huawei.as_ref().map(|secret| secret.as_str()), Some(secret));
    assert_eq!(serving.callbacks.twilio.as_ref().map(|secret| secret.as_str()), Some(secret));
    for shown in [config.settings.to_toml().unwrap(), format!("{config:?}"), format!("{serving:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let short = case("hunter2");
    let error = short.config().serving().unwrap_err().to_string();
    assert!(error.contains("`sms.twilio.callback_secret_file`: the secret must be 32 to 128 letters"), "{error}");
    let none = with_gateways("sms.gateways = [\"sandbox\"]").config().serving().unwrap();
    assert!(none.callbacks.huawei.is_none() && none.callbacks.twilio.is_none());
}

#[test]
fn settings_that_would_send_nothing_useful_are_refused() {
    let huawei = "[sms]\ngateways = [\"huawei\"]\n[sms.huawei]\nendpoint = \"https://h\"\napp_key = \"a\"\n\
                  app_secret = \"b\"\nsender = \"1\"\ntemplate_id = \"t\"\n";
    let smpp = "[sms]\ngateways = [\"smpp\"]\n[sms.smpp]\nsystem_id = \"a\"\npassword = \"b\"\n";
    let http = "[sms]\ngateways = [\"http\"]\n[sms.http]\n";
    for (text, message) in [
        (format!("{huawei}template_params = [\"{{{{cod}}}}\"]"), "has {{cod}}; known are {{code}} and {{minutes}}"),
        (format!("{huawei}template_params = [\"{{{{minutes}}}}\"]"), "`template_params` has no {{code}}"),
        (format!("{huawei}template_params = []"), "`template_params` has no {{code}}"),
        (format!("{smpp}host = \"smpp://h:2775\""), "`host` must be a name or an address alone"),
        (format!("{smpp}host = \"h:2775\""), "`host` must be a name or an address alone"),
        (format!("{http}url = \"http://h/\"\nbody = \"hi {{{{code}}}}\""), "has no {{to}}"),
        (format!("{http}url = \"http://h/?to={{{{to}}}}\""), "has no {{text}} or {{code}}"),
        (format!("{http}url = \"http://h/{{{{too}}}}\""), "known are {{to}}, {{text}} and {{code}}"),
    ] {
        let error = prepare(&with_gateways(&text).config()).err().unwrap().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    for text in
        [format!("{smpp}host = \"192.0.2.1\""), format!("{http}url = \"http://h/{{{{to}}}}\"\nbody = \"{{{{text}}}}\"")]
    {
        assert!(prepare(&with_gateways(&text).config()).is_ok(), "{text}");
    }
}

#[test]
fn one_phone_has_one_fixed_code() {
    let number = |phone: &str, code: &str| {
        format!("[sms.test_numbers.\"{phone}\"]\ncode = \"{code}\"\nexpires = \"2099-12-31\"\n")
    };
    let twice = number("16673280001", "123456") + &number("+86 166 7328 0001", "123457");
    let error = with_gateways(&twice).error();
    assert!(error.contains("`sms.test_numbers` [1]: the phone is given before in another spelling"), "{error}");
    assert!(!error.contains("1667328"), "{error}");
}

#[test]
fn serving_says_what_a_gateway_lacks() {
    for (name, keys) in [
        (
            "huawei",
            &[
                "sms.huawei.endpoint",
                "sms.huawei.app_key",
                "sms.huawei.app_secret",
                "sms.huawei.sender",
                "sms.huawei.template_id",
            ][..],
        ),
        ("twilio", &["sms.twilio.account_sid", "sms.twilio.auth_token", "sms.twilio.from"]),
        ("smpp", &["sms.smpp.host", "sms.smpp.system_id", "sms.smpp.password"]),
        ("http", &["sms.http.url"]),
    ] {
        let config = with_gateways(&format!("sms.gateways = [\"{name}\"]")).config();
        let error = config.serving().unwrap_err().to_string();
        for key in keys {
            assert!(error.contains(&format!("`{key}` is missing")), "{key}: {error}");
        }
    }
    let text = "sms.gateways = [\"smpp\"]\nsms.smpp = { host = \"h\", system_id = \"s\", password_file = \"absent\" }";
    let error = with_gateways(text).config().serving().unwrap_err().to_string();
    assert!(error.contains("`sms.smpp.password_file`: cannot read"), "{error}");
}

#[test]
fn invalid_templates_are_named() {
    for (text, message) in [
        ("sms.brand = \" \"", "`sms.brand` is empty"),
        ("sms.autofill_domain = \"https://example.com\"", "`sms.autofill_domain` is not a domain"),
        ("sms.smpp.window = 0", "`sms.smpp.window` must be at least 1"),
        ("sms.huawei.app_secret = \"\"", "`sms.huawei.app_secret` is empty"),
        ("sms.twilio.auth_token = \" \"", "`sms.twilio.auth_token` is empty"),
        ("sms.smpp.password = \"\"", "`sms.smpp.password` is empty"),
        ("mail.smtp_password = \"\"", "`mail.smtp_password` is empty"),
        ("site.siteverify.secret = \"\"", "`site.siteverify.secret` is empty"),
        (
            "sms.smpp = { password = \"hunter2\", password_file = \"f\" }",
            "`sms.smpp.password` and `sms.smpp.password_file`",
        ),
        ("sms.huawei.callback_secret = \"hunter2\"", "`sms.huawei.callback_secret` must be 32 to 128 letters"),
        (
            "sms.twilio.callback_secret = \"hunter2/hunter2/hunter2/hunter2/\"",
            "`sms.twilio.callback_secret` must be 32 to 128 letters",
        ),
        (
            "sms.twilio = { callback_secret = \"hunter2\", callback_secret_file = \"f\" }",
            "`sms.twilio.callback_secret` and `sms.twilio.callback_secret_file`",
        ),
        ("sms.huawei.callback_secret = [\"hunter2\"]", "`sms.huawei.callback_secret` must be a string"),
        ("sms.twilio = { from = \"a\", messaging_service_sid = \"b\" }", "`sms.twilio.from` and `sms.twilio.mess"),
        ("sms.http.accept = { pointer = \"/a\" }", "`sms.http.accept.value` is missing"),
        ("sms.http.accept = { value = 0 }", "`sms.http.accept.pointer` is missing"),
        ("sms.http.accept = { status = \"x\" }", "expected a status such as 200"),
        (
            "sms.http.accept = { statuses = 200 }",
            "unknown key `sms.http.accept.statuses`; did you mean `sms.http.accept.status`?",
        ),
        ("sms.http.headers = [\"hunter2\"]", "`sms.http.headers` must be a table of names and their values"),
        ("sms.http.headers = { a = [\"hunter2\"] }", "`sms.http.headers` must be a table"),
        ("sms.huawei.app_secret = [\"hunter2\"]", "`sms.huawei.app_secret` must be a string"),
        ("sms.smpp.alphabet = \"utf-8\"", "unknown variant `utf-8`, expected one of `gsm`, `latin1`, `ascii`, `ucs2`"),
        ("sms.huawei.auth = \"basic\"", "unknown variant `basic`, expected `aksk` or `wsse`"),
        ("sms.huawei.app_sekret = 1", "did you mean `sms.huawei.app_secret`?"),
    ] {
        let error = Case::new(text).error();
        assert!(error.contains(message), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn test_numbers_are_phones_with_a_code_until_the_end_of_a_day() {
    let config = Case::new(
        "quota.timezone = \"Asia/Shanghai\"\n[sms.test_numbers]\n16673280001 = { code = \"012345\", expires = \"2026-12-31\" }",
    )
    .config();
    let [number] = config.policy.test_numbers.as_slice() else { panic!("there is one") };
    assert_eq!((number.phone.as_str(), number.code.reveal()), ("+8616673280001", "012345"));
    assert_eq!(number.until.to_string(), "2026-12-31 16:00:00 UTC");
    assert!(!config.settings.to_toml().unwrap().contains("012345"));
    for (entry, message) in [
        ("{ code = \"012345\" }", "`sms.test_numbers` must be a table of phones, each with `code` and `expires`"),
        ("{ code = \"012345\", expires = \"never\" }", "`sms.test_numbers` [0]: `expires` is not a date"),
        ("{ code = \"01234\", expires = \"2026-12-31\" }", "[0]: `code` is not 6 digits"),
        ("{ code = 12345, expires = \"2026-12-31\" }", "both of them strings"),
    ] {
        let error = Case::new(&format!("sms.test_numbers = {{ 16673280001 = {entry} }}")).error();
        assert!(error.contains(message) && !error.contains("01234") && !error.contains("1667328"), "{error}");
    }
    let error = Case::new("sms.test_numbers = { 123 = { code = \"012345\", expires = \"2026-12-31\" } }").error();
    assert!(error.contains("[0]: the phone "), "{error}");
}
