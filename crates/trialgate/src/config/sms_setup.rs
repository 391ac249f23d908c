//! Settings of the SMS gateways, with their secrets.

use std::path::Path;

use trial_core::privacy::check_url;
use trial_core::sms::ServedCountries;
use trial_signing::AccessKey;
use trial_sms::{
    Accept, HttpGatewaySettings, HuaweiAuth, HuaweiSettings, SmppAlphabet, SmppSettings, SmppTimeouts, TwilioSender,
    TwilioSettings, WebTimeouts, Wording,
};
use zeroize::Zeroizing;

use super::Config;
use super::error::Problem;
use super::secret::{Secret, ServiceUrl};
use super::serving::{CALLBACK_SECRET_EXPECTED, is_callback_secret};
use super::sms_settings;

/// A gateway and the countries whose phones it serves.
#[derive(Debug)]
pub(crate) struct GatewaySetup {
    /// Its settings.
    pub(crate) kind: GatewayKind,
    /// Countries whose phones it serves.
    pub(crate) countries: ServedCountries,
}

/// The kinds of gateway.
#[derive(Debug)]
pub(crate) enum GatewayKind {
    Sandbox,
    Huawei(HuaweiSettings),
    Twilio(TwilioSettings),
    Smpp(SmppSettings),
    Http(HttpGatewaySettings),
}

impl GatewayKind {
    /// Valid names in `sms.gateways`.
    pub(super) const NAMES: [&str; 5] = ["sandbox", "huawei", "twilio", "smpp", "http"];
}

/// Secrets of the providers that send delivery receipts; never shown by `Debug`.
#[derive(Default)]
pub(crate) struct CallbackSecrets {
    pub(crate) huawei: Option<Zeroizing<String>>,
    pub(crate) twilio: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for CallbackSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackSecrets").finish_non_exhaustive()
    }
}

/// Records missing keys and supplies placeholders, so that all problems are found.
struct Needs<'a> {
    config: &'a Config,
    problems: &'a mut Vec<Problem>,
}

impl Config {
    /// The gateways in their order; missing keys are recorded.
    pub(super) fn gateway_setups(&self, problems: &mut Vec<Problem>) -> Vec<GatewaySetup> {
        let sms = &self.settings.sms;
        let mut needs = Needs { config: self, problems };
        let setup = |name: &String| {
            let (kind, codes) = match name.as_str() {
                "huawei" => (GatewayKind::Huawei(needs.huawei(&sms.huawei)), &sms.huawei.country_codes[..]),
                "twilio" => (GatewayKind::Twilio(needs.twilio(&sms.twilio)), &sms.twilio.country_codes[..]),
                "smpp" => (GatewayKind::Smpp(needs.smpp(&sms.smpp)), &sms.smpp.country_codes[..]),
                "http" => (GatewayKind::Http(needs.http(&sms.http)), &sms.http.country_codes[..]),
                _ => (GatewayKind::Sandbox, &[][..]),
            };
            GatewaySetup { kind, countries: ServedCountries(codes.to_vec()) }
        };
        sms.gateways.iter().map(setup).collect()
    }

    /// Secrets of callbacks. Receipts arrive for days, also for a gateway that is no longer configured.
    pub(super) fn callback_secrets(&self, problems: &mut Vec<Problem>) -> CallbackSecrets {
        let mut read = |key: &str, given: Option<&Secret>, file: Option<&Path>| match (given, file) {
            (Some(secret), _) => Some(secret.copied()),
            (None, Some(file)) => match self.read_secret(file) {
                Ok(secret) if is_callback_secret(&secret) => Some(secret),
                Ok(_) => {
                    problems.push(Problem::missing(format!("`{key}_file`: the secret {CALLBACK_SECRET_EXPECTED}")));
                    None
                }
                Err(error) => {
                    problems.push(Problem::missing(format!("`{key}_file`: {error}")));
                    None
                }
            },
            (None, None) => None,
        };
        let (huawei, twilio) = (&self.settings.sms.huawei, &self.settings.sms.twilio);
        CallbackSecrets {
            huawei: read(
                "sms.huawei.callback_secret",
                huawei.callback_secret.as_ref(),
                huawei.callback_secret_file.as_deref(),
            ),
            twilio: read(
                "sms.twilio.callback_secret",
                twilio.callback_secret.as_ref(),
                twilio.callback_secret_file.as_deref(),
            ),
        }
    }

    /// Wording of messages.
    fn sms_wording(&self) -> Wording {
        let sms = &self.settings.sms;
        Wording { brand: sms.brand.as_str().into(), autofill_domain: sms.autofill_domain.as_deref().map(Into::into) }
    }
}

impl Needs<'_> {
    fn missing(&mut self, key: &str) -> String {
        self.problems.push(Problem::missing(format!("`{key}` is missing")));
        String::new()
    }

    fn text(&mut self, key: &str, given: Option<&str>) -> String {
        given.filter(|text| !text.is_empty()).map_or_else(|| self.missing(key), str::to_owned)
    }

    fn secret(&mut self, key: &str, given: Option<&Secret>, file: Option<&Path>) -> Zeroizing<String> {
        match (given, file) {
            (Some(secret), _) => secret.copied(),
            (None, Some(file)) => self.config.read_secret(file).unwrap_or_else(|error| {
                self.problems.push(Problem::missing(format!("`{key}_file`: {error}")));
                Zeroizing::default()
            }),
            (None, None) => self.missing(key).into(),
        }
    }

    fn huawei(&mut self, given: &sms_settings::Huawei) -> HuaweiSettings {
        let secret = self.secret("sms.huawei.app_secret", given.app_secret.as_ref(), given.app_secret_file.as_deref());
        HuaweiSettings {
            endpoint: self.text("sms.huawei.endpoint", given.endpoint.as_ref().map(ServiceUrl::reveal)),
            key: AccessKey::new(self.text("sms.huawei.app_key", given.app_key.as_deref()), secret.as_str()),
            auth: match given.auth {
                sms_settings::HuaweiAuth::Aksk => HuaweiAuth::AkSk,
                sms_settings::HuaweiAuth::Wsse => HuaweiAuth::Wsse,
            },
            sender: self.text("sms.huawei.sender", given.sender.as_deref()),
            template_id: self.text("sms.huawei.template_id", given.template_id.as_deref()),
            template_id_en: given.template_id_en.clone(),
            template_params: given.template_params.clone(),
            signature: given.signature.clone(),
            status_callback: given.status_callback.as_ref().map(|url| url.reveal().to_owned()),
            timeouts: WebTimeouts::default(),
        }
    }

    fn twilio(&mut self, given: &sms_settings::Twilio) -> TwilioSettings {
        let sender = match (&given.from, &given.messaging_service_sid) {
            (Some(from), _) => TwilioSender::From(from.clone()),
            (None, Some(sid)) => TwilioSender::MessagingService(sid.clone()),
            (None, None) => TwilioSender::From(self.missing("sms.twilio.from")),
        };
        TwilioSettings {
            base_url: given.base_url.reveal().to_owned(),
            account_sid: self.text("sms.twilio.account_sid", given.account_sid.as_deref()),
            auth_token: self.secret(
                "sms.twilio.auth_token",
                given.auth_token.as_ref(),
                given.auth_token_file.as_deref(),
            ),
            sender,
            status_callback: given.status_callback.as_ref().map(|url| url.reveal().to_owned()),
            wording: self.config.sms_wording(),
            timeouts: WebTimeouts::default(),
        }
    }

    fn smpp(&mut self, given: &sms_settings::Smpp) -> SmppSettings {
        SmppSettings {
            host: self.text("sms.smpp.host", given.host.as_deref()),
            port: given.port,
            tls: given.tls,
            system_id: self.text("sms.smpp.system_id", given.system_id.as_deref()),
            password: self.secret("sms.smpp.password", given.password.as_ref(), given.password_file.as_deref()),
            system_type: given.system_type.clone(),
            source_addr: given.source_addr.clone(),
            alphabet: match given.alphabet {
                sms_settings::Alphabet::Gsm => SmppAlphabet::Gsm,
                sms_settings::Alphabet::Latin1 => SmppAlphabet::Latin1,
                sms_settings::Alphabet::Ascii => SmppAlphabet::Ascii,
                sms_settings::Alphabet::Ucs2 => SmppAlphabet::Ucs2,
            },
            window: given.window,
            wording: self.config.sms_wording(),
            timeouts: SmppTimeouts::default(),
        }
    }

    fn http(&mut self, given: &sms_settings::HttpProvider) -> HttpGatewaySettings {
        let accept = &given.accept;
        let url = self.secret("sms.http.url", given.url.as_ref(), given.url_file.as_deref());
        if let Err(error) = check_url(&url) {
            self.problems.push(Problem::missing(format!("`sms.http.url_file`: the URL {error}")));
        }
        HttpGatewaySettings {
            url,
            method: given.method.clone(),
            headers: given.headers.iter().map(|(name, value)| (name.clone(), value.copied())).collect(),
            body: given.body.as_ref().map(Secret::copied),
            accept: Accept {
                status: accept.status.to_vec(),
                pointer: accept.pointer.clone().zip(accept.value.as_ref().map(ToString::to_string)),
                id: accept.id.clone(),
            },
            wording: self.config.sms_wording(),
            timeouts: WebTimeouts::default(),
        }
    }
}
