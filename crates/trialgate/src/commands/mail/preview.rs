//! `trialgate mail preview`

use std::fmt;

use clap::Args;
use serde::Serialize;
use trial_core::mails::MailKind;
use trial_core::values::Locale;

use crate::adapters;
use crate::global::Global;
use crate::output::{self, Output};

/// `trialgate mail preview`
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// Kind of the mail, such as account
    #[arg(long, value_name = "KIND", default_value_t = MailKind::Account)]
    kind: MailKind,
    /// Language of the mail: en or zh-CN
    #[arg(long, value_name = "LOCALE", default_value_t = Locale::En)]
    locale: Locale,
    /// Print only the HTML, for a browser
    #[arg(long, conflicts_with = "json")]
    html: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Written {
    kind: &'static str,
    locale: &'static str,
    subject: String,
    text: String,
    html: String,
}

impl Preview {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<()> {
        let templates = adapters::templates(global.load()?.wording())?;
        let mail = templates.example(self.kind, self.locale)?;
        if self.html {
            return output::say(&mail.html);
        }
        self.output.show(&Written {
            kind: self.kind.as_str(),
            locale: self.locale.as_str(),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
        })
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Subject: {}\n", self.subject)?;
        writeln!(f, "── text\n{}\n", self.text.trim_end())?;
        writeln!(f, "── HTML\n{}", self.html.trim_end())
    }
}
