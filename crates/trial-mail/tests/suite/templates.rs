//! Templates of operators.

use std::fs;

use tempfile::TempDir;
use trial_core::mails::MailKind;
use trial_core::values::Locale;
use trial_mail::{TemplateError, Templates, WrittenMail};

use crate::peer::setting;

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn example(files: &[(&str, &str)], locale: Locale) -> WrittenMail {
    let templates = Templates::load(setting(), directory(files).path()).unwrap();
    templates.example(MailKind::Account, locale).unwrap()
}

/// The message about a broken file, without the directory.
fn refusal(name: &str, text: &str) -> String {
    let directory = directory(&[(name, text)]);
    let error: TemplateError = Templates::load(setting(), directory.path()).unwrap_err();
    let said = error.to_string();
    let path = format!("{}/", directory.path().display());
    assert!(said.contains(&path), "{said}");
    said.replace(&path, "")
}

#[test]
fn replaces_only_the_templates_of_the_directory() {
    let text = "Dear customer {{ account_name }}, {{ initial_password }}!";
    let written = example(&[("account.en.txt", text), (".hidden", "{{"), ("account.en.txt~", "{{")], Locale::En);
    assert_eq!(written.text, "Dear customer admin@example, Exam-ple0-Pass-word!");
    let built_in = Templates::built_in(setting()).unwrap();
    let ours = built_in.example(MailKind::Account, Locale::En).unwrap();
    assert_eq!((written.subject, written.html), (ours.subject, ours.html));
    let chinese = example(&[("account.en.txt", text)], Locale::ZhCn);
    assert_eq!(chinese, built_in.example(MailKind::Account, Locale::ZhCn).unwrap());
}

#[test]
fn knows_every_fact_and_the_subject() {
    let text = "{{ portal_url }} {{ support_contact }} {{ account_name }} {{ initial_password }} {{ tenant }} {{ voice }} \
                {{ multimedia }} {{ password_valid_until }} {{ trial_ends_at }}{% if portal_is_link %} link{% endif %}";
    let html = format!("{{{{ subject }}}} {text}");
    let subject = "  Trial of {{ account_name }}\n";
    let written = example(
        &[("account.en.subject.txt", subject), ("account.en.txt", text), ("account.en.html", &html)],
        Locale::En,
    );
    assert_eq!(written.subject, "Trial of admin@example");
    assert_eq!(
        written.text,
        "https://portal.example/login?a=1&b=2 Support <help@sender.example>, +86 400 000 0000 admin@example \
         Exam-ple0-Pass-word 00000000-0000-7000-8000-000000000000 4000000000 example-chat \
         30 November 2026, 08:00 (Asia/Shanghai, UTC+08:00) 23 December 2026, 08:00 (Asia/Shanghai, UTC+08:00) link"
    );
    let escaped = written.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert_eq!(written.html, format!("Trial of admin@example {escaped}"));
}

#[test]
fn includes_files_that_begin_with_an_underscore() {
    let text = "{{ account_name }} {{ initial_password }} {% include \"_footer.txt\" %}";
    let files = [("account.en.txt", text), ("_footer.txt", "Yours, {{ support_contact }}")];
    assert!(example(&files, Locale::En).text.ends_with(" Yours, Support <help@sender.example>, +86 400 000 0000"));
}

#[test]
fn refuses_broken_templates_with_file_and_line() {
    for (name, text, expected) in [
        ("account.en.txt", "a\nb {{ account_name\n", "account.en.txt:2: syntax error: "),
        ("account.zh-CN.html", "a\n\n{% if %}", "account.zh-CN.html:3: syntax error: "),
        ("account.zh-CN.html", "a\n\n{% block body %}", "account.zh-CN.html:3: syntax error: "),
        ("account.en.txt", "a\nb\n{{ pasword }}", "account.en.txt:3: undefined value"),
        ("account.en.html", "{% extends \"absent.html\" %}", "account.en.html:1: template not found"),
        ("layout.html", "a\n{{ headline }}", "layout.html:2: undefined value"),
        ("account.en.txt", "a\n{{ account_name|shout }}", "account.en.txt:2: unknown filter"),
        (
            "account.en.txt",
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "account.en.txt:1: engine ran out of fuel",
        ),
        ("account.en.txt", "Welcome, {{ account_name }}", "account.en.txt: does not say {{ initial_password }}"),
        ("account.zh-CN.html", "{{ initial_password }}", "account.zh-CN.html: does not say {{ account_name }}"),
        ("account.en.subject.txt", " \n", "account.en.subject.txt: the subject must be one line"),
        ("account.en.subject.txt", "a\nb", "account.en.subject.txt: the subject must be one line"),
        ("account.en.subject.txt", "{{ initial_password }}", "account.en.subject.txt: the subject holds the password"),
        ("account.de.txt", "", "account.de.txt: is no template; there are account.en.subject.txt, "),
        ("acount.en.txt", "", "acount.en.txt: is no template; "),
        ("_footer.md", "", "_footer.md: is no template; "),
    ] {
        let said = refusal(name, text);
        assert!(said.starts_with(expected), "{name} {text:?}: {said}");
    }
}

#[test]
fn refuses_unreadable_files() {
    let directory = directory(&[]);
    let absent = Templates::load(setting(), &directory.path().join("absent")).unwrap_err();
    assert!(matches!(absent, TemplateError::Unreadable { .. }), "{absent}");
    let long = refusal("account.en.txt", &"x".repeat(256 * 1024 + 1));
    assert_eq!(long, "account.en.txt: is longer than 262144 bytes");
    fs::create_dir(directory.path().join("account.en.txt")).unwrap();
    assert!(matches!(Templates::load(setting(), directory.path()), Err(TemplateError::Unreadable { .. })));
    fs::remove_dir(directory.path().join("account.en.txt")).unwrap();
    fs::write(directory.path().join("account.en.txt"), [0xff, 0xfe]).unwrap();
    assert!(matches!(Templates::load(setting(), directory.path()), Err(TemplateError::Unreadable { .. })));
}
