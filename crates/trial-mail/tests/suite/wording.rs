//! What the mails say. The snapshots are for people to read.

use trial_core::{Locale, MailContent};
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

#[tokio::test]
async fn loads_nothing_from_elsewhere() {
    for locale in Locale::ALL {
        let html = sandbox().written(&account_mail(*locale)).await.html;
        for remote in ["src=", "@import", "url(", "<link", "<script", "<img"] {
            assert!(!html.contains(remote), "{remote}");
        }
    }
}

#[tokio::test]
async fn escapes_what_it_is_given() {
    let mut mail = account_mail(Locale::En);
    let MailContent::Account(account) = &mut mail.content else { panic!("an account") };
    account.account_name = "<script>alert('x')</script> \"&\" {{ facts.voice }}".to_owned();
    let written = sandbox().written(&mail).await;
    assert!(!written.html.contains("<script>") && !written.html.contains("alert('"));
    assert!(written.text.contains("<script>alert('x')</script> \"&\" {{ facts.voice }}"), "text is text");
}
