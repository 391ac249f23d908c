//! Tests of the inbox.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::DateTime;

use super::*;
use crate::{MailFault, SmsFault};

fn sms(to: &str, number: usize) -> CapturedMessage {
    let at = DateTime::from_timestamp(1_795_000_000 + i64::try_from(number).unwrap(), 0).unwrap();
    CapturedMessage::Sms {
        to: to.to_owned(), text: format!("text {number}\n验证码"), code: format!("{number:06}"), at
    }
}

fn mail(to: &str) -> CapturedMessage {
    CapturedMessage::Mail {
        to: to.to_owned(),
        subject: "您的试用".to_owned(),
        text: "line\nline".to_owned(),
        html: "<p>\"html\"</p>".to_owned(),
        at: DateTime::from_timestamp(1_795_000_000, 123_000_000).unwrap(),
        message_id: "<1@example.com>".to_owned(),
    }
}

fn codes(messages: &[CapturedMessage]) -> Vec<usize> {
    let code = |message: &CapturedMessage| match message {
        CapturedMessage::Sms { code, .. } => code.parse().unwrap(),
        CapturedMessage::Mail { .. } => panic!("a mail where short messages were expected"),
    };
    messages.iter().map(code).collect()
}

fn to(recipient: &str) -> Filter {
    Filter { to: Some(recipient.to_owned()), ..Filter::default() }
}

struct Scratch {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn scratch() -> Scratch {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inbox.jsonl");
    Scratch { _directory: directory, path }
}

#[test]
fn lists_newest_first_and_survives_a_restart() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    for number in 0..3 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [2, 1, 0]);
    drop(inbox);

    let inbox = Inbox::open(&scratch.path).unwrap();
    inbox.capture(sms("+8616673280001", 3)).unwrap();
    let listed = inbox.list(&Filter::default()).unwrap();
    assert_eq!(codes(&listed), [3, 2, 1, 0]);
    assert!(listed[0] == sms("+8616673280001", 3), "a message comes back as it was captured");
}

#[test]
fn writes_the_format_of_the_contract() {
    let json = |message| serde_json::to_value(message).unwrap();
    assert_eq!(
        json(sms("+8616673280001", 7)),
        serde_json::json!({
            "channel": "sms", "to": "+8616673280001", "text": "text 7\n验证码", "code": "000007", "at": "2026-11-18T11:06:47Z",
        })
    );
    assert_eq!(
        json(mail("a@example.com")),
        serde_json::json!({
            "channel": "mail", "to": "a@example.com", "subject": "您的试用", "text": "line\nline",
            "html": "<p>\"html\"</p>", "at": "2026-11-18T11:06:40.123Z", "message_id": "<1@example.com>",
        })
    );
}

#[test]
fn filters_by_channel_and_by_every_spelling_of_the_recipient() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    inbox.capture(sms("+8616673280001", 1)).unwrap();
    inbox.capture(sms("+8616673280002", 2)).unwrap();
    inbox.capture(mail("Ann@Example.com")).unwrap();

    // A `+` in a query string arrives as a blank.
    for spelling in ["+8616673280001", "8616673280001", " 8616673280001"] {
        assert_eq!(codes(&inbox.list(&to(spelling)).unwrap()), [1], "{spelling}");
    }
    assert_eq!(inbox.list(&to("aNN@eXample.COM")).unwrap().len(), 1);
    assert_eq!(inbox.list(&to("nobody@example.com")).unwrap().len(), 0);

    let channel = |channel| Filter { channel: Some(channel), ..Filter::default() };
    assert_eq!(codes(&inbox.list(&channel(Channel::Sms)).unwrap()), [2, 1]);
    assert!(inbox.list(&channel(Channel::Mail)).unwrap() == [mail("Ann@Example.com")]);
    let both = Filter { channel: Some(Channel::Mail), ..to("+8616673280001") };
    assert_eq!(inbox.list(&both).unwrap().len(), 0);
}

#[test]
fn limits_a_listing() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    for number in 0..1_100 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    let count = |limit, to: Option<&str>| {
        inbox.list(&Filter { limit, to: to.map(str::to_owned), channel: None }).unwrap().len()
    };
    assert_eq!(count(None, None), 100);
    assert_eq!(count(Some(0), None), 0);
    assert_eq!(count(Some(3), Some("8616673280001")), 3);
    assert_eq!(count(Some(5_000), None), 1_000);
}

#[test]
fn cuts_off_half_a_message() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    inbox.capture(sms("+8616673280001", 1)).unwrap();
    drop(inbox);
    let whole = fs::metadata(&scratch.path).unwrap().len();
    File::options().append(true).open(&scratch.path).unwrap().write_all(b"{\"channel\":\"sms\",\"to\":\"+86").unwrap();

    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(fs::metadata(&scratch.path).unwrap().len(), whole);
    inbox.capture(sms("+8616673280001", 2)).unwrap();
    drop(inbox);
    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [2, 1]);
}

#[test]
fn names_the_line_of_a_foreign_file() {
    let scratch = scratch();
    fs::write(&scratch.path, "{\"channel\":\"pigeon\",\"to\":\"secret\"}\n").unwrap();
    let error = Inbox::open(&scratch.path).unwrap_err();
    assert!(matches!(error, InboxError::Foreign { line: 1, .. }), "{error}");
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn belongs_to_one_process() {
    let scratch = scratch();
    let _inbox = Inbox::open(&scratch.path).unwrap();
    assert!(matches!(Inbox::open(&scratch.path).unwrap_err(), InboxError::InUse(_)));
}

#[test]
fn says_which_file_cannot_be_opened() {
    let scratch = scratch();
    let error = Inbox::open(scratch.path.parent().unwrap()).unwrap_err();
    assert!(matches!(error, InboxError::Io { action: "opened", .. }), "{error}");
}

#[test]
fn lets_the_older_half_go_when_full() {
    let scratch = scratch();
    let inbox = Inbox::with_capacity(&scratch.path, 10).unwrap();
    for number in 0..10 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    let full = fs::metadata(&scratch.path).unwrap().len();
    assert_eq!(inbox.list(&Filter::default()).unwrap().len(), 10);

    inbox.capture(sms("+8616673280001", 10)).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [10, 9, 8, 7, 6]);
    assert!(fs::metadata(&scratch.path).unwrap().len() < full);

    for number in 11..1_000 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    assert!(fs::metadata(&scratch.path).unwrap().len() <= full + 100);
    let newest = codes(&inbox.list(&Filter { limit: Some(3), ..to("+8616673280001") }).unwrap());
    assert_eq!(newest, [999, 998, 997]);
    assert!(matches!(Inbox::open(&scratch.path).unwrap_err(), InboxError::InUse(_)), "the new file is owned too");
    drop(inbox);

    let inbox = Inbox::with_capacity(&scratch.path, 2).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [999]);
    assert_eq!(fs::read_dir(scratch.path.parent().unwrap()).unwrap().count(), 1, "no other file is left");
}

#[test]
fn stays_bounded_in_memory_when_the_file_cannot_be_rewritten() {
    let scratch = scratch();
    let inbox = Inbox::with_capacity(&scratch.path, 4).unwrap();
    fs::create_dir(scratch.path.with_extension("jsonl.new")).unwrap();
    for number in 0..9 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    assert!(inbox.store().index.len() <= 4);
    assert_eq!(codes(&inbox.list(&Filter { limit: Some(2), ..Filter::default() }).unwrap()), [8, 7]);
}

#[test]
fn shows_each_message_to_every_observer() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    inbox.capture(sms("+8616673280001", 1)).unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let seen = Arc::clone(&seen);
        inbox.on_capture(Box::new(move |message| {
            assert!(*message == sms("+8616673280001", 2));
            seen.fetch_add(1, Ordering::Relaxed);
        }));
    }
    inbox.capture(sms("+8616673280001", 2)).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}

#[test]
fn keeps_faults_until_they_are_changed() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(inbox.faults(), Faults::default());
    let faults: Faults = serde_json::from_str(r#"{"sms":"refuse"}"#).unwrap();
    inbox.set_faults(faults);
    assert_eq!(inbox.faults(), Faults { sms: SmsFault::Refuse, mail: MailFault::None });
    assert!(serde_json::from_str::<Faults>(r#"{"smss":"refuse"}"#).is_err());
    assert!(serde_json::from_str::<Faults>(r#"{"sms":"explode"}"#).is_err());
}

#[test]
fn captures_from_many_threads_at_once() {
    let scratch = scratch();
    let inbox = Inbox::with_capacity(&scratch.path, 50).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let inbox = &inbox;
            scope.spawn(move || {
                for number in 0..100 {
                    inbox.capture(sms("+8616673280001", thread * 100 + number)).unwrap();
                    assert!(!inbox.list(&to("+8616673280001")).unwrap().is_empty());
                }
            });
        }
    });
    let left = inbox.list(&Filter::default()).unwrap().len();
    drop(inbox);
    assert_eq!(Inbox::open(&scratch.path).unwrap().list(&Filter::default()).unwrap().len(), left);
}

#[test]
fn hides_people_from_debug_output() {
    let shown =
        format!("{:?} {:?} {:?}", sms("+8616673280001", 4321), mail("olaf@example.com"), to("olaf@example.com"));
    for secret in ["8616673280001", "004321", "olaf", "html"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn holds_nothing_of_a_message_that_could_not_be_written() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    inbox.capture(sms("+8616673280001", 1)).unwrap();
    let writable = Arc::clone(&inbox.store().file);
    inbox.store().file = Arc::new(File::open(&scratch.path).unwrap());
    let error = inbox.capture(sms("+8616673280001", 2)).unwrap_err();
    assert!(matches!(error, InboxError::Io { action: "written", .. }), "{error}");
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [1]);

    // Half a line that could not be removed is overwritten.
    writable.write_all_at(b"{\"channel\":\"sms\"", inbox.store().end).unwrap();
    inbox.store().file = writable;
    inbox.capture(sms("+8616673280001", 3)).unwrap();
    drop(inbox);
    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [3, 1]);
}

#[test]
fn messages_erased_beside_an_open_inbox_leave_the_file_and_the_lists() {
    let scratch = scratch();
    let inbox = Inbox::with_capacity(&scratch.path, 4).unwrap();
    let (gone, kept) = ("+8616673280001", "+8616673280002");
    for (recipient, number) in [(gone, 0), (kept, 1)] {
        inbox.capture(sms(recipient, number)).unwrap();
    }
    inbox.capture(mail("Gone@Example.com")).unwrap();
    let recipients = [Recipient::new("16673280001"), Recipient::new("gone@example.com"), Recipient::new(gone)];
    let erase = |dry_run| {
        Inbox::erase(&scratch.path, |to, _| to == &Recipient::new(gone) || recipients.contains(to), dry_run).unwrap()
    };
    assert_eq!(erase(true), 2);
    assert_eq!(inbox.list(&Filter::default()).unwrap().len(), 3, "counting changes nothing");
    assert_eq!(erase(false), 2);
    assert_eq!(erase(false), 0);
    let bytes = fs::read_to_string(&scratch.path).unwrap();
    for text in ["16673280001", "xample.com", "000000"] {
        assert!(!bytes.contains(text), "{text}: {bytes}");
    }
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [1]);
    for number in 3..6 {
        inbox.capture(sms(kept, number)).unwrap();
    }
    assert_eq!(codes(&inbox.list(&to(kept)).unwrap()), [5, 4, 3], "it was shortened");
    drop(inbox);
    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [5, 4, 3]);
}

#[test]
fn old_messages_are_erased_by_their_time() {
    let scratch = scratch();
    let inbox = Inbox::open(&scratch.path).unwrap();
    for number in 0..3 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    let since = sms("", 2).at();
    assert_eq!(Inbox::erase(&scratch.path, |_, at| at < since, false).unwrap(), 2);
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [2]);
    drop(inbox);
    let inbox = Inbox::open(&scratch.path).unwrap();
    assert_eq!(codes(&inbox.list(&Filter::default()).unwrap()), [2], "blank lines are no foreign ones");
    assert_eq!(Inbox::erase(&scratch.path.with_extension("absent"), |_, _| true, false).unwrap(), 0);
}

#[test]
fn the_file_is_for_its_owner_alone_also_after_it_was_shortened() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = scratch();
    let mode = || scratch.path.metadata().unwrap().permissions().mode() & 0o777;
    let inbox = Inbox::with_capacity(&scratch.path, 2).unwrap();
    assert_eq!(mode(), 0o600);
    let before = scratch.path.metadata().unwrap().ino();
    for number in 0..3 {
        inbox.capture(sms("+8616673280001", number)).unwrap();
    }
    assert_ne!(scratch.path.metadata().unwrap().ino(), before, "another file is in its place");
    assert_eq!(mode(), 0o600);
}
