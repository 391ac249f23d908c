//! Mail previews, and the rejection of broken templates.

use std::fs;

use super::{Home, SANDBOX};

#[test]
fn a_preview_shows_the_built_in_mail() {
    let home = Home::new("quota.timezone = \"Asia/Shanghai\"");
    let text = home.run("mail preview").done();
    assert!(text.starts_with("Subject: Your contact centre trial is ready\n\n── text\nHello,\n"), "{text}");
    assert!(text.contains("\n── HTML\n<!DOCTYPE html>\n<html lang=\"en\" "), "{text}");
    let json = home.run("mail preview --kind account --locale zh-CN --json").done();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["locale"]), (&"account".into(), &"zh-CN".into()));
    assert_eq!(json["subject"], "您的云联络中心试用已开通");
    assert!(json["text"].as_str().unwrap().contains("（北京时间）"), "{json}");
    let html = home.run("mail preview --locale zh-CN --html").done();
    assert_eq!(html.trim_end(), json["html"].as_str().unwrap().trim_end());
}

#[test]
fn a_preview_uses_the_templates_and_the_words_in_force() {
    let home = Home::new("portal.url = \"https://p.example\"\nmail.templates_dir = \"words\"");
    fs::create_dir(home.path("words")).unwrap();
    let template = "{{ portal_url }} {{ account_name }} {{ initial_password }}\n";
    fs::write(home.path("words/account.en.txt"), template).unwrap();
    let text = home.run("mail preview").done();
    assert!(text.contains("\n── text\nhttps://p.example admin@example "), "{text}");
}

#[test]
fn a_broken_template_is_refused_by_everything_that_would_use_it() {
    let home = Home::new(&format!("{SANDBOX}\nlog.level = \"error\"\nmail.templates_dir = \"words\""));
    fs::create_dir(home.path("words")).unwrap();
    fs::write(home.path("words/account.zh-CN.txt"), "{{ account_name }}\n{{ initial_pasword }}\n").unwrap();
    home.run("migrate").done();
    let place = format!("{}:2: undefined value", home.path("words/account.zh-CN.txt").display());
    for command in ["serve", "mail preview"] {
        let said = home.run(command).refused();
        assert!(said.starts_with("trialgate: `mail.templates_dir` cannot be used: "), "{command}: {said}");
        assert!(said.contains(&place), "{command}: {said}");
    }
    let doctor = home.run("doctor");
    assert_eq!(doctor.status, 1, "{doctor:?}");
    assert!(doctor.out.contains(&place), "{doctor:?}");
}
