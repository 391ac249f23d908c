//! Replies of mail servers, published or worded like published ones, with their sources, and the fate of the mail.

use trial_core::mails::DeliveryError;
use trial_core::privacy::Redaction;

use super::super::connection::Fault;
use super::super::reply::Reply;
use super::super::session::{Failure, Step};
use super::verdict;

const GMAIL: &str = "support.google.com/a/answer/3726730";
const RELAY: &str = "support.google.com/a/answer/6140680";
const QQ: &str = "service.mail.qq.com, reasons of returned mails";
const EXMAIL: &str = "exmail.qq.com, reasons of returned mails";
const NETEASE: &str = "help.163.com, codes of returned mails";
const COREMAIL: &str = "icoremail.vip/support, texts of returned mails";
const SINA: &str = "blog.sina.com.cn/s/blog_8dc13ec50101fxxr.html";
const ALIYUN: &str = "help.aliyun.com/document_detail/44499.html";
const EXIM: &str = "Exim, src/acl.c and src/smtp_in.c";
const DEBIAN: &str = "Debian exim4, /etc/exim4/exim4.conf.template";
const POSTFIX: &str = "Postfix, src/smtpd/smtpd_check.c and smtpd.c";
const QMAIL: &str = "netqmail, qmail-smtpd.c and qmail-send.c";
const SENDMAIL: &str = "sendmail, cf/m4/proto.m4";
const SES: &str = "docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html";
const M365: &str = "learn.microsoft.com, Exchange Online NDR codes";
const OUTLOOK: &str = "sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx";
const SENDGRID: &str = "sendgrid.com/docs, SMTP errors and troubleshooting";
const MAILGUN: &str = "github.com/swapmyvote/swapmyvote/issues/182";
const MAILGUN_RELAY: &str = "github.com/uilicious/inboxkitten/issues/96";
const YAHOO: &str = "help.yahoo.com/kb/SLN3444.html";
const YAHOO_CODES: &str = "senders.yahooinc.com/smtp-error-codes";
const ICLOUD: &str = "github.com/MailCore/mailcore2/issues/1738";
const GMX: &str = "github.com/sandstorm-io/sandstorm/issues/531";
const POSTEO: &str = "github.com/mandarons/icloud-docker/issues/163";
const IRONPORT: &str = "Cisco Secure Email, default HAT and RAT texts";
const RFC: &str = "RFC 5321, section 4.2.3";
const SIZE: &str = "RFC 1870, section 6.1";
const BOUNCES: &str = "github.com/eNichers/node-bounce-handler, lib/responses.js";
const SISIMAI: &str = "github.com/sisimai/p5-sisimai, lib/Sisimai/Reason/UserUnknown.pm";
const SMTP_CODES: &str = "smtp.codes/550";
const SITEPACKAGE: &str = "sitepackage.de, typische Fehlermeldungen bei Unzustellbarkeit";
const SITEGROUND: &str = "de.siteground.com/kb/was-ist-smtp-error-550-und-wie-kann-ich-ihn-beheben";
const ADOBE: &str = "Adobe Campaign in Portuguese, bounce mails";
const QQ_DNS: &str = "github.com/Macr0phag3/email_hack/issues/8";
const MAILPROTECT: &str = "github.com/postalserver/postal/issues/1199";
const LAPOSTE: &str = "github.com/thunderbird/thunderbird-android/issues/938";
const SWIFTMAILER: &str = "github.com/swiftmailer/swiftmailer/issues/169";
const SMTP2GO: &str = "github.com/gophish/gophish/issues/720";
const ZOHO: &str = "github.com/cachethq/cachet/issues/3052";
const MAIL_RU: &str = "mailout.ru/2015/09";
const FREENET: &str = "github.com/badoux/checkmail/issues/5";
const GMAIL_PTR: &str = "github.com/docker-mailserver/docker-mailserver/issues/2991";
const NET_SMTP: &str = "github.com/pivorakmeetup/pivorak-web-app/issues/320";
const CODES: &str = "RFC 3463, section 3.2, X.1.7 and X.1.8";
// RFC 5321, section 4.2, leaves the text to the server. No published reply has the wordings below: they say in a
// language, or of another thing of ours, what the named reply says in English.
const LIKE_USER: &str = "our wording of Postfix's User unknown";
const LIKE_ACCOUNT: &str = "our wording of Gmail's account that does not exist";
const LIKE_SENDER: &str = "our wording of sendmail's Domain of sender address does not exist";
const LIKE_PTR: &str = "our wording of Gmail's missing PTR record";
const LIKE_SUSPENDED: &str = "our wording of SMTP2GO's suspended account";
const LIKE_LIMIT: &str = "our wording of Gmail's Daily user sending limit exceeded";

use Step::{Connect, Content, Recipient, Sender, SignIn};

/// Replies after which the mail is due again: they are about us, or about a passing state.
const DUE: &[(Step, &str, &str)] = &[
    (Connect, GMAIL, "421 4.7.0 IP not in whitelist for RCPT domain, closing connection."),
    (Connect, YAHOO, "553 VS99-IP1 deferred"),
    (Connect, YAHOO_CODES, "553 5.7.1 [BL21] Connections not accepted from IP addresses on Spamhaus PBL"),
    (Connect, NETEASE, "421 HL:ICC"),
    (
        Connect,
        IRONPORT,
        "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.",
    ),
    (Connect, SINA, "550 black ip. (发信IP被禁止)"),
    (Connect, POSTFIX, "504 5.5.2 <4f1d2c3b4a59>: Helo command rejected: need fully-qualified hostname"),
    (SignIn, GMAIL, "535 5.7.8 Username and Password not accepted. Learn more at https://support.google.com/mail/"),
    (SignIn, ALIYUN, "535 Authentication failure."),
    (SignIn, SES, "535 Authentication Credentials Invalid"),
    (SignIn, M365, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."),
    (SignIn, NETEASE, "550 User has no permission"),
    (Sender, GMX, "550-Requested action not taken: mailbox unavailable\r\n550 Sender address is not allowed"),
    (Sender, SES, "501 Invalid MAIL FROM address provided"),
    (Sender, M365, "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    (Sender, SENDMAIL, "553 5.1.8 <a@sender.example>... Domain of sender address a@sender.example does not exist"),
    (
        Recipient,
        GMAIL,
        "550 5.4.5 Daily user sending limit exceeded. For more information, go to https://support.google.com/a",
    ),
    (Recipient, RELAY, "550 5.7.1 Daily SMTP relay sending limit exceeded for user."),
    (Recipient, GMAIL, "550 5.7.0 Mail relay denied [192.0.2.1]. Invalid credentials for relay"),
    (
        Recipient,
        GMAIL,
        "550-5.2.1 The user you are trying to contact is receiving mail at a rate that\r\n550-5.2.1 prevents additional messages from being delivered. For more\r\n550 5.2.1 information, please visit https://support.google.com/mail/?p=ReceivingRatePerm",
    ),
    (Recipient, GMAIL, "530 5.7.0 Must issue a STARTTLS command first."),
    (Recipient, QQ, "550 Connection frequency limited"),
    (Recipient, QQ, "550 Sender frequency limited"),
    (Recipient, EXMAIL, "550 Domain frequency limited"),
    (Recipient, QQ, "550 Mailbox unavailable or access denied"),
    (Recipient, NETEASE, "553 Mail from must equal authorized user"),
    (Recipient, NETEASE, "550 RP:TRC"),
    (Recipient, NETEASE, "451 RP:CEL"),
    (Recipient, COREMAIL, "553 Requested action not taken: Local user only"),
    (Recipient, COREMAIL, "550 Requested mail action not taken: Fake sender"),
    (Recipient, SINA, "553 relay check local fail. (本域用户必须通过验证)"),
    (Recipient, SINA, "553 host denies relay. (拒绝中继)"),
    (Recipient, ALIYUN, "556 The number of RCPTs is over size"),
    (Recipient, ALIYUN, "551 Main account unavailable"),
    (Recipient, EXIM, "550 relay not permitted"),
    (
        Recipient,
        EXIM,
        "550-Verification failed for <no-reply@sender.example>\r\n550-No Such User Here\r\n550 Sender verify failed",
    ),
    (Recipient, DEBIAN, "550 Sender verify failed"),
    (Recipient, DEBIAN, "550 relay not permitted"),
    (Recipient, POSTFIX, "501 5.5.2 <my_host>: Helo command rejected: Invalid name"),
    (Recipient, POSTFIX, "550 5.7.1 <4f1d2c3b4a59>: Helo command rejected: Host not found"),
    (Recipient, POSTFIX, "554 5.7.1 <ann@example.com>: Relay access denied"),
    (Recipient, POSTFIX, "550 5.1.8 <a@sender.example>: Sender address rejected: Domain not found"),
    (Recipient, POSTFIX, "553 5.7.1 <a@sender.example>: Sender address rejected: not owned by user trials"),
    (Recipient, POSTFIX, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    (
        Recipient,
        POSTFIX,
        "554 5.7.1 <ann@example.com>: Recipient address rejected: Please see http://www.openspf.net/Why?s=mfrom",
    ),
    (Recipient, POSTFIX, "554 5.7.1 <ann@example.com>: Recipient address rejected: Access denied"),
    (Recipient, QMAIL, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
    (Recipient, SENDMAIL, "550 5.7.1 <ann@example.com>... Relaying denied. Proper authentication required."),
    (Recipient, MAILGUN_RELAY, "550 5.7.1 Relaying denied"),
    (Recipient, M365, "550 5.7.64 TenantAttribution; Relay Access Denied"),
    (Recipient, M365, "550 5.7.705 Access denied, tenant has exceeded threshold."),
    (Recipient, M365, "550 5.1.8 Access denied, bad outbound sender"),
    (Recipient, M365, "554 5.2.2 Submission quota exceeded; the mailbox has exceeded its recipient rate limit"),
    (
        Recipient,
        OUTLOOK,
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your provider (S3140).",
    ),
    (Recipient, QQ_DNS, "550 Domain may not exist or DNS check failed"),
    (Recipient, SWIFTMAILER, "501 5.1.7 Bad sender address syntax"),
    (Recipient, CODES, "550 5.1.7 Invalid address"),
    (Recipient, CODES, "550 5.1.8 Bad address"),
    (Recipient, MAILPROTECT, "550 5.1.0 MailProtect : Domain of sender address a@sender.example does not exist"),
    (Recipient, LAPOSTE, "550 5.5.0 Emetteur invalide. Invalid Sender. LPN104_415"),
    (Recipient, SMTP_CODES, "550 5.7.1 Connections not accepted from servers without a valid sender domain."),
    (Recipient, FREENET, "550 inconsistent or no DNS PTR record for 192.0.2.1"),
    (Recipient, SMTP2GO, "552 Your account has been suspended. Please contact us to reactivate"),
    (Recipient, MAIL_RU, "550 message sending for this account is disabled"),
    (Recipient, LIKE_PTR, "550 5.7.1 PTR record does not exist"),
    (Recipient, LIKE_PTR, "550 Recipient address rejected: PTR record does not exist"),
    (Recipient, LIKE_PTR, "550 Your host name does not exist in DNS"),
    (Recipient, LIKE_PTR, "550 IP反向解析不存在"),
    (Recipient, LIKE_PTR, "550 Die IP-Adresse existiert nicht"),
    (Recipient, LIKE_PTR, "550 5.7.1 TLS client certificate does not exist"),
    (Recipient, LIKE_SENDER, "553 5.7.1 The sending domain does not exist"),
    (Recipient, LIKE_SENDER, "550 Envelope sender does not exist"),
    (Recipient, LIKE_SENDER, "550 Return-path address does not exist"),
    (Recipient, LIKE_SENDER, "550 The address in the From header doesn’t exist"),
    (Recipient, LIKE_SENDER, "550 Reply-To address does not exist"),
    (Recipient, LIKE_SENDER, "550 Your email address does not exist"),
    (Recipient, LIKE_SENDER, "550 Remitente desconocido"),
    (Recipient, LIKE_SENDER, "550 El dominio del remitente no existe"),
    (Recipient, LIKE_SENDER, "550 Expéditeur inconnu: cette adresse n'existe pas"),
    (Recipient, LIKE_SENDER, "550 Le domaine de l'émetteur n'existe pas"),
    (Recipient, LIKE_SENDER, "550 Absender unbekannt"),
    (Recipient, LIKE_SENDER, "550 Absenderadresse existiert nicht"),
    (Recipient, LIKE_SENDER, "550 Sender-Domain existiert nicht"),
    (Recipient, LIKE_SENDER, "550 L'indirizzo del mittente non esiste"),
    (Recipient, LIKE_SENDER, "550 送信者のアドレスは存在しません"),
    (Recipient, LIKE_SENDER, "550 発信元アドレスは存在しません"),
    (Recipient, LIKE_SENDER, "550 송신자가 존재하지 않습니다"),
    (Recipient, LIKE_SENDER, "550 발신 주소가 존재하지 않습니다"),
    (Recipient, LIKE_SENDER, "550 寄件者不存在"),
    (Recipient, LIKE_SENDER, "550 寄件人地址不存在"),
    (Recipient, LIKE_SENDER, "550 Отправитель не существует"),
    (Recipient, LIKE_SUSPENDED, "554 5.7.1 Your account has been disabled for sending"),
    (Recipient, LIKE_SUSPENDED, "550 5.7.1 Account disabled: outbound mail from this account is blocked"),
    (Recipient, LIKE_SUSPENDED, "550 5.7.1 Unknown account or password required"),
    (Recipient, LIKE_SUSPENDED, "550 5.7.1 This user doesn't have permission to send mail"),
    (Recipient, LIKE_SUSPENDED, "550 该用户未开通SMTP服务"),
    (Recipient, LIKE_LIMIT, "550 Límite diario superado, intente más tarde"),
    (Recipient, IRONPORT, "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected."),
    (Recipient, RFC, "503 Bad sequence of commands"),
    (Recipient, RFC, "500 Syntax error, command unrecognized"),
    (Content, GMAIL, "550 5.4.5 Daily user sending quota exceeded."),
    (
        Content,
        GMAIL,
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n550 5.7.26 - gsmtp",
    ),
    (Content, GMAIL, "550 5.7.1 Our system has detected that this message is likely unsolicited mail."),
    (Content, QQ, "550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&id=20022&no=1000725"),
    (Content, NETEASE, "554 DT:SPM 163 smtp1,GdxpCgDHz 1416453000 http://mail.163.com/help/help_spam_16.htm"),
    (Content, SINA, "552 message rejected by anti-spam engine."),
    (Content, ALIYUN, "552 Daily sending quota exceeded"),
    (Content, ALIYUN, "552 Not enough sending quota"),
    (Content, ALIYUN, "554 Reject by content spam"),
    (
        Content,
        SES,
        "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: no-reply@sender.example",
    ),
    (Content, SES, "554 Message rejected: Sending suspended for this account."),
    (Content, SES, "454 Throttling failure: Daily message quota exceeded."),
    (
        Content,
        M365,
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
    ),
    (Content, M365, "550 5.7.57 Client not authenticated to send mail."),
    (Content, SENDGRID, "550 Unauthenticated senders not allowed"),
    (Content, SENDGRID, "550 The from address does not match a verified Sender Identity."),
    (Content, SENDGRID, "550 Requested action not taken: Maximum credits exceeded"),
    (Content, MAILGUN, "554 Sandbox subdomains are for test purposes only. Please add your own domain."),
    (Content, YAHOO_CODES, "554 5.7.9 Message not accepted for policy reasons."),
    (Content, ICLOUD, "550 5.7.1 Message rejected due to local policy."),
    (Content, QQ_DNS, "550 Domain may not exist or DNS check failed"),
    (
        Content,
        GMAIL_PTR,
        "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a\r\n550 5.7.25 PTR record setup",
    ),
    (Content, ZOHO, "550 5.4.6 Unusual sending activity detected."),
    (Content, LIKE_SENDER, "550 Invalid message: From header domain does not exist"),
    (Content, RFC, "554 Transaction failed"),
];

/// Replies after which the mail has failed: they are about this recipient, or this mail.
const FAILED: &[(Step, &str, &str)] = &[
    (
        Recipient,
        GMAIL,
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n550 5.1.1 double-checking",
    ),
    (Recipient, GMAIL, "550 5.2.1 The email account that you tried to reach is disabled."),
    (Recipient, GMAIL, "552 5.2.2 The email account that you tried to reach is over quota."),
    (Recipient, GMAIL, "553 5.1.2 We weren't able to find the recipient domain. Please check for any spelling errors."),
    (Recipient, GMAIL, "553 5.1.3 The recipient address <ann> is not a valid RFC 5321 address."),
    (Recipient, QQ, "550 Mailbox not found"),
    (Recipient, QQ, "550 该用户未开通QQ邮箱"),
    (Recipient, NETEASE, "550 User not found: ann@163.example"),
    (Recipient, COREMAIL, "550 Invalid User"),
    (Recipient, COREMAIL, "550 用户不存在"),
    (Recipient, SINA, "550 mailbox unavailable. (邮箱不存在)"),
    (Recipient, ALIYUN, "559 Invalid rcptto [@sm070102]"),
    (Recipient, EXIM, "550 Unrouteable address"),
    (Recipient, EXIM, "550 Unknown user"),
    (Recipient, DEBIAN, "550 unknown user"),
    (
        Recipient,
        POSTFIX,
        "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in relay recipient table",
    ),
    (
        Recipient,
        POSTFIX,
        "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
    ),
    (Recipient, POSTFIX, "550 5.1.2 <ann@example.com>: Recipient address rejected: Domain not found"),
    (
        Recipient,
        POSTFIX,
        "556 5.1.10 <ann@example.com>: Recipient address rejected: Domain example.com does not accept mail (nullMX)",
    ),
    (Recipient, QMAIL, "550 sorry, no mailbox here by that name. (#5.1.1)"),
    (Recipient, SENDMAIL, "550 5.1.1 <ann@example.com>... User unknown"),
    (Recipient, SES, "501 Invalid RCPT TO address provided"),
    (
        Recipient,
        M365,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ann@example.com not found by SMTP address lookup",
    ),
    (
        Recipient,
        M365,
        "550 5.4.1 Recipient address rejected: Access denied. [AM7EUR03FT012.eop-EUR03.prod.protection.outlook.com]",
    ),
    (
        Recipient,
        M365,
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
    ),
    (Recipient, OUTLOOK, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."),
    (Recipient, YAHOO, "554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.example)"),
    (Recipient, YAHOO, "554 delivery error: dd Sorry, your message cannot be delivered. This account is over quota."),
    (Recipient, IRONPORT, "550 #5.1.0 Address rejected."),
    (Recipient, COREMAIL, "550 User suspended"),
    (
        Recipient,
        SITEPACKAGE,
        "554 delivery error: dd Sorry your message cannot be delivered. This account has been disabled or discontinued",
    ),
    (Recipient, SITEPACKAGE, "550 Benutzer nicht bekannt/User unknown"),
    (Recipient, COREMAIL, "550 local server don't exists that user"),
    (Recipient, COREMAIL, "550 recipient does not have an account"),
    (Recipient, NET_SMTP, "550 5.1.3 Invalid address"),
    (Recipient, SMTP_CODES, "550 5.2.1 <ann@example.com>... Addressee unknown, relay=[192.0.2.1]"),
    (Recipient, SMTP_CODES, "550 5.2.1 <ann@example.com>... blank mailhost - invalid address, relay=[192.0.2.1]"),
    (Recipient, SENDMAIL, "550 5.1.2 <a@nosuch.example>... Host unknown (Name server: nosuch.example: host not found)"),
    (Recipient, SISIMAI, "550 Recipient does not exist on this system"),
    (Recipient, SISIMAI, "550 Email address does not exist"),
    (Recipient, SISIMAI, "550 No existe ese usuario"),
    (Recipient, LIKE_USER, "550 Usuario desconocido"),
    (Recipient, LIKE_ACCOUNT, "550 Recipient domain does not exist"),
    (Recipient, LIKE_ACCOUNT, "550 This mailbox doesn’t exist"),
    (Recipient, LIKE_ACCOUNT, "550 5.7.1 El destinatario no existe"),
    (Recipient, ADOBE, "550 Usuário desconhecido"),
    (Recipient, BOUNCES, "550 Destinatario sconosciuto o mailbox disattivata"),
    (Recipient, BOUNCES, "550 Indirizzo inesistente"),
    (Recipient, BOUNCES, "550 Nie ma takiego konta"),
    (Recipient, BOUNCES, "550 5.7.1 Adres nie istnieje"),
    (Recipient, BOUNCES, "550 Destinataire inconnu ou boite aux lettres desactivee"),
    (Recipient, BOUNCES, "550 Adressat unbekannt oder Mailbox deaktiviert"),
    (Recipient, SITEGROUND, "550 Das E-Mail-Konto, das Sie zu erreichen versucht haben, existiert nicht"),
    (Recipient, LIKE_USER, "550 Empfänger unbekannt"),
    (Recipient, LIKE_USER, "550 Пользователь не найден"),
    (Recipient, LIKE_USER, "550 查無此人"),
    (Recipient, LIKE_ACCOUNT, "550 Cette adresse n'existe pas"),
    (Recipient, LIKE_ACCOUNT, "550 Das Postfach existiert nicht"),
    (Recipient, LIKE_ACCOUNT, "550 宛先のメールアドレスは存在しません"),
    (Recipient, LIKE_ACCOUNT, "550 존재하지 않는 사용자입니다"),
    (Recipient, LIKE_ACCOUNT, "550 此帳號不存在"),
    (Recipient, RFC, "553 Requested action not taken: mailbox name not allowed"),
    (Recipient, RFC, "552 Requested mail action aborted: exceeded storage allocation"),
    (Content, QQ, "550 Mail content denied. https://service.mail.qq.com/detail/0/1013"),
    (Content, SINA, "552 message is too long. (邮件大小超过限定)"),
    (Content, SINA, "552 Virus found. (信件包含无法清除的病毒)"),
    (Content, ALIYUN, "557 The length of DATA content is achieved the maximum threshold"),
    (Content, POSTFIX, "552 5.3.4 Error: message file too big"),
    (Content, POSTEO, "550 5.7.1 message content rejected"),
    (Content, SES, "552 5.3.4 Message size exceeds fixed limit"),
    (Sender, SES, "552 5.3.4 Message size exceeds fixed limit"),
    (Sender, SIZE, "552 message size exceeds fixed maximium message size"),
    (Sender, POSTFIX, "552 5.3.4 Message size exceeds fixed limit"),
    (Content, GMAIL, "554 5.6.0 Mail message is malformed. Not accepted."),
    (Content, M365, "550 5.1.1 User unknown"),
];

async fn judged(step: Step, bytes: &[u8]) -> DeliveryError {
    let mut stream = bytes;
    let reply = Reply::read(&mut stream, None).await.unwrap();
    verdict(&Failure { step, fault: Fault::Refused(reply) }, &Redaction::default())
}

#[tokio::test]
async fn a_refusal_about_us_leaves_the_mail_due() {
    for (step, source, reply) in DUE {
        let judged = judged(*step, format!("{reply}\r\n").as_bytes()).await;
        assert!(matches!(judged, DeliveryError::Transient(_)), "{source}, {step:?}: {judged:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_names_the_recipient_or_the_mail_fails_it() {
    for (step, source, reply) in FAILED {
        let judged = judged(*step, format!("{reply}\r\n").as_bytes()).await;
        assert!(matches!(judged, DeliveryError::Permanent(_)), "{source}, {step:?}: {judged:?}");
    }
}

/// No reply before the recipient is named can be about the recipient, one to MAIL may be about the size, and no 4xx is
/// permanent.
#[tokio::test]
async fn the_step_and_the_first_digit_come_before_the_text() {
    for (step, source, reply) in FAILED {
        let is_size = matches!(judged(Sender, format!("{reply}\r\n").as_bytes()).await, DeliveryError::Permanent(_));
        assert!(!is_size || *step != Recipient, "{source}");
        let early = judged(Connect, format!("{reply}\r\n").as_bytes()).await;
        assert!(matches!(early, DeliveryError::Transient(_)), "{source}: {early:?}");
        let for_now = format!("4{}\r\n", &reply[1..].replace("\r\n5", "\r\n4"));
        let for_now = judged(Recipient, for_now.as_bytes()).await;
        assert!(matches!(for_now, DeliveryError::Transient(_)), "{source}: {for_now:?}");
    }
}

#[tokio::test]
async fn words_in_other_encodings_are_read() {
    for (encoding, text, is_failed) in
        [("用户不存在", true), ("收件人不存在", true), ("发信频率超过限制", false), ("发件人不存在", false)]
            .map(|(text, is_failed)| (encoding_rs::GBK, text, is_failed))
            .into_iter()
            .chain([
                (encoding_rs::KOI8_R, "Пользователь не найден", true),
                (encoding_rs::WINDOWS_1252, "Empfänger unbekannt", true),
                (encoding_rs::WINDOWS_1252, "Expéditeur inconnu", false),
                (encoding_rs::EUC_JP, "宛先のメールアドレスは存在しません", true),
            ])
    {
        let (octets, ..) = encoding.encode(text);
        let judged = judged(Recipient, &[b"550 ", &octets[..], b"\r\n"].concat()).await;
        let expected = format!("the mail server refused the recipient: 550 {text}");
        let expected = if is_failed { DeliveryError::Permanent(expected) } else { DeliveryError::Transient(expected) };
        assert_eq!(judged, expected);
    }
}

/// Addresses and links in the server's text contain any word.
#[tokio::test]
async fn addresses_and_links_decide_nothing() {
    for reply in [
        "550 5.1.1 <a.spam@relay-not-here.example>: no",
        "550 5.1.1 no, see https://example.com/sender-verify/try-again/spf",
    ] {
        assert!(matches!(judged(Recipient, format!("{reply}\r\n").as_bytes()).await, DeliveryError::Permanent(_)));
    }
    let judged =
        judged(Recipient, b"550 no, see https://example.com/user-unknown <user.unknown@example.com>\r\n").await;
    assert!(matches!(judged, DeliveryError::Transient(_)));
}
