//! Whether the parts that the service stands on can be used.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use trial_core::ports::{Dependency, Health, Mailer, TrialLedger};

use crate::EngineParts;
use crate::admission::Admission;
use crate::delivery::PlatformState;
use crate::dispatch::Gateways;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a mail server's answer is remembered, so that being asked often does not trouble it.
const MAIL_MEMORY: Duration = Duration::from_secs(15);

pub(crate) struct EngineHealth {
    ledger: Arc<dyn TrialLedger>,
    mailer: Arc<dyn Mailer>,
    admission: Admission,
    gateways: Arc<Gateways>,
    platform: Option<Arc<PlatformState>>,
    mail: Mutex<Option<(Instant, Option<String>)>>,
}

impl EngineHealth {
    pub(crate) fn new(
        parts: &EngineParts,
        admission: Admission,
        gateways: Arc<Gateways>,
        platform: Option<Arc<PlatformState>>,
    ) -> Self {
        let (ledger, mailer) = (Arc::clone(&parts.ledger), Arc::clone(&parts.mailer));
        Self { ledger, mailer, admission, gateways, platform, mail: Mutex::new(None) }
    }

    async fn storage(&self) -> Option<String> {
        if self.admission.is_closed() {
            return Some("nothing is decided any more".to_owned());
        }
        match timeout(PATIENCE, self.ledger.check()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        }
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
            // Codes that were sent can be used, and each gateway may be back for the next one.
            Dependency { name: "sms", problem: self.gateways.problem(), is_vital: false },
            // Mails wait in the outbox: nobody has to be turned away.
            Dependency { name: "mail", problem: mail, is_vital: false },
        ];
        // Events wait as mails do.
        let platform = self.platform.as_ref().map(|platform| platform.problem());
        dependencies.extend(platform.map(|problem| Dependency { name: "platform", problem, is_vital: false }));
        dependencies
    }
}
