//! Settings of SMS gateways as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trial_sms::{Accept, DEFAULT_BRAND, TwilioSettings};

use super::secret::{Secret, ServiceUrl};

/// Gateways and wording of SMS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sms {
    /// The gateways in order of [fail-over](sms.md#from-the-decision-to-the-phone).
    #[schemars(extend("x-type" = "list of `\"huawei\"`, `\"twilio\"`, `\"smpp\"`, `\"http\"`, `\"sandbox\"`", "x-default" = "`[]`; needed to serve"))]
    pub(crate) gateways: Vec<String>,
    /// The name in the text, for gateways that accept one.
    pub(crate) brand: String,
    /// The website whose form the phone may fill in: adds a last line `@DOMAIN #CODE` to the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "domain"))]
    pub(crate) autofill_domain: Option<String>,
    /// Phones without messages, with a fixed code of 6 digits until the end of a day such as `"2026-12-31"` (in
    /// `quota.timezone`); each phone once, however it is spelled; see below.
    #[schemars(extend("x-type" = "table of phones, each with `code` and `expires`, both of them strings"))]
    pub(crate) test_numbers: BTreeMap<String, TestNumber>,
    pub(crate) huawei: Huawei,
    pub(crate) twilio: Twilio,
    pub(crate) smpp: Smpp,
    pub(crate) http: HttpProvider,
}

/// A phone with a fixed code that gets no messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestNumber {
    /// The code, 6 digits.
    pub(crate) code: Secret,
    /// Last day of validity, such as `2026-12-31`.
    pub(crate) expires: String,
}

/// The cloud's Message & SMS service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Huawei {
    /// Up to the host: `https://smsapi.cn-north-4.myhuaweicloud.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL", "x-default" = "none; needed"))]
    pub(crate) endpoint: Option<ServiceUrl>,
    /// The application's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed"))]
    pub(crate) app_key: Option<String>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed, here or in a file"))]
    pub(crate) app_secret: Option<Secret>,
    /// A file that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret_file: Option<PathBuf>,
    /// Opens `/callbacks/sms/huawei/SECRET`, for [delivery receipts](sms.md#delivery-receipts); closed without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "32 to 128 letters, digits, `-` and `_`"))]
    pub(crate) callback_secret: Option<Secret>,
    /// A file that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret_file: Option<PathBuf>,
    /// Authentication of requests: signed by `SDK-HMAC-SHA256`, or by `X-WSSE`.
    pub(crate) auth: HuaweiAuth,
    /// The channel number, or the sender's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed"))]
    pub(crate) sender: Option<String>,
    /// The template of messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed"))]
    pub(crate) template_id: Option<String>,
    /// The template of messages in English, if different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template_id_en: Option<String>,
    /// Values of the template's places in order: `{{code}}` (in at least one), `{{minutes}}` (validity of the code); no
    /// others.
    #[schemars(extend("x-type" = "list of texts"))]
    pub(crate) template_params: Vec<String>,
    /// The signature's name, for templates without one of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    /// Address for receipts: of that path, or of a program of yours; never printed, as it may hold the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL"))]
    pub(crate) status_callback: Option<Secret>,
    /// Calling codes of the countries that it serves, such as 86 for China; all if it is empty.
    #[schemars(extend("x-type" = "list of calling codes"))]
    pub(crate) country_codes: Vec<u16>,
}

/// Authentication at the cloud's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HuaweiAuth {
    Aksk,
    Wsse,
}

/// Twilio's Programmable Messaging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Twilio {
    /// Up to the host.
    #[schemars(extend("x-type" = "URL"))]
    pub(crate) base_url: ServiceUrl,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed"))]
    pub(crate) account_sid: Option<String>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed, here or in a file"))]
    pub(crate) auth_token: Option<Secret>,
    /// A file that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_token_file: Option<PathBuf>,
    /// Opens `/callbacks/sms/twilio/SECRET`, for [delivery receipts](sms.md#delivery-receipts); closed without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "32 to 128 letters, digits, `-` and `_`"))]
    pub(crate) callback_secret: Option<Secret>,
    /// A file that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret_file: Option<PathBuf>,
    /// The sender: a number (`+15005550006`), a short code, or a name of at most 11 characters with a letter in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed, or the next"))]
    pub(crate) from: Option<String>,
    /// A service that chooses the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messaging_service_sid: Option<String>,
    /// Address for receipts: of that path, or of a program of yours; never printed, as it may hold the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "URL"))]
    pub(crate) status_callback: Option<Secret>,
    /// Calling codes of the countries that it serves, such as 86 for China; all if it is empty.
    #[schemars(extend("x-type" = "list of calling codes"))]
    pub(crate) country_codes: Vec<u16>,
}

/// A message centre that speaks SMPP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smpp {
    /// The host: a name or an address, without scheme and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none; needed"))]
    pub(crate) host: Option<String>,
    /// The port.
    #[schemars(range(min = 1))]
    pub(crate) port: u16,
    /// Turns TLS on.
    pub(crate) tls: bool,
    /// The name for the bind, as transceiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "text, at most 15 characters", "x-default" = "none; needed"))]
    pub(crate) system_id: Option<String>,
    /// Its password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "text, at most 8 characters", "x-default" = "none; needed, here or in a file"))]
    pub(crate) password: Option<Secret>,
    /// A file that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    /// The kind of client, if the message centre asks for it.
    #[schemars(extend("x-type" = "text, at most 12 characters"))]
    pub(crate) system_type: String,
    /// The sender: `+` and digits an international number, digits a short one, anything else a name.
    #[schemars(extend("x-type" = "text, at most 20 characters"))]
    pub(crate) source_addr: String,
    /// The message centre's alphabet for `data_coding` 0; ask its operator ([SMPP](sms.md#smpp)).
    pub(crate) alphabet: Alphabet,
    /// Unanswered messages at the same time.
    #[schemars(range(min = 1))]
    pub(crate) window: u16,
    /// Calling codes of the countries that it serves, such as 86 for China; all if it is empty.
    #[schemars(extend("x-type" = "list of calling codes"))]
    pub(crate) country_codes: Vec<u16>,
}

/// The alphabet of `data_coding` 0 at a message centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Alphabet {
    Gsm,
    Latin1,
    Ascii,
    Ucs2,
}

/// A provider with a one-request HTTP interface. Address, headers and body may hold a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpProvider {
    /// The address; values are percent-encoded in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "template", "x-default" = "none; needed, here or in a file"))]
    pub(crate) url: Option<Secret>,
    /// A file that holds the address, for one with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
    /// The method.
    pub(crate) method: String,
    /// Names and values.
    #[schemars(extend("x-type" = "table of names and their values (templates), all of them strings"))]
    pub(crate) headers: BTreeMap<String, Secret>,
    /// The body; values are escaped by `Content-Type`: JSON, form, XML, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "template"))]
    pub(crate) body: Option<Secret>,
    pub(crate) accept: Acceptance,
    /// Calling codes of the countries that it serves, such as 86 for China; all if it is empty.
    #[schemars(extend("x-type" = "list of calling codes"))]
    pub(crate) country_codes: Vec<u16>,
}

/// Conditions under which the provider accepted a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// Statuses that mean acceptance.
    #[schemars(extend("x-type" = "status, or list of them"))]
    pub(crate) status: OneOrMany,
    /// A place in the JSON of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "JSON pointer"))]
    pub(crate) pointer: Option<String>,
    /// The value at `sms.http.accept.pointer` that means acceptance; another is a refusal. Numbers are compared as
    /// numbers, also in quotes: `0` is `0.0`, `0e0` and `"0"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "text, number, `true`, `false`"))]
    pub(crate) value: Option<Scalar>,
    /// The place of the provider's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-type" = "JSON pointer"))]
    pub(crate) id: Option<String>,
}

/// One status, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a status such as 200, or a list of them")]
pub(crate) enum OneOrMany {
    One(u16),
    Many(Vec<u16>),
}

/// A JSON value, as TOML writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, a whole number, true or false")]
pub(crate) enum Scalar {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

impl OneOrMany {
    pub(crate) fn to_vec(&self) -> Vec<u16> {
        match self {
            Self::One(status) => vec![*status],
            Self::Many(statuses) => statuses.clone(),
        }
    }
}

impl Default for Sms {
    fn default() -> Self {
        Self {
            gateways: Vec::new(),
            brand: DEFAULT_BRAND.to_owned(),
            autofill_domain: None,
            test_numbers: BTreeMap::new(),
            huawei: Huawei::default(),
            twilio: Twilio::default(),
            smpp: Smpp::default(),
            http: HttpProvider::default(),
        }
    }
}

impl Default for Huawei {
    fn default() -> Self {
        Self {
            endpoint: None,
            app_key: None,
            app_secret: None,
            app_secret_file: None,
            callback_secret: None,
            callback_secret_file: None,
            auth: HuaweiAuth::Aksk,
            sender: None,
            template_id: None,
            template_id_en: None,
            template_params: vec!["{{code}}".to_owned()],
            signature: None,
            status_callback: None,
            country_codes: Vec::new(),
        }
    }
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            base_url: ServiceUrl::new(TwilioSettings::BASE_URL),
            account_sid: None,
            auth_token: None,
            auth_token_file: None,
            callback_secret: None,
            callback_secret_file: None,
            from: None,
            messaging_service_sid: None,
            status_callback: None,
            country_codes: Vec::new(),
        }
    }
}

impl Default for Smpp {
    fn default() -> Self {
        Self {
            host: None,
            port: 2775,
            tls: false,
            system_id: None,
            password: None,
            password_file: None,
            system_type: String::new(),
            source_addr: String::new(),
            alphabet: Alphabet::Gsm,
            window: 10,
            country_codes: Vec::new(),
        }
    }
}

impl Default for HttpProvider {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            method: "POST".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            accept: Acceptance::default(),
            country_codes: Vec::new(),
        }
    }
}

impl Default for Acceptance {
    fn default() -> Self {
        let accept = Accept::default();
        Self { status: OneOrMany::Many(accept.status), pointer: None, value: None, id: None }
    }
}
