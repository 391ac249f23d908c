//! Settings of SMS gateways as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use trial_sms::{Accept, DEFAULT_BRAND, TwilioSettings};

use super::secret::{Secret, ServiceUrl};

/// Gateways and wording of SMS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sms {
    pub(crate) gateways: Vec<String>,
    pub(crate) brand: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) autofill_domain: Option<String>,
    pub(crate) test_numbers: BTreeMap<String, TestNumber>,
    pub(crate) huawei: Huawei,
    pub(crate) twilio: Twilio,
    pub(crate) smpp: Smpp,
    pub(crate) http: HttpProvider,
}

/// A phone with a fixed code that gets no messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestNumber {
    pub(crate) code: Secret,
    /// Last day of validity, such as `2026-12-31`.
    pub(crate) expires: String,
}

/// The cloud's Message & SMS service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Huawei {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<ServiceUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret_file: Option<PathBuf>,
    pub(crate) auth: HuaweiAuth,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template_id_en: Option<String>,
    pub(crate) template_params: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// May hold the secret of our own callback.
    pub(crate) status_callback: Option<Secret>,
    pub(crate) country_codes: Vec<u16>,
}

/// Authentication at the cloud's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HuaweiAuth {
    Aksk,
    Wsse,
}

/// Twilio's Programmable Messaging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Twilio {
    pub(crate) base_url: ServiceUrl,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account_sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_token: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth_token_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_secret_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messaging_service_sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// May hold the secret of our own callback.
    pub(crate) status_callback: Option<Secret>,
    pub(crate) country_codes: Vec<u16>,
}

/// A message centre that speaks SMPP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smpp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) system_type: String,
    pub(crate) source_addr: String,
    pub(crate) alphabet: Alphabet,
    pub(crate) window: u16,
    pub(crate) country_codes: Vec<u16>,
}

/// The alphabet of `data_coding` 0 at a message centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Alphabet {
    Gsm,
    Latin1,
    Ascii,
    Ucs2,
}

/// A provider with a one-request HTTP interface. Address, headers and body may hold a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpProvider {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url_file: Option<PathBuf>,
    pub(crate) method: String,
    pub(crate) headers: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Secret>,
    pub(crate) accept: Acceptance,
    pub(crate) country_codes: Vec<u16>,
}

/// Conditions under which the provider accepted a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Acceptance {
    pub(crate) status: OneOrMany,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// One status, or a list of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a status such as 200, or a list of them")]
pub(crate) enum OneOrMany {
    One(u16),
    Many(Vec<u16>),
}

/// A JSON value, as TOML writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
