//! The example of `docs/adapters.md`: the page shows it unchanged, and it conforms.

use std::fs;

use async_trait::async_trait;
use tempfile::TempDir;
use trial_core::ports::Mailer;
use trial_testkit::mail_conformance::{ArrivedMail, MailBehaviour, MailHarness, breaches};

use crate::command_mailer::CommandMailer;
use crate::peer::templates;
use crate::smtp::arrived_by;

/// Writes each mail into a file of its own, or exits with the given status.
const SENDMAIL: &str = r#"
directory=$(dirname "$0")
status=$(cat "$directory/status")
[ "$status" = 0 ] || exit "$status"
number=$(ls "$directory" | grep -c '^mail-')
{ printf '%s\n' "$5"; cat; } > "$directory/mail-$(printf %03d "$number")"
"#;

struct Sendmail {
    directory: TempDir,
    mailer: CommandMailer,
}

fn sendmail() -> Sendmail {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("sendmail");
    fs::write(&script, SENDMAIL).unwrap();
    let command = vec!["sh".to_owned(), script.to_str().unwrap().to_owned()];
    let mailer = CommandMailer { command, from: "no-reply@sender.example".to_owned(), templates: templates() };
    Sendmail { directory, mailer }
}

#[async_trait]
impl MailHarness for Sendmail {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn set_behaviour(&self, behaviour: MailBehaviour) {
        let status = match behaviour {
            MailBehaviour::Accept => "0",
            MailBehaviour::RefuseForNow => "75",
            MailBehaviour::RefuseForGood => "67",
        };
        fs::write(self.directory.path().join("status"), status).unwrap();
    }

    async fn arrived(&self) -> Vec<ArrivedMail> {
        let entries = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> =
            entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("mail-")).collect();
        paths.sort();
        let mails = paths.iter().map(|path| {
            let kept = fs::read_to_string(path).unwrap();
            let (to, message) = kept.split_once('\n').unwrap();
            arrived_by(to, message.as_bytes())
        });
        mails.collect()
    }
}

#[tokio::test]
async fn the_example_conforms() {
    assert_eq!(breaches(&sendmail()).await, Vec::<String>::new());
}

#[test]
fn the_page_shows_the_example_unchanged() {
    let page = include_str!("../../../../docs/adapters.md");
    let example = include_str!("command_mailer.rs");
    assert!(page.contains(&format!("```rust\n{example}```\n")), "docs/adapters.md shows another command_mailer.rs");
}
