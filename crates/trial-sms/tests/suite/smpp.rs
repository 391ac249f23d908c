//! The gateway that speaks SMPP, to a message centre of the test's own.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use trial_core::ports::SmsGateway;
use trial_core::sms::GatewayReply;
use trial_core::values::Locale;
use trial_sms::{SmppAlphabet, SmppGateway, SmppSettings, SmppTimeouts, Wording, code_text};
use trial_testkit::sms_conformance::{ArrivedSms, SmsBehaviour, SmsHarness, breaches};

use crate::centre::{Bind, Centre, Submit, utf16};
use crate::provider::Nobody;
use crate::requests::message;

/// Longer than any machine takes for an immediate event.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// For an event that never comes.
pub(crate) const QUICK: Duration = Duration::from_millis(200);
pub(crate) const TIMEOUTS: SmppTimeouts = SmppTimeouts {
    connect: LONG,
    reply: LONG,
    enquire: LONG,
    retry_first: Duration::from_millis(10),
    retry_cap: Duration::from_millis(100),
};

pub(crate) fn smpp_settings(port: u16) -> SmppSettings {
    SmppSettings {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        system_id: "trialgate".to_owned(),
        password: "hunter2".to_owned().into(),
        system_type: "OTP".to_owned(),
        source_addr: "Trialgate".to_owned(),
        alphabet: SmppAlphabet::Gsm,
        window: 10,
        wording: Wording::default(),
        timeouts: TIMEOUTS,
    }
}

fn with_timeouts(port: u16, timeouts: SmppTimeouts) -> SmppGateway {
    SmppGateway::start(&SmppSettings { timeouts, ..smpp_settings(port) }, None).unwrap()
}

fn worded(port: u16, brand: &str) -> SmppGateway {
    let wording = Wording { brand: brand.into(), ..Wording::default() };
    SmppGateway::start(&SmppSettings { wording, ..smpp_settings(port) }, None).unwrap()
}

struct Harness {
    centre: Centre,
    /// A silent centre: a connection with an unanswered message serves no other.
    mute: Centre,
    gateway: SmppGateway,
    hasty: SmppGateway,
    stranded: SmppGateway,
    _nobody: Nobody,
    behaviour: Mutex<SmsBehaviour>,
}

#[async_trait]
impl SmsHarness for Harness {
    fn gateway(&self) -> &dyn SmsGateway {
        match *self.behaviour.lock().unwrap() {
            SmsBehaviour::Unreachable => &self.stranded,
            SmsBehaviour::LoseReply => &self.hasty,
            SmsBehaviour::Accept | SmsBehaviour::Refuse => &self.gateway,
        }
    }

    async fn set_behaviour(&self, behaviour: SmsBehaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
        let refuses = behaviour == SmsBehaviour::Refuse;
        self.centre.set(if refuses { Submit::Status(0x0B) } else { Submit::Status(0) });
    }

    async fn arrived(&self) -> Vec<ArrivedSms> {
        let messages = self.mute.messages().into_iter().chain(self.centre.messages());
        let arrived = messages.map(|sms| ArrivedSms { to: format!("+{}", sms.destination.2), text: sms.text() });
        // Except the one that the suite has refused.
        arrived.filter(|sms| !sms.to.ends_with('4')).collect()
    }
}

#[tokio::test]
async fn conforms() {
    let nobody = Nobody::new();
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let mute = Centre::start(Bind::Status(0), Submit::Silence).await;
    let harness = Harness {
        gateway: with_timeouts(centre.port(), TIMEOUTS),
        hasty: with_timeouts(mute.port(), SmppTimeouts { reply: QUICK, ..TIMEOUTS }),
        stranded: with_timeouts(nobody.port(), SmppTimeouts { connect: QUICK, ..TIMEOUTS }),
        centre,
        mute,
        _nobody: nobody,
        behaviour: Mutex::new(SmsBehaviour::Accept),
    };
    assert_eq!(breaches(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn binds_as_what_it_is_and_submits_to_an_international_number() {
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let reply = with_timeouts(centre.port(), TIMEOUTS).send(&message(Locale::En)).await;
    assert!(matches!(reply, GatewayReply::Accepted { provider_id: Some(id) } if id.starts_with("id-")));
    assert_eq!(centre.binds(), [b"trialgate\0hunter2\0OTP\0\x34\0\0\0"]);
    let [sent] = centre.messages().try_into().unwrap();
    assert_eq!(sent.source, (5, 0, "Trialgate".to_owned()));
    assert_eq!(sent.destination, (1, 1, "8616673280001".to_owned()));
    assert_eq!((sent.esm_class, sent.registered_delivery, sent.data_coding), (0, 1, 0));
    assert_eq!(sent.text(), code_text("Trialgate", &message(Locale::En)));
}

#[tokio::test]
async fn senders_are_typed_by_what_they_look_like() {
    for (source, expected) in [
        ("+8613800000000", (1, 1, "8613800000000")),
        ("10690001", (0, 1, "10690001")),
        ("Trialgate", (5, 0, "Trialgate")),
        ("", (0, 0, "")),
    ] {
        let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
        let settings = SmppSettings { source_addr: source.to_owned(), ..smpp_settings(centre.port()) };
        SmppGateway::start(&settings, None).unwrap().send(&message(Locale::En)).await;
        let (ton, npi, number) = centre.messages()[0].source.clone();
        assert_eq!((ton, npi, number.as_str()), expected);
    }
}

#[tokio::test]
async fn a_text_gets_the_alphabet_and_the_parts_that_it_needs() {
    let english = |length: usize| "x".repeat(length - code_text("", &message(Locale::En)).len());
    let chinese = |length: usize| "云".repeat(length - code_text("", &message(Locale::ZhCn)).chars().count());
    for (locale, brand, coding, lengths) in [
        (Locale::En, english(160), 0, &[160][..]),
        (Locale::En, english(161), 0, &[6 + 153, 6 + 8]),
        (Locale::ZhCn, chinese(70), 8, &[140]),
        (Locale::ZhCn, chinese(71), 8, &[6 + 134, 6 + 8]),
    ] {
        let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
        let reply = worded(centre.port(), &brand).send(&message(locale)).await;
        assert!(matches!(reply, GatewayReply::Accepted { .. }), "{reply:?}");
        let parts = centre.messages();
        assert_eq!(parts.iter().map(|part| part.octets.len()).collect::<Vec<_>>(), lengths);
        assert!(parts.iter().all(|part| part.data_coding == coding));
        let count = u8::try_from(parts.len()).unwrap();
        let mut whole = Vec::new();
        for (number, part) in (1..).zip(&parts) {
            let header = if count > 1 { 6 } else { 0 };
            assert_eq!(part.esm_class, if count > 1 { 0x40 } else { 0 });
            if count > 1 {
                // GSM 03.40 section 9.2.3.24.1: an 8-bit reference, the number of parts, and this part's number.
                assert_eq!(part.octets[..6], [5, 0, 3, 0, count, number]);
            }
            whole.extend_from_slice(&part.octets[header..]);
        }
        let text = if coding == 8 { utf16(&whole) } else { String::from_utf8(whole).unwrap() };
        assert_eq!(text, code_text(&brand, &message(locale)));
    }
}

#[tokio::test]
async fn a_text_with_an_at_sign_is_sent_in_the_alphabet_that_the_centre_takes_0_for() {
    let autofill = Wording { autofill_domain: Some("example.com".into()), ..Wording::default() };
    let expected = autofill.text(&message(Locale::En));
    for (alphabet, coding) in
        [(SmppAlphabet::Gsm, 0), (SmppAlphabet::Latin1, 0), (SmppAlphabet::Ascii, 0), (SmppAlphabet::Ucs2, 8)]
    {
        let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
        let settings = SmppSettings { alphabet, wording: autofill.clone(), ..smpp_settings(centre.port()) };
        SmppGateway::start(&settings, None).unwrap().send(&message(Locale::En)).await;
        let mut parts = centre.messages();
        assert!(parts.iter().all(|part| part.data_coding == coding), "{alphabet:?}");
        let octets: Vec<u8> =
            parts.drain(..).flat_map(|part| part.octets[if part.esm_class == 0 { 0 } else { 6 }..].to_vec()).collect();
        match alphabet {
            SmppAlphabet::Gsm => assert_eq!(octets[expected.find('@').unwrap()], 0),
            SmppAlphabet::Latin1 | SmppAlphabet::Ascii => assert_eq!(octets, expected.as_bytes()),
            SmppAlphabet::Ucs2 => assert_eq!(utf16(&octets), expected),
        }
    }
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_comes_once_and_messages_leave() {
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let fields = b"\0\x01\x018616673280001\0\x05\0Trialgate\0\x04\0\0\0\0\0\0\0\0";
    let receipt = [fields.as_slice(), b"\x13id:id1 stat:DELIVRD"].concat();
    let behind = [&receipt, b"\0".as_slice()].concat();
    let long_code = [&receipt, b"\x04\x23\0\x04\x03\0\0\0".as_slice()].concat();
    centre.hold(&[&behind, &long_code, &receipt[..20], b"", b"no zero"]);
    let gateway = with_timeouts(centre.port(), TIMEOUTS);
    assert!(matches!(gateway.send(&message(Locale::En)).await, GatewayReply::Accepted { .. }));
    while centre.held() > 0 {
        gateway.check().await.unwrap();
    }
    assert_eq!(centre.binds().len(), 1);
}

#[tokio::test]
async fn an_id_is_taken_however_it_is_written_and_the_session_goes_on() {
    const LONG: &[u8] = &[b'x'; 65];
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let gateway = with_timeouts(centre.port(), TIMEOUTS);
    for (id, expected) in [
        (&b"id1"[..], Some("id1".to_owned())),
        (LONG, Some("x".repeat(65))),
        (b"id1\0junk", Some("id1".to_owned())),
        (b"", None),
    ] {
        centre.set(Submit::Taken(id));
        assert_eq!(gateway.send(&message(Locale::En)).await, GatewayReply::Accepted { provider_id: expected });
    }
    centre.set(Submit::Odd(0x0B, b"\0\x14\x01\0\x09abc"));
    let reason = "ESME_RINVDSTADR".to_owned();
    assert_eq!(gateway.send(&message(Locale::En)).await, GatewayReply::Refused { reason });
    assert_eq!(centre.binds().len(), 1);
}

#[tokio::test]
async fn a_message_that_a_part_of_was_taken_is_unknown() {
    let centre = Centre::start(Bind::Status(0), Submit::FirstPartOnly(0x58)).await;
    let reply = worded(centre.port(), &"x".repeat(100)).send(&message(Locale::En)).await;
    let reason = "1 of its parts were taken, and the next: ESME_RTHROTTLED".to_owned();
    assert_eq!(reply, GatewayReply::Unknown { reason });
}

#[tokio::test]
async fn a_lost_connection_is_reestablished() {
    let centre = Centre::start(Bind::Status(0), Submit::Cut).await;
    let gateway = with_timeouts(centre.port(), TIMEOUTS);
    for _ in 0..3 {
        assert!(matches!(gateway.send(&message(Locale::En)).await, GatewayReply::Unknown { .. }));
    }
    centre.set(Submit::Status(0));
    assert!(matches!(gateway.send(&message(Locale::En)).await, GatewayReply::Accepted { .. }));
    assert_eq!(gateway.check().await, Ok(()));
    assert_eq!(centre.binds().len(), 4);
}

#[tokio::test]
async fn no_more_than_the_window_are_unanswered() {
    let centre = Centre::start(Bind::Status(0), Submit::Silence).await;
    let timeouts = SmppTimeouts { connect: QUICK, ..TIMEOUTS };
    let settings = SmppSettings { window: 2, timeouts, ..smpp_settings(centre.port()) };
    let gateway = std::sync::Arc::new(SmppGateway::start(&settings, None).unwrap());
    let unanswered: Vec<_> = (0..2)
        .map(|_| {
            let gateway = std::sync::Arc::clone(&gateway);
            tokio::spawn(async move { gateway.send(&message(Locale::En)).await })
        })
        .collect();
    while centre.messages().len() < 2 {
        tokio::task::yield_now().await;
    }
    let reason = "the window of unanswered messages is full".to_owned();
    assert_eq!(gateway.send(&message(Locale::En)).await, GatewayReply::Throttled { reason });
    assert_eq!(centre.messages().len(), 2);
    unanswered.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_idle_connection_is_tried() {
    let centre = Centre::start(Bind::Status(0), Submit::Status(0)).await;
    let timeouts = SmppTimeouts { enquire: Duration::from_millis(5), ..TIMEOUTS };
    let gateway = with_timeouts(centre.port(), timeouts);
    gateway.check().await.unwrap();
    centre.await_enquiries(3).await;
    assert_eq!(centre.binds().len(), 1);
}

#[tokio::test]
async fn a_check_reports_the_problem() {
    let nobody = Nobody::new();
    let timeouts = SmppTimeouts { connect: QUICK, ..TIMEOUTS };
    let error = with_timeouts(nobody.port(), timeouts).check().await.unwrap_err().to_string();
    assert!(error.starts_with("no connection: "), "{error}");
    let centre = Centre::start(Bind::Status(0x0E), Submit::Silence).await;
    let error = with_timeouts(centre.port(), timeouts).check().await.unwrap_err().to_string();
    assert_eq!(error, "no connection: the bind was refused: ESME_RINVPASWD");
}

#[tokio::test]
async fn settings_that_do_not_fit_are_named() {
    for (settings, message) in [
        (SmppSettings { password: "x".repeat(9).into(), ..smpp_settings(1) }, "`password` cannot be used"),
        (SmppSettings { system_id: "x".repeat(16), ..smpp_settings(1) }, "at most 15 characters"),
        (SmppSettings { system_type: "é".to_owned(), ..smpp_settings(1) }, "`system_type` cannot be used"),
        (SmppSettings { source_addr: "x".repeat(21), ..smpp_settings(1) }, "`source_addr` cannot be used"),
    ] {
        let error = SmppGateway::start(&settings, None).err().unwrap().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(!format!("{:?}", smpp_settings(1)).contains("hunter2"));
}
