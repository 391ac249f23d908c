//! The composition: the only module that names concrete adapters.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use trial_core::planner::Planner;
use trial_core::ports::{Clock, Entropy, Mailer, ReplayGuard};
use trial_core::values::{Keyring, Phone, PhonePolicy};
use trial_engine::{
    AltchaBotChallenge, Engine, EngineParts, Following, Orders, PlatformParts, RetentionOptions, Signatures, Supervised,
};
use trial_http::{
    CallerParts, HttpParts, HttpServer, OpsParts, PageGuard, PortalParts, ReceiptReader, SmsCallback, install_metrics,
};
use trial_mail::SandboxMailer;
use trial_sandbox::Inbox;
use trial_sms::{huawei_receipts, twilio_receipts};
use trial_tls::{Renewal, server_config};

use crate::ambient::{OsEntropy, SystemClock};
use crate::captured;
use crate::certificate::Verdict;
use crate::config::{CallbackSecrets, Callers, Config};
use crate::ledger::Ledger;
use crate::logging;
use crate::prepare::{Prepared, PreparedGuard, PreparedMailer};
use crate::shutdown::Signals;

/// Interval at which the certificate's files are checked for changes.
const RENEWAL_EVERY: Duration = Duration::from_mins(1);

/// Open files besides client connections: database, outgoing connections, log.
const OTHER_FILES: u64 = 512;

/// A running service.
pub(crate) struct Service {
    engine: Engine,
    following: Following,
    http: HttpServer,
    ledger: Ledger,
    /// Used by the HTTP server, if at all. The task that records signatures ends with the last one that has it.
    replays: Arc<dyn ReplayGuard>,
    /// Asks for a reload of the certificate, if there is one.
    certificate: Option<Arc<Notify>>,
    tasks: Supervised,
}

/// The runtime of the process, with one worker thread per core.
///
/// # Errors
/// The operating system refused a thread.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start the threads of the process")
}

/// Binds the port first, so that a conflict is reported at once; `setting` names what to change.
///
/// # Errors
/// The address cannot be bound; the message says what to do.
fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("another program uses this port; stop it, or name another port in {setting}")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine has no such address; name another in {setting}")
            }
            io::ErrorKind::PermissionDenied => format!("permission denied; name a port of 1024 or above in {setting}"),
            _ => error.to_string(),
        };
        anyhow!("cannot listen on {address}: {reason}")
    })
}

/// The public listener, and a separate one for administrators if configured.
pub(crate) struct Listeners {
    public: TcpListener,
    admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds the configured ports; `setting` names what to change if the public one is taken.
    ///
    /// # Errors
    /// An address cannot be bound; the message says what to do.
    pub(crate) fn bind(config: &Config, setting: &str) -> anyhow::Result<Self> {
        let http = &config.settings.http;
        let public = listen(http.listen, setting)?;
        let admin = http.admin_listen.map(|address| listen(address, "`http.admin_listen`")).transpose()?;
        Ok(Self { public, admin })
    }

    /// The public address.
    ///
    /// # Errors
    /// The operating system does not report it.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// The administrators' address, if it is a separate one.
    ///
    /// # Errors
    /// The operating system does not report it.
    pub(crate) fn admin_address(&self) -> io::Result<Option<SocketAddr>> {
        self.admin.as_ref().map(TcpListener::local_addr).transpose()
    }
}

/// Authentication of API clients, if requests have to be signed.
fn caller_parts(
    who: Callers,
    ledger: &Ledger,
    replays: &Arc<dyn ReplayGuard>,
    keyring: &Arc<Keyring>,
) -> Option<CallerParts> {
    (who == Callers::Signed).then(|| CallerParts {
        callers: ledger.callers(),
        replays: Arc::clone(replays),
        keyring: Arc::clone(keyring),
    })
}

/// The bot challenge of the application page.
fn page_guard(
    prepared: PreparedGuard,
    replays: Arc<dyn ReplayGuard>,
    keyring: &Arc<Keyring>,
    clock: Arc<dyn Clock>,
) -> PageGuard {
    match prepared {
        PreparedGuard::Altcha(cost) => {
            let entropy = Arc::new(OsEntropy);
            let guard = AltchaBotChallenge { cost, keyring: Arc::clone(keyring), replays, clock, entropy };
            PageGuard { guard: Arc::new(guard), widget: None }
        }
        PreparedGuard::Siteverify { guard, widget } => PageGuard { guard: Arc::new(guard), widget: Some(*widget) },
    }
}

/// The SMS providers that send delivery receipts.
fn sms_callbacks(secrets: CallbackSecrets) -> Vec<SmsCallback> {
    let readers: [(_, _, ReceiptReader); 2] =
        [("huawei", secrets.huawei, huawei_receipts), ("twilio", secrets.twilio, twilio_receipts)];
    let callbacks = readers
        .into_iter()
        .filter_map(|(gateway, secret, read)| secret.map(|secret| SmsCallback { gateway, secret, read }));
    callbacks.collect()
}

/// Loads the phone numbering plans, which takes a while, before the first request needs them.
fn warm_up(phones: PhonePolicy) {
    std::thread::spawn(move || Phone::parse("+8616673280001", &phones));
}

/// Starts the task that renews the certificate; returns the means to ask for a reload.
fn renew(renewal: Renewal, tasks: &mut Supervised) -> Arc<Notify> {
    if let Verdict::EndsSoon(text) | Verdict::Invalid(text) = Verdict::of(&renewal.presented(), SystemClock.now()) {
        tracing::warn!("{text}");
    }
    let asked = Arc::new(Notify::new());
    tasks.add("renewing the certificate", tokio::spawn(renewal.run(RENEWAL_EVERY, Arc::clone(&asked))));
    asked
}

/// Raises the soft limit of open files to the hard limit: each connection is a file, and the usual 1,024 is meant for
/// programs that use `select`. `doctor` compares the limit with the configuration.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// Number of files that this process needs for its connections but may not open.
pub(crate) fn missing_files(config: &Config) -> Option<u64> {
    let needed = config.settings.http.limits.connections as u64 + OTHER_FILES;
    getrlimit(Resource::Nofile).maximum.and_then(|maximum| needed.checked_sub(maximum)).filter(|missing| *missing > 0)
}

impl Service {
    /// Builds the service and starts to serve on the listeners, on the current runtime.
    ///
    /// # Errors
    /// A part cannot be used; the message says what to do.
    pub(crate) fn start(
        config: &Config,
        prepared: Prepared,
        listeners: Listeners,
        ledger: Ledger,
        inbox: Option<Arc<Inbox>>,
    ) -> anyhow::Result<Self> {
        warm_up(config.phones().clone());
        let clock = ledger.clock();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let mut tasks = Supervised::default();
        let routes = prepared.routes.into_iter();
        let gateways = routes.map(|route| route.start(config, inbox.as_ref(), Some(&ledger), &mut tasks));
        let gateways = gateways.collect::<anyhow::Result<_>>()?;
        let mailer: Arc<dyn Mailer> = match (prepared.mailer, &inbox) {
            (PreparedMailer::Smtp(mailer), _) => Arc::new(*mailer),
            (PreparedMailer::Sandbox { templates, message_id_domain }, Some(inbox)) => {
                Arc::new(SandboxMailer::new(Arc::clone(inbox), templates, message_id_domain, Arc::clone(&clock)))
            }
            (PreparedMailer::Sandbox { .. }, None) => {
                bail!("`mail.transport` is \"sandbox\" without `sandbox.enabled`")
            }
        };
        let metrics = install_metrics();
        let platform = prepared.platform.map(|(platform, endpoint)| PlatformParts {
            events: ledger.event_outbox(),
            queue: ledger.event_operations(),
            platform: Arc::new(platform),
            endpoint,
        });
        let keyring = Arc::new(prepared.keyring);
        let (signatures, recording) = Signatures::start(ledger.callers(), Arc::clone(&clock));
        tasks.add("recording signatures", recording);
        let replays: Arc<dyn ReplayGuard> = Arc::new(signatures);
        let callers = caller_parts(config.settings.http.callers, &ledger, &replays, &keyring);
        let guard = prepared.guard.map(|guard| page_guard(guard, Arc::clone(&replays), &keyring, Arc::clone(&clock)));
        let portal =
            config.portal().map(|site| PortalParts { accounts: ledger.portal(), keyring: Arc::clone(&keyring), site });
        let parts = EngineParts {
            ledger: ledger.decisions(),
            screen: ledger.screen(),
            upkeep: ledger.upkeep(),
            operations: ledger.operations(),
            prefixes: ledger.prefixes(),
            warning_readers: config.warning_readers.clone(),
            outbox: ledger.outbox(),
            gateways,
            mailer,
            clock: Arc::clone(&clock),
            time: ledger.time(),
            entropy: Arc::clone(&entropy),
            platform,
            planner: Arc::new(Planner::new(Arc::new(config.policy.clone()), Arc::clone(&keyring))),
            privacy: Some((
                captured::privacy(config, &ledger),
                RetentionOptions { retention: config.retention(), ..RetentionOptions::default() },
            )),
        };
        let orders = Orders {
            ledger: ledger.decisions(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            planner: Arc::clone(&parts.planner),
        };
        let in_force = Arc::clone(parts.planner.in_force());
        let engine = Engine::start(parts, config.engine());
        let following = Following::start(ledger.settings(), Arc::clone(&in_force));
        let parts = HttpParts {
            service: engine.service(),
            health: engine.health(),
            clock,
            entropy,
            receipts: ledger.receipts(),
            callbacks: sms_callbacks(prepared.callbacks),
            callers,
            portal,
            guard,
            ops: OpsParts {
                operations: ledger.operations(),
                prefixes: ledger.prefixes(),
                orders: Arc::new(orders),
                operators: ledger.operators(),
                callers: ledger.callers(),
                keyring,
                audit: ledger.audit(),
                upkeep: ledger.upkeep(),
                policy: Arc::clone(&in_force),
                settings: ledger.settings(),
            },
            inbox,
            metrics,
        };
        let tls = prepared.identity.as_ref().map(|renewal| server_config(renewal.presented()).map(Arc::new));
        let tls = tls.transpose().context("TLS cannot be used")?;
        let Listeners { public, admin } = listeners;
        let http = HttpServer::bind(public, admin, parts, config.http(), tls);
        let http = http.context("cannot start the HTTP server")?;
        let certificate = prepared.identity.map(|renewal| renew(renewal, &mut tasks));
        tasks.add("counting dropped log lines", tokio::spawn(logging::count_dropped()));
        if let Some(watching) = ledger.watching() {
            tasks.add("watching the database servers", watching);
        }
        Ok(Self { engine, following, http, ledger, replays, certificate, tasks })
    }

    /// Serves until a signal arrives, then finishes accepted requests.
    ///
    /// # Errors
    /// The server ended by itself, or a second signal stopped it before it finished.
    pub(crate) async fn run(self, mut signals: Signals) -> anyhow::Result<()> {
        let Self { mut engine, mut following, http, ledger, replays, certificate, mut tasks } = self;
        let reload = || {
            if let Some(certificate) = &certificate {
                certificate.notify_one();
            } else {
                tracing::info!("nothing to reload: no certificate is configured");
            }
        };
        let handle = http.handle();
        let mut serving = std::pin::pin!(http.run());
        let died = tokio::select! {
            ended = &mut serving => {
                ended.context("the HTTP server failed")?;
                bail!("the HTTP server ended by itself");
            }
            signal = signals.stop(reload) => {
                tracing::info!(signal, "stopping; accepted requests are finished first");
                None
            }
            died = engine.ended() => Some(died),
            died = following.ended() => Some(died),
            died = tasks.ended() => Some(died),
        };
        if let Some(died) = &died {
            let source = died.source().map(ToString::to_string);
            tracing::error!(source, "{died}; the process ends so that its supervisor restarts it");
        }
        let finish = async {
            let (ended, ()) = tokio::join!(serving, handle.stop(true));
            engine.stop().await.context("some accepted requests could not be finished")?;
            following.stop().await.context("changes by other instances were not followed to the end")?;
            drop(replays);
            ledger.close().await;
            tasks.stop();
            ended.context("the HTTP server failed")
        };
        tokio::select! {
            ended = finish => ended?,
            _ = signals.stop(|| ()) => bail!("stopped at once by a second signal; acknowledged work is kept"),
        }
        tracing::info!("stopped");
        died.map_or(Ok(()), |died| Err(died.into()))
    }
}
