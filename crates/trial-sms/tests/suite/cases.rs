//! The result of each gateway for each behaviour of its provider: the table of `docs/sms.md`, each line of it a test.

use trial_testkit::sms_conformance::ProviderCase;
use trial_testkit::sms_conformance::Verdict::{self, Accepted, AccountRefused, Refused, Throttled, Unknown, Unreached};

use trial_sms::{SmppGateway, SmppSettings, SmppTimeouts};

use crate::centre::{Bind, Centre, Submit};
use crate::gateways::{HASTY, PATIENT, gateway};
use crate::provider::{Nobody, Provider, Script};
use crate::smpp::{LONG, QUICK, TIMEOUTS, smpp_settings};

/// The provider in a test, and its behaviour.
#[derive(Clone, Copy)]
enum Act {
    Says(Script),
    IsGone,
    SpeaksNoTls,
    /// As a message centre.
    Centre(Bind, Submit),
}

const fn says(status: u16, body: &'static str) -> Act {
    Act::Says(Script::Answer(status, body))
}

/// The behaviour of a provider, described and performed, and the expected verdict.
type Line = (&'static str, Act, Verdict);

/// Possible behaviours of any HTTP provider.
const ANY: &[Line] = &[
    ("refuses the connection", Act::IsGone, Unreached),
    ("fails the TLS handshake", Act::SpeaksNoTls, Unreached),
    ("does not answer in time", Act::Says(Script::Silence), Unknown),
    ("closes the connection after the request", Act::Says(Script::Cut), Unknown),
    ("closes the connection inside its answer", Act::Says(Script::CutInside), Unknown),
    ("answers something that is no HTTP", Act::Says(Script::Noise), Unknown),
    ("answers 200 and more than 64 KiB", Act::Says(Script::Huge), Unknown),
    ("answers 200 and no JSON", says(200, "<html>OK</html>"), Unknown),
    ("answers 302", says(302, ""), Unknown),
    ("answers 401 and no JSON", says(401, "<html>no</html>"), AccountRefused),
    ("answers 402 and no JSON", says(402, ""), AccountRefused),
    ("answers 403 and no JSON", says(403, "<html>no</html>"), Refused),
    ("answers 429 and no JSON", says(429, ""), Throttled),
    ("answers 408", says(408, ""), Unknown),
    ("answers 503 and no JSON", says(503, ""), Unknown),
];

const HUAWEI: &[Line] = &[
    (
        "answers 200, code 000000, and 000000 for the number",
        says(200, r#"{"code":"000000","description":"Success","result":[{"smsMsgId":"1","status":"000000"}]}"#),
        Accepted,
    ),
    (
        "answers 200, code 000000, and E200015 for the number",
        says(200, r#"{"code":"000000","description":"Success","result":[{"status":"E200015"}]}"#),
        Throttled,
    ),
    (
        "answers 200, code E000510, and E200028 for the number",
        says(200, r#"{"code":"E000510","description":"The SMS fails to be sent.","result":[{"status":"E200028"}]}"#),
        Refused,
    ),
    (
        "answers 200, code E000510, and MILIMIT for the number",
        says(200, r#"{"code":"E000510","description":"","result":[{"status":"MILIMIT"}]}"#),
        Refused,
    ),
    (
        "answers 200, code E200037 (as it was), and E200028 for the number",
        says(200, r#"{"code":"E200037","description":null,"result":[{"status":"E200028"}]}"#),
        Refused,
    ),
    (
        "answers as it does, with `null` for what it has not",
        says(200, r#"{"code":"000000","description":null,"result":[{"total":null,"smsMsgId":"1","status":"000000"}]}"#),
        Accepted,
    ),
    ("answers 200, code 000000, and nothing of the number", says(200, r#"{"code":"000000"}"#), Accepted),
    ("answers 200, code 000000, and `null` for the numbers", says(200, r#"{"code":"000000","result":null}"#), Accepted),
    ("answers 200, code 000000, and no number in its list", says(200, r#"{"code":"000000","result":[]}"#), Accepted),
    (
        "answers 200, code 000000, and the number's entry in no list",
        says(200, r#"{"code":"000000","result":{"smsMsgId":"1","status":"000000"}}"#),
        Accepted,
    ),
    (
        "answers 200, code E000510, and the number's E200028 in no list",
        says(200, r#"{"code":"E000510","description":"","result":{"status":"E200028"}}"#),
        Refused,
    ),
    (
        "answers 200, and 000000 as the number 0 in both places",
        says(200, r#"{"code":0,"result":[{"smsMsgId":1,"status":0}]}"#),
        Accepted,
    ),
    (
        "answers 201, code 000000, and 000000 for the number",
        says(201, r#"{"code":"000000","result":[{"smsMsgId":"1","status":"000000"}]}"#),
        Accepted,
    ),
    (
        "answers 401, code E000101",
        says(401, r#"{"code":"E000101","description":"Failed to authenticate"}"#),
        AccountRefused,
    ),
    ("answers 400, code E000000", says(400, r#"{"code":"E000000","description":"System error."}"#), Refused),
    ("answers 200, code E000000", says(200, r#"{"code":"E000000","description":"System error."}"#), Unknown),
    ("answers 500, code E000503", says(500, r#"{"code":"E000503","description":""}"#), Unknown),
    ("answers 429, code E000503", says(429, r#"{"code":"E000503","description":""}"#), Throttled),
];

const TWILIO: &[Line] = &[
    ("answers 201, status queued", says(201, r#"{"sid":"SM1","status":"queued","error_code":null}"#), Accepted),
    (
        "answers 201, status failed, code 30003",
        says(201, r#"{"sid":"SM1","status":"failed","error_code":30003}"#),
        Refused,
    ),
    (
        "answers 201, status failed, code 30003 as text",
        says(201, r#"{"sid":"SM1","status":"failed","error_code":"30003"}"#),
        Refused,
    ),
    (
        "answers 201, status queued, and 0 or an empty text for no code",
        says(201, r#"{"sid":"SM1","status":"queued","error_code":"","error_message":null,"price":1e999}"#),
        Accepted,
    ),
    ("answers 201, `null` for the sid, status queued", says(201, r#"{"sid":null,"status":"queued"}"#), Accepted),
    ("answers 201, no sid, status accepted", says(201, r#"{"status":"Accepted"}"#), Accepted),
    ("answers 201, no sid, status queued, code 30003", says(201, r#"{"status":"queued","error_code":30003}"#), Refused),
    ("answers 201, neither a sid nor a status", says(201, r#"{"sid":null,"error_code":null}"#), Unknown),
    (
        "answers 400, code 21211 (invalid number)",
        says(400, r#"{"code":21211,"message":"'To' 86 is","status":400}"#),
        Refused,
    ),
    ("answers 400, code 21610 (opted out)", says(400, r#"{"code":21610,"message":"","status":400}"#), Refused),
    ("answers 400, code 30001 (queue full)", says(400, r#"{"code":30001,"message":"","status":400}"#), Throttled),
    ("answers 401, code 20003", says(401, r#"{"code":20003,"message":"Authenticate","status":401}"#), AccountRefused),
    ("answers 429, code 20429 (too many)", says(429, r#"{"code":20429,"message":"","status":429}"#), Throttled),
    ("answers 500, code 20500", says(500, r#"{"code":20500,"message":"","status":500}"#), Unknown),
];

const HTTP: &[Line] = &[
    ("answers 202 and the value that means acceptance", says(202, r#"{"result":{"status":0}}"#), Accepted),
    (
        "answers 200 and the value, behind a byte order mark and before zeros",
        says(200, "\u{FEFF}{\"result\":{\"status\":\"0\"}}\0\0"),
        Accepted,
    ),
    (
        "answers 200 and the value, and text in GBK",
        Act::Says(Script::Octets(200, b"{\"msg\":\"\xCF\\\xB7\xA2\xCB\xCD\",\"result\":{\"status\":0}}")),
        Accepted,
    ),
    (
        "answers 200 and the value, compressed by gzip",
        Act::Says(Script::Octets(
            200,
            b"\x1F\x8B\x08\x00\x00\x00\x00\x00\x02\x03\xABV*J-.\xCD)Q\xB2\xAAV*.I,)-V\xB22\xA8\xAD\x05\x00\xA6X\x83\xFB\x17\x00\x00\x00",
        )),
        Accepted,
    ),
    (
        "answers 200 and the value as 0.0, and `null` for the id",
        says(200, r#"{"result":{"status":0.0,"id":null}}"#),
        Accepted,
    ),
    ("answers 200 and another value at its place", says(200, r#"{"result":{"status":"12: no credit"}}"#), Refused),
    ("answers 200 and JSON without that place", says(200, r#"{"error":"no credit"}"#), Unknown),
    ("answers 400 and JSON", says(400, r#"{"result":{"status":0}}"#), Refused),
    ("answers 204, which `accept.status` does not have", says(204, ""), Unknown),
];

const SMPP: &[Line] = &[
    ("answers ESME_ROK", Act::Centre(Bind::Status(0), Submit::Status(0)), Accepted),
    ("answers ESME_ROK, and an id without its zero", Act::Centre(Bind::Status(0), Submit::Taken(b"id1")), Accepted),
    ("answers ESME_RINVDSTADR", Act::Centre(Bind::Status(0), Submit::Status(0x0B)), Refused),
    ("answers ESME_RSUBMITFAIL", Act::Centre(Bind::Status(0), Submit::Status(0x45)), Refused),
    ("answers a status of its own (0x400)", Act::Centre(Bind::Status(0), Submit::Status(0x400)), Refused),
    ("answers ESME_RTHROTTLED", Act::Centre(Bind::Status(0), Submit::Status(0x58)), Throttled),
    ("answers ESME_RMSGQFUL", Act::Centre(Bind::Status(0), Submit::Status(0x14)), Throttled),
    ("answers ESME_RSYSERR", Act::Centre(Bind::Status(0), Submit::Status(0x08)), Throttled),
    ("answers ESME_RX_T_APPN", Act::Centre(Bind::Status(0), Submit::Status(0x64)), Throttled),
    ("answers ESME_RINVSRCADR", Act::Centre(Bind::Status(0), Submit::Status(0x0A)), AccountRefused),
    ("answers ESME_RINVSYSTYP", Act::Centre(Bind::Status(0), Submit::Status(0x53)), AccountRefused),
    (
        "answers ESME_RINVDSTADR, and a body that cannot be read",
        Act::Centre(Bind::Status(0), Submit::Odd(0x0B, b"no zero")),
        Refused,
    ),
    ("answers generic_nack", Act::Centre(Bind::Status(0), Submit::Nack(0x03)), Refused),
    ("does not answer in time", Act::Centre(Bind::Status(0), Submit::Silence), Unknown),
    ("closes the connection after the message", Act::Centre(Bind::Status(0), Submit::Cut), Unknown),
    ("answers something that is no SMPP", Act::Centre(Bind::Status(0), Submit::Noise), Unknown),
    ("refuses the connection", Act::IsGone, Unreached),
    ("refuses the bind (ESME_RBINDFAIL)", Act::Centre(Bind::Status(0x0D), Submit::Silence), Unreached),
    ("does not answer the bind", Act::Centre(Bind::Silence, Submit::Silence), Unreached),
];

const OF_HTTP: &[(&str, &[Line])] = &[("huawei", HUAWEI), ("twilio", TWILIO), ("http", HTTP)];

fn cases() -> impl Iterator<Item = (ProviderCase, Act)> {
    let of_smpp = SMPP
        .iter()
        .map(|(provider, act, verdict)| (ProviderCase { gateway: "smpp", provider, verdict: *verdict }, *act));
    let of_http = OF_HTTP.iter().flat_map(|(gateway, own)| {
        own.iter()
            .chain(ANY)
            .map(|(provider, act, verdict)| (ProviderCase { gateway, provider, verdict: *verdict }, *act))
    });
    of_http.chain(of_smpp)
}

async fn breach(case: ProviderCase, act: Act) -> Option<String> {
    let nobody = Nobody::new();
    if case.gateway == "smpp" {
        return breach_of_smpp(case, act, &nobody).await;
    }
    let script = if let Act::Says(script) = act { script } else { Script::Cut };
    let provider = Provider::start(script).await;
    let timeouts = if script == Script::Silence { HASTY } else { PATIENT };
    let url = match act {
        Act::Says(_) => provider.url(),
        Act::IsGone => nobody.url(),
        Act::SpeaksNoTls => provider.tls_url(),
        Act::Centre(..) => panic!("a message centre speaks no HTTP"),
    };
    case.breach(&*gateway(case.gateway, url, timeouts)).await
}

async fn breach_of_smpp(case: ProviderCase, act: Act, nobody: &Nobody) -> Option<String> {
    let (bind, submit) = match act {
        Act::Centre(bind, submit) => (bind, submit),
        _ => (Bind::Silence, Submit::Silence),
    };
    let centre = Centre::start(bind, submit).await;
    let port = if matches!(act, Act::IsGone) { nobody.port() } else { centre.port() };
    let connect = if case.verdict == Unreached { QUICK } else { LONG };
    let reply = if submit == Submit::Silence { QUICK } else { LONG };
    let settings = SmppSettings { timeouts: SmppTimeouts { connect, reply, ..TIMEOUTS }, ..smpp_settings(port) };
    case.breach(&SmppGateway::start(&settings, None).unwrap()).await
}

#[tokio::test]
async fn each_line_of_the_table_holds() {
    let mut breaches = Vec::new();
    for (case, act) in cases() {
        breaches.extend(breach(case, act).await);
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn the_documents_have_this_table() {
    let documents = include_str!("../../../../docs/sms.md");
    let (_, after) = documents.split_once("<!-- The table of tests/suite/cases.rs -->\n").unwrap();
    let (table, _) = after.split_once("<!-- The end of the table -->").unwrap();
    let lines: Vec<String> = cases().map(|(case, _)| case.line()).collect();
    let expected = format!(
        "| gateway | its provider | which is | and is answered | next gateway | counts against it |\n\
         | --- | --- | --- | --- | --- | --- |\n{}\n",
        lines.join("\n")
    );
    assert_eq!(table, expected, "put this table into docs/sms.md:\n{expected}");
}
