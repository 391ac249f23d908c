//! The codes of all providers, classified by their own documents: some count against the gateway, most do not.

use trial_core::ports::SmsGateway as _;
use trial_sms::SmppGateway;
use trial_testkit::sms_conformance::Verdict::{self, AccountRefused, Refused, Throttled, Unknown};

use crate::centre::{Bind, Centre, Submit};
use crate::gateways::{PATIENT, gateway};
use crate::provider::{Provider, Script};
use crate::requests::message;
use crate::smpp::smpp_settings;

/// Codes of the request: "Message & SMS API Reference", "API Error Codes" (`sms_05_0050`).
const HUAWEI_API: &[(Verdict, &[&str])] = &[
    (
        AccountRefused,
        &[
            "E000001", "E000002", "E000003", "E000004", "E000005", "E000006", "E000007", "E000008", "E000020",
            "E000021", "E000022", "E000023", "E000024", "E000025", "E000026", "E000040", "E000045", "E000101",
            "E000102", "E000103", "E000104", "E000105", "E000106", "E000109", "E000110", "E000111", "E000112",
            "E000620", "E000623",
        ],
    ),
    // An undocumented one is about the message.
    (Refused, &["E000027", "E000503", "E000999"]),
];

/// Codes of one number: the same, "SMS Status Error Codes" (`sms_05_0051`).
const HUAWEI_NUMBER: &[(Verdict, &[&str])] = &[
    (
        Refused,
        &[
            "MILIMIT", "LIMIT", "BEYONDN", "CTLIMIT", "KEYWORD", "BLACK", "BLKLIST", "MBBLACK", "TDBLACK", "TSBLACK",
            "REJECTD", "UNDELIV", "EXPIRED", "E000628", "E000632", "E200024", "E200025", "E200026", "E200027",
            "E200028", "E200029", "E200030", "E200031", "E200032", "E200033", "E200035", "E200038", "E200041",
            "E200051", "SC:0001", "MK:0011", "MN:0059", "2:70", "E299999",
        ],
    ),
    (Throttled, &["E200015", "E200034", "E200036"]),
    (AccountRefused, &["E000112", "E000623", "E000629", "E200018", "E200020"]),
];

/// "Error and Warning Dictionary", <https://www.twilio.com/docs/api/errors>.
const TWILIO: &[(Verdict, &[&str])] = &[
    (
        AccountRefused,
        &[
            "10001", "10002", "20003", "20004", "20005", "20006", "20008", "20404", "20426", "21212", "21603", "21607",
            "21609", "21660", "21701", "21703", "21704", "21705", "30002", "30037", "63038",
        ],
    ),
    (Throttled, &["20429", "21611", "30001"]),
    (
        Refused,
        &[
            "14101", "14103", "14107", "14111", "20001", "20422", "21211", "21214", "21217", "21219", "21263", "21265",
            "21266", "21268", "21408", "21421", "21602", "21604", "21605", "21606", "21608", "21610", "21612", "21614",
            "21617", "21618", "21619", "21635", "21659", "21661", "30003", "30004", "30005", "30006", "30007", "30008",
            "30010", "30011", "30017", "30018", "30019", "30022", "30023", "30024", "30027", "30032", "30033", "30034",
            "30035", "30036", "30038", "30039", "30040", "30041", "30044", "30410", "30450", "30453", "29999",
        ],
    ),
];

/// SMPP 3.4 section 5.1.3, SMPP 5.0 section 4.7.6 (from 0x100 on), and a number of a vendor's own.
const SMPP: &[(Verdict, &[u32])] = &[
    (AccountRefused, &[0x04, 0x05, 0x07, 0x0A, 0x0D, 0x0E, 0x0F, 0x15, 0x48, 0x49, 0x53, 0x100, 0x101, 0x103]),
    (Throttled, &[0x08, 0x14, 0x58, 0x64, 0x102]),
    (
        Refused,
        &[
            0x01, 0x02, 0x03, 0x06, 0x0B, 0x0C, 0x11, 0x13, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x54,
            0x55, 0x61, 0x62, 0x63, 0x65, 0x66, 0x67, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xFE, 0xFF, 0x104, 0x106, 0x400,
            0x4FF,
        ],
    ),
];

/// RFC 9110 section 15, for an unknown provider.
const HTTP: &[(Verdict, &[u16])] = &[
    (AccountRefused, &[401, 402, 407]),
    (Throttled, &[429]),
    (Refused, &[400, 403, 404, 405, 406, 409, 410, 413, 415, 422, 451]),
    (Unknown, &[408, 500, 502, 503, 504]),
];

/// Sends a message for each reply of the provider; returns the codes that the gateway reads differently.
async fn wrong(name: &str, replies: impl IntoIterator<Item = (String, Verdict, u16, String)>) -> Vec<String> {
    let provider = Provider::start(Script::Cut).await;
    let gateway = gateway(name, provider.url(), PATIENT);
    let mut wrong = Vec::new();
    for (code, expected, status, body) in replies {
        provider.set(Script::Answer(status, body.leak()));
        let reply = gateway.send(&message(trial_core::values::Locale::En)).await;
        if Verdict::of(&reply) != expected {
            wrong.push(format!("{name} {code}: {reply:?}"));
        }
    }
    wrong
}

fn each<C: Copy + ToString>(table: &[(Verdict, &[C])]) -> Vec<(C, Verdict)> {
    table.iter().flat_map(|(verdict, codes)| codes.iter().map(|code| (*code, *verdict))).collect()
}

#[tokio::test]
async fn every_code_is_about_what_its_provider_says() {
    let api = each(HUAWEI_API).into_iter().map(|(code, verdict)| {
        let body = format!(r#"{{"code":"{code}","description":null}}"#);
        (code.to_owned(), verdict, 400, body)
    });
    let number = each(HUAWEI_NUMBER).into_iter().map(|(code, verdict)| {
        let body = format!(r#"{{"code":"E000510","description":"","result":[{{"status":"{code}"}}]}}"#);
        (code.to_owned(), verdict, 200, body)
    });
    let refused = each(TWILIO).into_iter().map(|(code, verdict)| {
        (code.to_owned(), verdict, 400, format!(r#"{{"code":"{code}","message":null,"status":400}}"#))
    });
    let failed = each(TWILIO).into_iter().map(|(code, verdict)| {
        let body = format!(r#"{{"sid":"SM1","status":"failed","error_code":{code}}}"#);
        (code.to_owned(), verdict, 201, body)
    });
    let by_status =
        each(HTTP).into_iter().map(|(status, verdict)| (status.to_string(), verdict, status, String::new()));
    let mut found = wrong("huawei", api.chain(number)).await;
    found.extend(wrong("twilio", refused.chain(failed)).await);
    found.extend(wrong("http", by_status).await);
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn every_status_of_smpp_is_about_what_the_specification_says() {
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let gateway = SmppGateway::start(&smpp_settings(centre.port()), None).unwrap();
    for (status, expected) in each(SMPP) {
        centre.set(Submit::Status(status));
        let reply = gateway.send(&message(trial_core::values::Locale::En)).await;
        assert_eq!(Verdict::of(&reply), expected, "0x{status:03X}: {reply:?}");
    }
    assert_eq!(centre.binds().len(), 1);
}

#[test]
fn the_documents_have_these_codes() {
    let of = |name: &str, table: Vec<(String, Verdict)>| {
        [Refused, AccountRefused, Throttled, Unknown].map(|verdict| {
            let codes = table.iter().filter(|(_, of)| *of == verdict).map(|(code, _)| format!("`{code}`"));
            let codes = codes.collect::<Vec<_>>().join(" ");
            if codes.is_empty() { String::new() } else { format!("| {name} | {} | {codes} |\n", verdict.as_str()) }
        })
    };
    let text = |table: &[(Verdict, &[&str])]| {
        each(table).into_iter().map(|(code, verdict)| (code.to_owned(), verdict)).collect::<Vec<_>>()
    };
    let lines = [
        of("`huawei`, of the request", text(HUAWEI_API)),
        of("`huawei`, of the number", text(HUAWEI_NUMBER)),
        of("`twilio`", text(TWILIO)),
        of("`smpp`", each(SMPP).into_iter().map(|(code, verdict)| (format!("0x{code:X}"), verdict)).collect()),
        of("`http`, and where there is no code", {
            each(HTTP).into_iter().map(|(code, verdict)| (code.to_string(), verdict)).collect()
        }),
    ];
    let expected = format!("| gateway | is | codes |\n| --- | --- | --- |\n{}", lines.concat().concat());
    let documents = include_str!("../../../../docs/sms.md");
    let (_, after) = documents.split_once("<!-- The table of tests/suite/codes.rs -->\n").unwrap();
    let (table, _) = after.split_once("<!-- The end of the table -->").unwrap();
    assert_eq!(table, expected, "put this table into docs/sms.md:\n{expected}");
}
