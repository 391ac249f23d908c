//! The texts of mails. The built-in templates are in `templates/`, compiled in; a directory of the operator's may hold
//! others.
//!
//! For each kind of mail and each language there are three templates of Jinja: `account.en.subject.txt`,
//! `account.en.txt` and `account.en.html`; HTML is escaped.

mod error;
mod facts;
mod sources;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, context, escape_formatter};
use trial_core::mails::{MailContent, MailKind, OutgoingMail};
use trial_core::values::Locale;

pub use error::TemplateError;
use facts::AccountFacts;
pub use facts::MailSetting;
use sources::Source;

/// Steps of one template, at most: a hundred times the use of ours, and an end to endless ones.
const FUEL: u64 = 100_000;

/// The mails in each language, as HTML and as plain text.
#[derive(Debug, Clone)]
pub struct Templates {
    setting: Arc<MailSetting>,
    environment: Arc<Environment<'static>>,
}

/// A rendered mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMail {
    /// The subject, one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

impl Templates {
    /// The built-in templates.
    ///
    /// # Errors
    /// The setting breaks a template of ours: an address or a contact of more than one line, say.
    pub fn built_in(setting: MailSetting) -> Result<Self, TemplateError> {
        Self::from_sources(setting, &sources::built_in())
    }

    /// The built-in templates, except those replaced by the directory. Each is checked with an example before any is
    /// used.
    ///
    /// # Errors
    /// The directory cannot be read, or a template is broken; says which one, and in which line.
    pub fn load(setting: MailSetting, directory: &Path) -> Result<Self, TemplateError> {
        Self::from_sources(setting, &sources::overridden(directory)?)
    }

    fn from_sources(setting: MailSetting, sources: &[Source]) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| {
            let is_html = Path::new(name).extension().is_some_and(|extension| extension == "html");
            if is_html { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.set_formatter(escape);
        for Source { name, text, .. } in sources {
            let added = environment.add_template_owned(name.clone(), text.clone());
            added.map_err(|error| TemplateError::broken(&error, name, true).at(sources))?;
        }
        let templates = Self { setting: Arc::new(setting), environment: Arc::new(environment) };
        for (kind, locale) in variants() {
            templates.try_out(kind, locale).map_err(|error| error.at(sources))?;
        }
        Ok(templates)
    }

    /// A fictitious mail.
    ///
    /// # Errors
    /// A template is broken, which is checked when they are loaded.
    pub fn example(&self, kind: MailKind, locale: Locale) -> Result<WrittenMail, TemplateError> {
        let facts = match kind {
            MailKind::Account => AccountFacts::example().context(&self.setting, locale),
            MailKind::Reminder | MailKind::Suspended | MailKind::Closed => {
                facts::life_context(&facts::example_life(kind), &self.setting, locale)
            }
            MailKind::Warning => facts::warning_context("voice access codes: 9 free", &self.setting),
            MailKind::Password => facts::password_context(&facts::example_password(), &self.setting, locale),
            MailKind::PasswordChanged => {
                facts::password_changed_context(&facts::example_password_changed(), &self.setting, locale)
            }
        };
        self.render(kind, locale, &facts, true)
    }

    /// Writes a mail.
    ///
    /// # Errors
    /// A template is broken, which is checked when they are loaded. The message holds no value of the mail.
    pub fn write(&self, mail: &OutgoingMail) -> Result<WrittenMail, TemplateError> {
        let facts = match &mail.content {
            MailContent::Account(account) => AccountFacts::from(account).context(&self.setting, mail.locale),
            MailContent::Reminder(life) | MailContent::Suspended(life) | MailContent::Closed(life) => {
                facts::life_context(life, &self.setting, mail.locale)
            }
            MailContent::Warning(warning) => facts::warning_context(warning, &self.setting),
            MailContent::Password(asked) => facts::password_context(asked, &self.setting, mail.locale),
            MailContent::PasswordChanged(changed) => {
                facts::password_changed_context(changed, &self.setting, mail.locale)
            }
        };
        self.render(mail.content.kind(), mail.locale, &facts, false)
    }

    /// An account mail without the account would be worse than none, as would be one without its link.
    fn try_out(&self, kind: MailKind, locale: Locale) -> Result<(), TemplateError> {
        let written = self.example(kind, locale)?;
        if kind == MailKind::Account {
            let customer = AccountFacts { is_customer: true, ..AccountFacts::example() };
            self.render(kind, locale, &customer.context(&self.setting, locale), true)?;
        }
        let facts = AccountFacts::example();
        let link = self.setting.link(&facts::example_password());
        let needed = match kind {
            MailKind::Account => {
                vec![("account_name", &facts.account_name), ("initial_password", &facts.initial_password)]
            }
            MailKind::Password => vec![("link", &link)],
            _ => return Ok(()),
        };
        for (variable, fact) in needed {
            for (body, text) in [("txt", &written.text), ("html", &written.html)] {
                if !text.contains(fact.as_str()) {
                    return Err(TemplateError::silent(format!("{kind}.{locale}.{body}"), variable));
                }
            }
        }
        if written.subject.contains(&facts.initial_password) || written.subject.contains(&link) {
            return Err(TemplateError::subject(format!("{kind}.{locale}.subject.txt"), "holds the password"));
        }
        Ok(())
    }

    fn render(
        &self,
        kind: MailKind,
        locale: Locale,
        facts: &Value,
        is_example: bool,
    ) -> Result<WrittenMail, TemplateError> {
        let render = |what: &str, facts: &Value| {
            let name = format!("{kind}.{locale}.{what}");
            let template = self.environment.get_template(&name);
            let rendered = template.and_then(|template| template.render(facts.clone()));
            rendered.map_err(|error| TemplateError::broken(&error, &name, is_example))
        };
        let subject = render("subject.txt", facts)?.trim().to_owned();
        if subject.is_empty() || subject.contains(char::is_control) {
            let name = format!("{kind}.{locale}.subject.txt");
            return Err(TemplateError::subject(name, "must be one line"));
        }
        let text = render("txt", facts)?;
        let html = render("html", &context! { subject => subject.as_str(), ..facts.clone() })?;
        Ok(WrittenMail { subject, text, html })
    }
}

/// Writes a value, escaped in HTML: as the engine does it, except `/`, which is harmless in HTML and would make an
/// address hard to read.
fn escape(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let is_plain = value.is_safe() || *state.auto_escape() != AutoEscape::Html;
    if is_plain {
        return escape_formatter(output, state, value);
    }
    let text = value.to_string();
    for c in text.chars() {
        match c {
            '&' => output.write_str("&amp;")?,
            '<' => output.write_str("&lt;")?,
            '>' => output.write_str("&gt;")?,
            '"' => output.write_str("&quot;")?,
            '\'' => output.write_str("&#39;")?,
            other => output.write_char(other)?,
        }
    }
    Ok(())
}

/// Every kind of mail in every language.
fn variants() -> impl Iterator<Item = (MailKind, Locale)> {
    MailKind::ALL.iter().flat_map(|kind| Locale::ALL.iter().map(|locale| (*kind, *locale)))
}
