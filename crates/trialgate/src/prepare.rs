//! Builds all parts of the service that need only files and texts, before any port, network or database is touched.
//! `serve` uses it and `config check` tries it, so that both report the same problems.

use std::sync::Arc;

use anyhow::Context;
use trial_core::bot_challenge::AltchaCost;
use trial_core::platform::EndpointId;
use trial_core::ports::{Clock, SmsGateway};
use trial_core::sms::ServedCountries;
use trial_core::values::Keyring;
use trial_engine::{SmsRoute, Supervised};
use trial_http::CaptchaWidget;
use trial_mail::{SmtpMailer, Templates};
use trial_outbound::captcha::Siteverify;
use trial_outbound::webhooks::WebhookPlatform;
use trial_sandbox::Inbox;
use trial_sms::{HttpGateway, HuaweiGateway, SandboxGateway, SmppGateway, SmppReceipts, SmppSettings, TwilioGateway};
use trial_tls::Renewal;

use crate::adapters;
use crate::ambient::{OsEntropy, SystemClock};
use crate::config::{
    CallbackSecrets, Config, ConfigError, GatewayKind, GatewaySetup, GuardSetup, MailSetup, Problem, Serving,
};
use crate::ledger::Ledger;

/// Parts of a service that depend on the configuration alone.
pub(crate) struct Prepared {
    pub(crate) keyring: Keyring,
    pub(crate) routes: Vec<PreparedRoute>,
    pub(crate) callbacks: CallbackSecrets,
    pub(crate) mailer: PreparedMailer,
    pub(crate) platform: Option<(WebhookPlatform, EndpointId)>,
    pub(crate) guard: Option<PreparedGuard>,
    pub(crate) identity: Option<Renewal>,
}

/// The transport of mails.
pub(crate) enum PreparedMailer {
    Smtp(Box<SmtpMailer>),
    /// Mails are captured.
    Sandbox {
        templates: Templates,
        message_id_domain: String,
    },
}

/// The bot challenge before a code is sent.
pub(crate) enum PreparedGuard {
    Altcha(AltchaCost),
    Siteverify { guard: Siteverify, widget: Box<CaptchaWidget> },
}

/// An SMS gateway that is not connected yet.
pub(crate) struct PreparedRoute {
    gateway: PreparedGateway,
    countries: ServedCountries,
}

enum PreparedGateway {
    Ready(Arc<dyn SmsGateway>),
    /// Connects when it is created.
    Smpp(Box<SmppSettings>),
    /// Needs the inbox, which one process at a time can open.
    Sandbox,
}

/// Builds every part and collects all problems.
///
/// # Errors
/// The parts that are missing or unusable, each with the key to set.
pub(crate) fn prepare(config: &Config) -> Result<Prepared, ConfigError> {
    let Serving { keyring, gateways, callbacks, mail, wording, platform, guard, identity } = config.serving()?;
    let mut problems = Vec::new();
    let mut note = |error: anyhow::Error| problems.push(Problem::missing(format!("{error:#}")));
    if let Err(error) = Ledger::check(&config.database) {
        note(error);
    }
    let routes: Vec<_> = gateways.iter().filter_map(|setup| route(setup).map_err(&mut note).ok()).collect();
    let mailer = match mail {
        MailSetup::Smtp(smtp) => {
            adapters::smtp_mailer(&smtp, wording).map(|mailer| PreparedMailer::Smtp(Box::new(mailer)))
        }
        MailSetup::Sandbox { message_id_domain } => {
            adapters::templates(wording).map(|templates| PreparedMailer::Sandbox { templates, message_id_domain })
        }
    };
    let mailer = mailer.map_err(&mut note).ok();
    let platform = platform.and_then(|setup| {
        adapters::webhook_platform(&setup, Arc::new(SystemClock))
            .map(|platform| (platform, setup.endpoint))
            .map_err(&mut note)
            .ok()
    });
    let guard = guard.and_then(|setup| match setup {
        GuardSetup::Altcha(cost) => Some(PreparedGuard::Altcha(cost)),
        GuardSetup::Siteverify { settings, widget } => adapters::siteverify(settings)
            .map(|guard| PreparedGuard::Siteverify { guard, widget })
            .map_err(&mut note)
            .ok(),
    });
    match mailer {
        Some(mailer) if problems.is_empty() => {
            Ok(Prepared { keyring, routes, callbacks, mailer, platform, guard, identity })
        }
        _ => Err(ConfigError(problems)),
    }
}

/// Builds a gateway without connecting it.
///
/// # Errors
/// Its settings cannot be used.
pub(crate) fn route(setup: &GatewaySetup) -> anyhow::Result<PreparedRoute> {
    let unusable = |table: &str| format!("`sms.{table}` cannot be used");
    let gateway = match &setup.kind {
        GatewayKind::Sandbox => PreparedGateway::Sandbox,
        GatewayKind::Huawei(settings) => {
            let gateway = HuaweiGateway::new(settings.clone(), Arc::new(SystemClock), Arc::new(OsEntropy));
            PreparedGateway::Ready(Arc::new(gateway.with_context(|| unusable("huawei"))?))
        }
        GatewayKind::Twilio(settings) => {
            PreparedGateway::Ready(Arc::new(TwilioGateway::new(settings.clone()).with_context(|| unusable("twilio"))?))
        }
        GatewayKind::Smpp(settings) => {
            SmppGateway::check_settings(settings).with_context(|| unusable("smpp"))?;
            PreparedGateway::Smpp(Box::new(settings.clone()))
        }
        GatewayKind::Http(settings) => {
            PreparedGateway::Ready(Arc::new(HttpGateway::new(settings.clone()).with_context(|| unusable("http"))?))
        }
    };
    Ok(PreparedRoute { gateway, countries: setup.countries.clone() })
}

impl PreparedRoute {
    /// Starts the gateway on the current runtime, and adds its task, if it has one, to `tasks`. Delivery receipts on its
    /// own connection go to the ledger, if given.
    ///
    /// # Errors
    /// Messages are to be captured and there is no inbox, or TLS cannot be used.
    pub(crate) fn start(
        self,
        config: &Config,
        inbox: Option<&Arc<Inbox>>,
        ledger: Option<&Ledger>,
        tasks: &mut Supervised,
    ) -> anyhow::Result<SmsRoute> {
        let clock = ledger.map_or_else(|| Arc::new(SystemClock) as Arc<dyn Clock>, Ledger::clock);
        let gateway: Arc<dyn SmsGateway> = match self.gateway {
            PreparedGateway::Ready(gateway) => gateway,
            PreparedGateway::Smpp(settings) => {
                let receipts = ledger.map(Ledger::receipts);
                let receipts = receipts.map(|receipts| SmppReceipts { receipts, clock });
                let mut gateway = SmppGateway::start(&settings, receipts).context("`sms.smpp` cannot be used")?;
                if let Some(task) = gateway.task() {
                    tasks.add("maintaining the SMPP connection", task);
                }
                Arc::new(gateway)
            }
            PreparedGateway::Sandbox => {
                let inbox = inbox.context("`sms.gateways` has \"sandbox\" without `sandbox.enabled`")?;
                let brand = &config.settings.sms.brand;
                Arc::new(SandboxGateway::new(Arc::clone(inbox), clock).with_brand(brand))
            }
        };
        Ok(SmsRoute { gateway, countries: self.countries })
    }
}
