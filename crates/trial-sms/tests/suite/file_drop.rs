//! The worked example of `docs/adapters.md`, checked like every other gateway.

use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use tempfile::TempDir;
use trial_core::ports::SmsGateway;
use trial_core::sms::GatewayReply;
use trial_core::values::Locale;
use trial_sms::Wording;
use trial_testkit::sms_conformance::{ArrivedSms, SmsBehaviour, SmsHarness, breaches};

use self::example::FileDropGateway;
use crate::requests::message;

#[expect(unreachable_pub, reason = "the example is public, as a crate of its own would be")]
#[path = "../../examples/file_drop.rs"]
mod example;

/// The gateway into a directory, into an absent one, and into one that takes no files; the daemon's end is the
/// directory.
struct Harness {
    directory: TempDir,
    arrived: Mutex<Vec<ArrivedSms>>,
    gateways: [FileDropGateway; 4],
    behaviour: Mutex<usize>,
}

fn into(outgoing: PathBuf) -> FileDropGateway {
    FileDropGateway { outgoing, wording: Wording::default() }
}

fn harness() -> Harness {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("file"), "").unwrap();
    std::fs::create_dir(path.join("outgoing")).unwrap();
    std::fs::create_dir(path.join("taken")).unwrap();
    // A directory with the name of the suite's lost message: a file cannot be renamed to it.
    std::fs::create_dir_all(path.join("taken").join(format!("{}.sms", first_request())).join("x")).unwrap();
    let gateways = ["outgoing", "file/below", "absent", "taken"].map(|name| into(path.join(name)));
    Harness { directory, arrived: Mutex::default(), gateways, behaviour: Mutex::new(0) }
}

/// The id of the request behind every message of the suite.
fn first_request() -> trial_core::values::CodeRequestId {
    trial_core::values::CodeRequestId::new(chrono::DateTime::UNIX_EPOCH, [0; 10])
}

#[async_trait]
impl SmsHarness for Harness {
    fn gateway(&self) -> &dyn SmsGateway {
        &self.gateways[*self.behaviour.lock().unwrap()]
    }

    async fn set_behaviour(&self, behaviour: SmsBehaviour) {
        *self.behaviour.lock().unwrap() = match behaviour {
            SmsBehaviour::Accept => 0,
            SmsBehaviour::Refuse => 1,
            SmsBehaviour::Unreachable => 2,
            SmsBehaviour::LoseReply => 3,
        };
    }

    /// Sends the files, as the daemon would.
    async fn arrived(&self) -> Vec<ArrivedSms> {
        let mut arrived = self.arrived.lock().unwrap();
        for entry in std::fs::read_dir(self.directory.path().join("outgoing")).unwrap() {
            let path = entry.unwrap().path();
            let content = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            let (head, text) = content.split_once("\n\n").unwrap();
            let to = head.lines().next().unwrap().trim_start_matches("To: ");
            arrived.push(ArrivedSms { to: to.to_owned(), text: text.to_owned() });
        }
        arrived.clone()
    }
}

#[tokio::test]
async fn conforms() {
    assert_eq!(breaches(&harness()).await, Vec::<String>::new());
}

#[tokio::test]
async fn can_be_checked_without_a_message() {
    let harness = harness();
    let [good, _, absent, _] = &harness.gateways;
    assert_eq!(good.check().await, Ok(()));
    assert!(absent.check().await.is_err());
    let file = into(harness.directory.path().join("file"));
    assert_eq!(file.check().await.unwrap_err().to_string(), "it is no directory");
    assert!(matches!(absent.send(&message(Locale::En)).await, GatewayReply::Unreached { .. }));
}
