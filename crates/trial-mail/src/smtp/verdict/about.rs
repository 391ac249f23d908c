//! The subject of a refusal by 5xx: this recipient, this mail, or us.
//!
//! Providers use digits and enhanced codes freely, so the text is considered first. A text about neither the recipient
//! nor the mail is about us.

/// The subject of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The mailbox, its domain, or the room in it.
    Recipient,
    /// The size of this mail.
    Size,
    /// The content of this mail.
    Mail,
    /// Our quota, rate, address, name, sender, account or reputation; or nothing specific.
    Us,
}

/// Words about us, or about a passing state. They outweigh anything else in the same reply: Exim's "Sender verify
/// failed" quotes "No such user", QQ's "Mailbox unavailable or access denied" passes after a while.
const OURS: &[&str] = &[
    // Quota and rate.
    "sending limit",
    "sending quota",
    "sending rate",
    "sending suspended",
    "submissionquota",
    "submission quota",
    "message quota",
    "daily limit",
    "hourly limit",
    "messaging limit",
    "credits exceeded",
    "frequen",
    "rate limit",
    "ratelimit",
    "at a rate",
    "too many",
    "too fast",
    "too quickly",
    "throttl",
    "try again",
    "temporar",
    "mailbox unavailable or access denied",
    // Relaying.
    "relay not",
    "relay access",
    "relay denied",
    "relaying",
    "to relay",
    "denies relay",
    "mail relay",
    // Our name, address and reputation.
    "helo",
    "ehlo",
    "client host",
    "reverse dns",
    "black list",
    "blacklist",
    "blocklist",
    "block list",
    "reputation",
    "spam",
    "unsolicited",
    "spf",
    "dkim",
    "dmarc",
    // The sender, and the account that signed in.
    "sender verify",
    "sender address",
    "sender domain",
    "sender id",
    "sender reject",
    "sender is",
    "sender not",
    "sender denied",
    "fake sender",
    "bad sender",
    "bad outbound sender",
    "invalid sender",
    "senders",
    "mail from",
    "from address",
    "from domain",
    "authenticat",
    "authoriz",
    "authoris",
    "not verified",
    "unverified",
    // The same in other languages: the sender, relaying, and what passes.
    "remitente",
    "remetente",
    "expéditeur",
    "expediteur",
    "mittente",
    "absender",
    "afzender",
    "nadawc",
    "отправител",
    "送信者",
    "送信元",
    "差出人",
    "발신자",
    "보낸 사람",
    "autenti",
    "authentif",
    "аутентификац",
    "認証",
    "中継",
    "спам",
    "迷惑メール",
    "límite",
    "limite",
    "лимит",
    "intente",
    "réessay",
    "später",
    "riprova",
    "позже",
    "しばらく",
    "频率",
    "频繁",
    "限制",
    "稍后",
    "发信",
    "发件人",
    "认证",
    "授权",
    "中继",
    "黑名单",
    "垃圾",
];

/// Words about the recipient.
const RECIPIENT: &[&str] = &[
    "user unknown",
    "unknown user",
    "user not found",
    "user not known",
    "no such user",
    "invalid user",
    "user invalid",
    "user disabled",
    "user is disabled",
    "user suspended",
    "user is suspended",
    "mailbox suspended",
    "mailbox is suspended",
    "unavailable mail user",
    "not a known user",
    "not user of this server",
    "user not local",
    "this user doesn't have",
    "does not exist",
    "doesn't exist",
    "don't exist",
    "not exist",
    "does not have an account",
    "mailbox unavailable",
    "mailbox currently unavailable",
    "mailbox not found",
    "mailbox not available",
    "mailbox disabled",
    "mailbox is disabled",
    "mailbox full",
    "mailbox is full",
    "mailbox name not allowed",
    "no mailbox",
    "no such mailbox",
    "invalid mailbox",
    "unknown mailbox",
    "not a valid mailbox",
    "storage allocation",
    "over quota",
    "no such recipient",
    "no such person",
    "no such address",
    "recipient unknown",
    "unknown recipient",
    "recipient not found",
    "recipientnotfound",
    "invalid recipient",
    "bad recipient",
    "invalid rcptto",
    "invalid rcpt to",
    "address unknown",
    "unknown address",
    "invalid address",
    "bad address",
    "bad destination",
    "unrouteable address",
    "unroutable address",
    "unknown local part",
    "unknown local-part",
    "recipient address rejected: user",
    "recipient address rejected: undeliverable",
    "recipient address rejected: domain",
    // Of Microsoft 365; with another code it is a policy of Postfix.
    "5.4.1 recipient address rejected",
    "account disabled",
    "account is disabled",
    "account has been disabled",
    "account is inactive",
    "account inactive",
    "unknown account",
    "account that you tried to reach",
    "address you entered",
    "no longer available",
    "no longer in use",
    "does not accept mail",
    // Cisco's default for a recipient outside the Recipient Access Table; without the code it may be a policy.
    "5.1.0 address rejected",
    // Spanish, Portuguese, Italian.
    "usuario desconocido",
    "destinatario desconocido",
    "buzón desconocido",
    "buzon desconocido",
    "no existe",
    "buzón lleno",
    "buzon lleno",
    "usuário desconhecido",
    "usuario desconhecido",
    "destinatário desconhecido",
    "destinatario desconhecido",
    "não existe",
    "nao existe",
    "utente sconosciuto",
    "destinatario sconosciuto",
    "non esiste",
    "casella inesistente",
    "indirizzo inesistente",
    "casella piena",
    // French.
    "utilisateur inconnu",
    "destinataire inconnu",
    "adresse inconnue",
    "n'existe pas",
    "boîte pleine",
    "boite pleine",
    // German, Dutch, Polish.
    "empfänger unbekannt",
    "empfaenger unbekannt",
    "benutzer unbekannt",
    "unbekannter empfänger",
    "unbekannter empfaenger",
    "unbekannter benutzer",
    "existiert nicht",
    "postfach voll",
    "onbekende gebruiker",
    "gebruiker onbekend",
    "bestaat niet",
    "użytkownik nieznany",
    "nieznany użytkownik",
    "nie istnieje",
    "nie ma takiego konta",
    // Russian.
    "пользователь не найден",
    "пользователь неизвестен",
    "неизвестный пользователь",
    "не существует",
    "ящик переполнен",
    // Japanese, Korean.
    "存在しません",
    "存在しない",
    "宛先不明",
    "ユーザー不明",
    "존재하지 않",
    "사용자를 찾을 수 없",
    // Chinese.
    "不存在",
    "无此用户",
    "無此用戶",
    "查無此人",
    "没有该用户",
    "没有此用户",
    "未开通",
    "邮箱已满",
    "空间不足",
    "已停用",
    "被禁用",
];

/// Words about the size of this mail.
const SIZE: &[&str] = &[
    "message too large",
    "message too long",
    "message is too long",
    "message is too large",
    "message size",
    "mailsize",
    "length of data content",
    "exceeds size limit",
    "exceeds fixed limit",
    "exceeds fixed maximum",
    "message file too big",
    "message too big",
];

/// Words about the content of this mail.
const MAIL: &[&str] = &["content rejected", "content denied", "content reject", "virus", "infected", "malware", "病毒"];

/// Enhanced codes (RFC 3463, RFC 7505, IANA's registry) about the recipient: bad mailbox, bad domain, bad syntax,
/// moved, no mail at all, disabled, full.
const RECIPIENT_CODES: [(u16, u16); 7] = [(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1), (2, 2)];
/// Enhanced codes about the size: too long for the mailbox, too big for the system. All of x.6 is about content.
const SIZE_CODES: [(u16, u16); 2] = [(2, 3), (3, 4)];

/// The subject of a refusal with this text.
pub(super) fn about(text: &str) -> About {
    // Addresses and links may contain any word.
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| !word.contains('@') && !word.contains("://")).collect();
    let said = words.join(" ").to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    let enhanced = words.iter().find_map(|word| enhanced(word));
    let has = |codes: &[(u16, u16)]| enhanced.is_some_and(|detail| codes.contains(&detail));
    if says(OURS) {
        About::Us
    } else if says(RECIPIENT) || has(&RECIPIENT_CODES) {
        About::Recipient
    } else if says(SIZE) || has(&SIZE_CODES) {
        About::Size
    } else if says(MAIL) || enhanced.is_some_and(|(subject, _)| subject == 6) {
        About::Mail
    } else {
        About::Us
    }
}

/// Subject and detail of `5.1.1`, `#5.1.1` or `(#5.1.1)`.
fn enhanced(word: &str) -> Option<(u16, u16)> {
    let mut digits = word.trim_matches(|c: char| !c.is_ascii_digit()).split('.');
    let (class, subject, detail) = (digits.next()?, digits.next()?, digits.next()?);
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() <= 3);
    (class == "5" && digits.next().is_none()).then_some((number(subject)?, number(detail)?))
}
