use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service};
use serde_json::Value;
use tempfile::TempDir;
use trial_core::error::LedgerError;
use trial_core::planner::{Outcome, Request};
use trial_core::policy::{AddressLimits, Policy, PolicyInForce};
use trial_core::ports::{Clock as _, MockHealth, MockReceipts, MockTrialService, TenantCommands};
use trial_core::return_codes::{ApplyCode, ApplyReply, CodeReply, SendCode};
use trial_core::tenants::{TenantCommand, TenantOutcome};
use trial_core::values::MailHosts;
use trial_http::{
    CallerParts, ClientAddressHeader, ConnectionLimits, Envelope, HttpParts, HttpSettings, OpsParts, PageGuard,
    PortalParts, Site, SiteSettings, SmsCallback, install_metrics,
};
use trial_sandbox::Inbox;
use trial_testkit::{FixedClock, MemoryLedger, SeededEntropy, data};

pub(crate) use trial_http::{APPLY_PATH, SEND_CODE_PATH};

/// Body of a code request.
pub(crate) const CODE_REQUEST: &str = r#"{"phone":"16673280001"}"#;
/// Body of an application.
pub(crate) const APPLICATION: &str =
    r#"{"companyName":"Example Ltd.","phone":"16673280001","phoneVerifyCode":"123456","email":"a@example.com"}"#;

/// Parts of the interface under test.
pub(crate) struct Fixture {
    pub(crate) service: MockTrialService,
    pub(crate) health: MockHealth,
    pub(crate) receipts: MockReceipts,
    pub(crate) callbacks: Vec<SmsCallback>,
    pub(crate) callers: Option<CallerParts>,
    pub(crate) guard: Option<PageGuard>,
    pub(crate) ledger: MemoryLedger,
    pub(crate) clock: FixedClock,
    pub(crate) inbox: Option<Arc<Inbox>>,
    pub(crate) settings: HttpSettings,
    pub(crate) policy: Policy,
}

/// The default policy without limits per address.
fn unlimited() -> Policy {
    let mut policy = Policy::default();
    policy.limits.address = AddressLimits { codes_per_hour: 0, applications_per_hour: 0, failures_per_hour: 0 };
    policy
}

impl Default for Fixture {
    /// No call is expected, and there is no limit.
    fn default() -> Self {
        Self {
            service: MockTrialService::new(),
            health: MockHealth::new(),
            receipts: MockReceipts::new(),
            callbacks: Vec::new(),
            callers: None,
            guard: None,
            ledger: MemoryLedger::default(),
            clock: FixedClock::default(),
            inbox: None,
            policy: unlimited(),
            settings: HttpSettings {
                envelope: Envelope::default(),
                trusted_proxies: Vec::new(),
                exempt_addresses: Vec::new(),
                client_address_header: ClientAddressHeader::default(),
                secure_cookies: false,
                public_origin: None,
                body_timeout: Duration::from_secs(10),
                limits: ConnectionLimits::default(),
                hsts: None,
                phone: Policy::default().phone,
                mail_hosts: MailHosts::Internet,
                portal_url: Some("https://portal.example.com/".to_owned()),
                site: Some(SiteSettings::default()),
            },
        }
    }
}

impl Fixture {
    /// Every request is answered 200 or 000.
    pub(crate) fn agreeable() -> Self {
        let mut fixture = Self::default();
        fixture.service.expect_send_code().returning(|_| Ok(CodeReply { code: SendCode::Sent, retry_after: None }));
        fixture.service.expect_apply().returning(|_| Ok(ApplyReply { code: ApplyCode::Success, retry_after: None }));
        fixture
    }

    /// With an empty inbox, whose file lives as long as the directory.
    pub(crate) fn with_inbox() -> (Self, TempDir, Arc<Inbox>) {
        let directory = tempfile::tempdir().unwrap();
        let inbox = Arc::new(Inbox::open(&directory.path().join("inbox.jsonl")).unwrap());
        (Self { inbox: Some(Arc::clone(&inbox)), ..Self::default() }, directory, inbox)
    }

    pub(crate) fn parts(self) -> (HttpParts, HttpSettings) {
        let clock = self.clock.clone();
        let parts = HttpParts {
            service: Arc::new(self.service),
            health: Arc::new(self.health),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SeededEntropy::new(1)),
            receipts: Arc::new(self.receipts),
            callbacks: self.callbacks,
            callers: self.callers,
            portal: Some(PortalParts {
                accounts: Arc::new(self.ledger.clone()),
                keyring: Arc::new(data::keyring()),
                site: SiteSettings::default(),
            }),
            guard: self.guard,
            ops: OpsParts {
                operations: Arc::new(self.ledger.clone()),
                prefixes: Arc::new(self.ledger.clone()),
                orders: Arc::new(OrdersInMemory(self.ledger.clone(), clock.clone(), SeededEntropy::new(6))),
                operators: Arc::new(self.ledger.clone()),
                callers: Arc::new(self.ledger.clone()),
                keyring: Arc::new(data::keyring()),
                audit: Arc::new(self.ledger.clone()),
                upkeep: Arc::new(self.ledger.clone()),
                policy: Arc::new(PolicyInForce::new(Arc::new(self.policy))),
                settings: Arc::new(self.ledger.clone()),
            },
            inbox: self.inbox,
            metrics: install_metrics(),
        };
        (parts, self.settings)
    }

    pub(crate) fn site(self) -> Site {
        let (parts, settings) = self.parts();
        Site::new(parts, settings)
    }
}

/// Decides commands on tenants by the planner, on the ledger in memory.
struct OrdersInMemory(MemoryLedger, FixedClock, SeededEntropy);

#[async_trait::async_trait]
impl TenantCommands for OrdersInMemory {
    async fn order(&self, order: TenantCommand) -> Result<TenantOutcome, LedgerError> {
        let batch = data::batch(self.1.now(), &self.2, [Request::Tenant(order)]);
        match self.0.decide(&batch, &data::planner()).remove(0) {
            Outcome::Tenant(outcome) => Ok(outcome),
            other => panic!("an answer to an order, not {other:?}"),
        }
    }
}

/// A reply, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The fields that a problem names, in its order.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }

    /// Status, headers by name, and body.
    pub(crate) fn shown(&self) -> String {
        let mut headers: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        let mut text = format!("{}\n{}\n", self.status.as_u16(), headers.join("\n"));
        if self.header("content-type").ends_with("json") {
            writeln!(text, "{}", serde_json::to_string_pretty(&self.json()).unwrap()).unwrap();
        } else {
            writeln!(text, "{}", self.body).unwrap();
        }
        text
    }
}

/// Answers one request on a new worker of the site.
pub(crate) async fn call(site: &Site, request: TestRequest) -> Answer {
    let app = init_service(site.app()).await;
    let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
    let response = call_service(&app, request.peer_addr(peer).to_request()).await;
    read(response).await
}

/// As [`call`], from another peer.
pub(crate) async fn call_from(site: &Site, peer: &str, request: TestRequest) -> Answer {
    let app = init_service(site.app()).await;
    let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
    let response = call_service(&app, request.peer_addr(peer).to_request()).await;
    read(response).await
}

/// The reply, read to its end.
pub(crate) async fn read(response: actix_web::dev::ServiceResponse) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body cannot be read"));
    Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned() }
}

/// A POST of JSON.
pub(crate) fn post(path: &str, body: impl Into<actix_web::web::Bytes>) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("content-type", "application/json")).set_payload(body)
}

pub(crate) fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}
