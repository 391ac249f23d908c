//! The texts of the mails. The snapshots are for people to read.

use chrono::{DateTime, Utc};
use trial_core::mails::{LifecycleMail, MailContent, OutgoingMail, PasswordChangedMail, PasswordMail};
use trial_core::portal::PortalLink;
use trial_core::values::{Locale, TenantId};
use trial_testkit::mail_conformance::account_mail;

use crate::sandbox::sandbox;

#[tokio::test]
async fn english() {
    let mail = sandbox().written(&account_mail(Locale::En)).await;
    insta::assert_snapshot!("account_en_subject", mail.subject);
    insta::assert_snapshot!("account_en_text", mail.text);
    insta::assert_snapshot!("account_en_html", mail.html);
}

#[tokio::test]
async fn chinese() {
    let mail = sandbox().written(&account_mail(Locale::ZhCn)).await;
    insta::assert_snapshot!("account_zh_cn_subject", mail.subject);
    insta::assert_snapshot!("account_zh_cn_text", mail.text);
    insta::assert_snapshot!("account_zh_cn_html", mail.html);
}

/// All other mails to an owner.
fn notices() -> Vec<(&'static str, MailContent)> {
    let at = |day: &str| format!("2026-{day}T09:30:00Z").parse::<DateTime<Utc>>().unwrap();
    let account_name = "admin@5a5a5a5a".to_owned();
    let life = LifecycleMail {
        tenant: TenantId::from_bytes([0x5a; 16]),
        account_name: account_name.clone(),
        trial_ends_at: at("12-01"),
        closes_at: None,
        recoverable_until: None,
        is_customer: false,
    };
    let changed = PasswordChangedMail { account_name: account_name.clone(), changed_at: at("11-20"), changes: None };
    let digest = PasswordChangedMail { changes: Some(6), ..changed.clone() };
    let password = PasswordMail { account_name, link: PortalLink::example(), valid_until: at("11-20") };
    vec![
        ("reminder", MailContent::Reminder(life.clone())),
        ("suspended", MailContent::Suspended(LifecycleMail { closes_at: Some(at("12-08")), ..life.clone() })),
        ("closed", MailContent::Closed(LifecycleMail { recoverable_until: Some(at("12-31")), ..life })),
        ("password", MailContent::Password(password)),
        ("password_changed", MailContent::PasswordChanged(changed)),
        ("password_digest", MailContent::PasswordChanged(digest)),
    ]
}

#[tokio::test]
async fn notices_in_every_language() {
    for locale in Locale::ALL {
        for (name, content) in notices() {
            let mail = sandbox().written(&OutgoingMail { content, ..account_mail(*locale) }).await;
            let name = format!("{name}_{}", locale.to_string().replace('-', "_").to_lowercase());
            insta::assert_snapshot!(format!("{name}_text"), format!("{}\n\n{}", mail.subject, mail.text));
            insta::assert_snapshot!(format!("{name}_html"), mail.html);
        }
    }
}

/// A converted tenant has no trial that ends, and its mails name none.
#[tokio::test]
async fn a_converted_tenant_is_never_addressed_as_a_trial() {
    for locale in Locale::ALL {
        let account = account_mail(*locale);
        let MailContent::Account(of_trial) = &account.content else { panic!("an account") };
        let life = notices().into_iter().find_map(|(_, content)| match content {
            MailContent::Suspended(life) => Some(LifecycleMail { is_customer: true, closes_at: None, ..life }),
            _ => None,
        });
        let life = life.unwrap();
        let of_customer =
            MailContent::Account(trial_core::mails::AccountMail { is_customer: true, ..of_trial.clone() });
        for content in [of_customer, MailContent::Suspended(life.clone()), MailContent::Closed(life)] {
            let kind = content.kind();
            let mail = sandbox().written(&OutgoingMail { content, ..account.clone() }).await;
            for part in [&mail.subject, &mail.text, &mail.html] {
                assert!(!part.to_lowercase().contains("trial") && !part.contains("试用"), "{kind} {locale}: {part}");
            }
        }
        let as_trial = sandbox().written(&account).await;
        assert!(as_trial.text.to_lowercase().contains("trial") || as_trial.text.contains("试用"));
    }
}

#[tokio::test]
async fn loads_nothing_from_elsewhere() {
    for locale in Locale::ALL {
        let account = account_mail(*locale);
        let notices = notices().into_iter().map(|(_, content)| OutgoingMail { content, ..account.clone() });
        for mail in notices.chain([account.clone()]) {
            let html = sandbox().written(&mail).await.html;
            for remote in ["src=", "@import", "url(", "<link", "<script", "<img"] {
                assert!(!html.contains(remote), "{remote}");
            }
        }
    }
}

#[tokio::test]
async fn escapes_values() {
    let mut mail = account_mail(Locale::En);
    let MailContent::Account(account) = &mut mail.content else { panic!("an account") };
    account.account_name = "<script>alert('x')</script> \"&\" {{ facts.voice }}".to_owned();
    let written = sandbox().written(&mail).await;
    assert!(!written.html.contains("<script>") && !written.html.contains("alert('"));
    assert!(written.text.contains("<script>alert('x')</script> \"&\" {{ facts.voice }}"), "text is text");
}
