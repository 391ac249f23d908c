//! Authenticates API clients by their signature, in the order of the contract. `trial-signing` verifies signatures, and
//! the core authorises the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use trial_core::clients::{
    ApiClient, ApiClientCredentials, ApiClientName, ApiClientStatus, EntranceRefusal, Scope, SeenSignature,
};
use trial_core::error::LedgerError;
use trial_core::operators::CLIENT_MISSES_PER_HOUR;
use trial_core::ports::{ApiClients, Clock, Entropy, ReplayGuard};
use trial_core::values::{ApiClientId, Keyring, KeyringError};
use trial_signing::{AccessKey, RequestParts, Signed, query_pairs};

use crate::problem::{Kind, Problem};
use crate::rate_limit::{KnownLimiter, Rate, RuntimeClock};
use crate::site::{State, too_many_without};

/// The answer to every request whose signature is not accepted, whatever the reason.
const NOT_SIGNED: &str = "the signature is not accepted: the access key is unknown, the signature is wrong or was \
     used before, or the date is more than 15 minutes from now";

/// Missing from unsigned requests.
const VALID_SIGNATURE: &str = "valid signature";

/// Parts for signed requests.
#[derive(Clone)]
pub struct CallerParts {
    /// API clients.
    pub callers: Arc<dyn ApiClients>,
    /// Remembers used signatures.
    pub replays: Arc<dyn ReplayGuard>,
    /// Decrypts the secrets of API clients.
    pub keyring: Arc<Keyring>,
}

/// Authenticates signed requests.
pub(crate) struct Signing {
    parts: CallerParts,
    clock: Arc<dyn Clock>,
    rates: Rates,
    /// Searches without a result.
    pub(crate) misses: KnownLimiter<ApiClientId>,
    /// A stand-in for an unknown client, so that its rejection takes as long.
    decoy: Decoy,
}

struct Decoy {
    access_key: String,
    secret: trial_core::clients::EncryptedSecret,
}

/// An authenticated request.
#[derive(Debug)]
pub(crate) struct SignedRequest {
    /// Id of the client.
    pub(crate) id: ApiClientId,
    pub(crate) caller: ApiClientName,
    /// Query parameters covered by the signature: what is served is what was verified.
    pub(crate) query: Vec<(String, String)>,
}

/// The reason why a request is rejected.
#[derive(Debug)]
pub(crate) enum Barred {
    /// The answer.
    With(Problem),
    /// The client cannot be looked up now.
    Unknown,
}

impl From<Problem> for Barred {
    fn from(problem: Problem) -> Self {
        Self::With(problem)
    }
}

/// The answer to a request whose signature is not accepted, or whose client address had too many of them. A correctly
/// signed request never gets here: nobody can lock a client out from the same address.
pub(crate) fn stranger(request: &HttpRequest, state: &State) -> Problem {
    let refused = Problem::new(Kind::SignatureRefused).detail(NOT_SIGNED);
    state.turn_away(request, state.failure_limit(), refused, VALID_SIGNATURE)
}

impl Signing {
    pub(crate) fn new(parts: CallerParts, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let (mut random, mut nonce) = ([0; 48], [0; Keyring::NONCE]);
        entropy.fill(&mut random);
        entropy.fill(&mut nonce);
        let ApiClientCredentials { access_key, secret } = ApiClientCredentials::new(&random);
        let decoy = Decoy { secret: secret.seal(&access_key, &parts.keyring, &nonce), access_key };
        Self { parts, clock, rates: Rates::new(), misses: KnownLimiter::per_hour(CLIENT_MISSES_PER_HOUR), decoy }
    }

    /// Rejects a request that cannot be signed by its head alone, without reading its body. If its client address had
    /// too many such requests, its access key must be a known one.
    pub(crate) async fn may_be_signed(&self, request: &HttpRequest, state: &State) -> Result<(), Barred> {
        let refused = |problem| count("refused", Barred::With(problem));
        let Some(claim) = self.claim(&parts_of(request, &headers_of(request), &[], &[])) else {
            return Err(refused(stranger(request, state)));
        };
        let Err(wait) = state.failure_limit().peek(state.client_of(request)) else { return Ok(()) };
        let found = self.parts.callers.caller_by_key(claim.access().to_owned()).await.map_err(unreachable)?;
        let is_known = found.is_some_and(|caller| caller.status() != ApiClientStatus::Removed);
        if is_known { Ok(()) } else { Err(refused(too_many_without(VALID_SIGNATURE, wait))) }
    }

    /// The client that claims to have signed a request, if the time is plausible.
    fn claim(&self, parts: &RequestParts<'_>) -> Option<Signed> {
        Signed::parse(parts).ok().filter(|claim| claim.is_fresh(self.clock.now()))
    }

    /// Authenticates a request and checks its scope. A malformed or old one is rejected before any lookup. A repeated
    /// signature may be sent by anybody: it is counted by its address, does not use up the client's rate, and does not
    /// reveal whether the client is entitled. A rejected request is not remembered: its client may send it again.
    ///
    /// # Errors
    /// The answer, by `stranger` if the signature is not accepted.
    pub(crate) async fn let_in(
        &self,
        request: &HttpRequest,
        body: &[u8],
        scope: Scope,
        stranger: impl Fn() -> Problem,
    ) -> Result<SignedRequest, Barred> {
        let refused = || count("refused", Barred::With(stranger()));
        let headers = headers_of(request);
        let claim = self.claim(&parts_of(request, &headers, &[], body)).ok_or_else(refused)?;
        let query = query_pairs(request.uri().query().unwrap_or_default()).ok_or_else(refused)?;
        let parts = parts_of(request, &headers, &query, body);
        let found = self.parts.callers.caller_by_key(claim.access().to_owned()).await.map_err(unreachable)?;
        let Some(caller) = self.who_signed(&claim, &parts, found)? else { return Err(refused()) };
        let seen = SeenSignature::new(claim.fingerprint(), claim.signed_at());
        if self.parts.replays.is_known(seen).await.map_err(unreachable)? {
            return Err(refused());
        }
        caller.let_in(scope).map_err(|refusal| match refusal {
            EntranceRefusal::Unknown => refused(),
            EntranceRefusal::Suspended => not_entitled("the API client is suspended".to_owned()),
            EntranceRefusal::NotSubscribed(scope) => {
                not_entitled(format!("the API client has not subscribed to {scope}"))
            }
        })?;
        self.rates.check(&caller)?;
        // Nothing is written before the request is otherwise accepted; of two at once, this decides.
        if !self.parts.replays.is_new(seen).await.map_err(unreachable)? {
            return Err(refused());
        }
        metrics::counter!("trialgate_api_client_requests_total", "outcome" => "accepted").increment(1);
        Ok(SignedRequest { id: caller.id, caller: caller.name, query })
    }

    /// The client, if one of its secrets signed. An unknown or removed one takes as long.
    fn who_signed(
        &self,
        claim: &Signed,
        request: &RequestParts<'_>,
        found: Option<ApiClient>,
    ) -> Result<Option<ApiClient>, Barred> {
        let now = self.clock.now();
        let signs = |access_key: &str, secret: &trial_core::clients::EncryptedSecret| {
            let secret = secret.open(access_key, &self.parts.keyring)?;
            let key = AccessKey::new(access_key, secret.reveal());
            Ok::<_, KeyringError>(claim.verify(request, &key, now).is_ok())
        };
        let Some(caller) = found.filter(|caller| caller.status() != ApiClientStatus::Removed) else {
            signs(&self.decoy.access_key, &self.decoy.secret).map_err(|error| sealed_off(&error))?;
            return Ok(None);
        };
        let (mut has_signed, mut lost) = (false, None);
        for secret in caller.secrets() {
            match signs(&caller.access_key, secret) {
                Ok(signed) => has_signed |= signed,
                Err(error) => lost = Some(error),
            }
        }
        match lost {
            // This secret may have been the one that signed.
            Some(error) if !has_signed => Err(sealed_off(&error)),
            _ => Ok(has_signed.then_some(caller)),
        }
    }
}

/// The header lines, with the host of the target if there is no `Host`.
fn headers_of(request: &HttpRequest) -> Vec<(&str, &[u8])> {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let authority = request.uri().authority().filter(|_| !request.headers().contains_key(HOST));
    headers.chain(authority.map(|authority| ("host", authority.as_str().as_bytes()))).collect()
}

fn parts_of<'a>(
    request: &'a HttpRequest,
    headers: &'a [(&'a str, &'a [u8])],
    query: &'a [(String, String)],
    body: &'a [u8],
) -> RequestParts<'a> {
    RequestParts { method: request.method().as_str(), path: request.uri().path(), query, headers, body }
}

fn count(outcome: &'static str, barred: Barred) -> Barred {
    metrics::counter!("trialgate_api_client_requests_total", "outcome" => outcome).increment(1);
    barred
}

fn not_entitled(detail: String) -> Barred {
    count("not_entitled", Barred::With(Problem::new(Kind::NotEntitled).detail(detail)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn unreachable(error: LedgerError) -> Barred {
    let source = std::error::Error::source(&error).map(ToString::to_string);
    tracing::error!(%error, source, "a signed request cannot be checked");
    count("unknown", Barred::Unknown)
}

fn sealed_off(error: &KeyringError) -> Barred {
    tracing::error!(%error, "an API client's secret cannot be decrypted");
    count("unknown", Barred::With(Problem::new(Kind::Unexpected)))
}

/// Rates of API clients at this instance.
struct Rates {
    clock: RuntimeClock,
    /// Rate of each client and the time until which it is in use. Only authenticated clients get here, so their number
    /// is bounded.
    callers: Mutex<HashMap<ApiClientId, (u32, u64)>>,
}

impl Rates {
    fn new() -> Self {
        Self { clock: RuntimeClock::start(), callers: Mutex::default() }
    }

    /// Counts one request. A change of the rate gives the client a whole minute.
    fn check(&self, caller: &ApiClient) -> Result<(), Barred> {
        let rate = caller.rate;
        if rate == 0 {
            return Ok(());
        }
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, used_until) = callers.entry(caller.id).or_insert((rate, 0));
        if *known != rate {
            (*known, *used_until) = (rate, 0);
        }
        *used_until = Rate::new(rate.into(), Rate::MINUTE).next(*used_until, self.clock.now()).map_err(|wait| {
            let detail = format!("the API client exceeded {rate} requests per minute");
            count("rate_limited", Barred::With(Problem::new(Kind::RateLimited).detail(detail).retry_after(wait)))
        })?;
        Ok(())
    }
}
