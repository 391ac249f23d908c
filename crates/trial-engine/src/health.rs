//! The health of the dependencies of the service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use trial_core::ports::{Dependency, Health, Mailer, TrialLedger};

use crate::EngineParts;
use crate::clock_watch::ClockWatch;
use crate::commit::decision_health::{Course, Decisions};
use crate::commit::request_queue::Admission;
use crate::outbox::delivery::PlatformState;
use crate::shared_clock::ClockSkew;
use crate::sms::dispatch::Gateways;

/// The longest wait for the mail server's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest wait for the ledger's answer: longer than that for a lock, so that the cause is known.
const LEDGER_PATIENCE: Duration = Duration::from_secs(3);
/// The time for which a mail server's answer is reused, so that frequent probes do not burden it.
const MAIL_MEMORY: Duration = Duration::from_secs(15);

pub(crate) struct EngineHealth {
    ledger: Arc<dyn TrialLedger>,
    mailer: Arc<dyn Mailer>,
    admission: Admission,
    gateways: Arc<Gateways>,
    platform: Option<Arc<PlatformState>>,
    mail: Mutex<Option<(Instant, Option<String>)>>,
    judged: Judged,
    probing: Mutex<()>,
}

/// The engine's own measurements that readiness is judged by.
pub(crate) struct Judged {
    pub(crate) decisions: Arc<Decisions>,
    /// The bound after which a waiting request was told to retry.
    pub(crate) wait: Duration,
    pub(crate) clock_watch: Arc<ClockWatch>,
    pub(crate) clock_skew: Option<ClockSkew>,
}

impl EngineHealth {
    pub(crate) fn new(
        parts: &EngineParts,
        admission: Admission,
        judged: Judged,
        gateways: Arc<Gateways>,
        platform: Option<Arc<PlatformState>>,
    ) -> Self {
        let (ledger, mailer) = (Arc::clone(&parts.ledger), Arc::clone(&parts.mailer));
        let (mail, probing) = (Mutex::new(None), Mutex::new(()));
        Self { ledger, mailer, admission, gateways, platform, mail, judged, probing }
    }

    /// The result of the last decisions; without any lately, of a probe.
    async fn storage(&self) -> Option<String> {
        if self.admission.is_closed() {
            return Some("nothing is decided any more".to_owned());
        }
        let _one_at_a_time = match self.judged.decisions.course(self.judged.wait) {
            Course::Known(problem) => return problem,
            Course::Idle => self.probing.lock().await,
        };
        if let Course::Known(problem) = self.judged.decisions.course(self.judged.wait) {
            return problem;
        }
        let problem = match timeout(LEDGER_PATIENCE, self.ledger.check()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.with_causes()),
            Err(_) => Some(format!("no answer within {} s", LEDGER_PATIENCE.as_secs())),
        };
        self.judged.decisions.probed(problem.clone());
        problem
    }

    /// Informative only: decisions go on.
    fn clock(&self) -> Option<String> {
        let gap = self.judged.clock_watch.gap().map(|gap| gap.to_string());
        gap.or_else(|| self.judged.clock_skew.as_ref().and_then(ClockSkew::problem))
    }

    async fn mail(&self) -> Option<String> {
        let mut known = self.mail.lock().await;
        if let Some((asked, problem)) = &*known
            && asked.elapsed() < MAIL_MEMORY
        {
            return problem.clone();
        }
        let problem = match timeout(PATIENCE, self.mailer.check()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        *known = Some((Instant::now(), problem.clone()));
        problem
    }
}

#[async_trait]
impl Health for EngineHealth {
    async fn dependencies(&self) -> Vec<Dependency> {
        let (storage, mail) = tokio::join!(self.storage(), self.mail());
        let mut dependencies = vec![
            Dependency { name: "storage", problem: storage, is_vital: true },
            // Sent codes stay usable, and each gateway may be back for the next one.
            Dependency { name: "sms", problem: self.gateways.problem(), is_vital: false },
            // Mails wait in the outbox: no request is rejected.
            Dependency { name: "mail", problem: mail, is_vital: false },
        ];
        dependencies.push(Dependency { name: "clock", problem: self.clock(), is_vital: false });
        // Events wait as mails do.
        let platform = self.platform.as_ref().map(|platform| platform.problem());
        dependencies.extend(platform.map(|problem| Dependency { name: "platform", problem, is_vital: false }));
        dependencies
    }
}
