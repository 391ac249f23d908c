//! Callers that sign their requests: lets them in, in the order that the contract has. Who they are and what they may, the
//! core says; whether they signed, `trial-signing`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::HOST;
use trial_core::ports::{Callers, Clock, Entropy, ReplayGuard};
use trial_core::{
    CLIENT_MISSES_PER_HOUR, Caller, CallerCredentials, CallerId, CallerName, CallerStatus, EntranceRefusal, Keyring,
    KeyringError, LedgerError, Scope, SeenSignature,
};
use trial_signing::{AccessKey, RequestParts, Signed, query_pairs};

use crate::problem::{Kind, Problem};
use crate::rate_limit::{KnownLimiter, Rate, RuntimeClock};
use crate::site::{State, too_many_without};

/// What is said of every request that is not let in for its signature, whatever is wrong with it.
const NOT_SIGNED: &str = "the request is not signed as it has to be: its access key is unknown, its signature is wrong or was \
     used before, or its date is more than 15 minutes from now";

/// Missing from requests that nobody signed.
const VALID_SIGNATURE: &str = "valid signature";

/// What signed requests are checked by.
#[derive(Clone)]
pub struct CallerParts {
    /// Who they are.
    pub callers: Arc<dyn Callers>,
    /// Whether a signature has come before.
    pub replays: Arc<dyn ReplayGuard>,
    /// What their secrets are sealed by.
    pub keyring: Arc<Keyring>,
}

/// Checks signed requests.
pub(crate) struct Signing {
    parts: CallerParts,
    clock: Arc<dyn Clock>,
    rates: Rates,
    /// Searches that found nobody.
    pub(crate) misses: KnownLimiter<CallerId>,
    /// Stands for a caller that is not known, so that whoever asks waits as long.
    decoy: Decoy,
}

struct Decoy {
    access_key: String,
    secret: trial_core::SealedSecret,
}

/// A request that a caller signed.
#[derive(Debug)]
pub(crate) struct SignedRequest {
    /// Who signed it.
    pub(crate) id: CallerId,
    pub(crate) caller: CallerName,
    /// The parameters of its query that the signature covers: what is served is what was verified.
    pub(crate) query: Vec<(String, String)>,
}

/// Why a request is not let in.
#[derive(Debug)]
pub(crate) enum Barred {
    /// What to answer.
    With(Problem),
    /// Whether it may come in cannot be told now.
    Unknown,
}

impl From<Problem> for Barred {
    fn from(problem: Problem) -> Self {
        Self::With(problem)
    }
}

/// What to answer a request that is not signed as it has to be: that, or that its client address had too many of them. One
/// that is signed rightly does not come here: nobody can shut a caller out by what he does from the same address.
pub(crate) fn stranger(request: &HttpRequest, state: &State) -> Problem {
    let refused = Problem::new(Kind::SignatureRefused).detail(NOT_SIGNED);
    state.turn_away(request, state.failure_limit(), refused, VALID_SIGNATURE)
}

impl Signing {
    pub(crate) fn new(parts: CallerParts, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let (mut random, mut nonce) = ([0; 48], [0; Keyring::NONCE]);
        entropy.fill(&mut random);
        entropy.fill(&mut nonce);
        let CallerCredentials { access_key, secret } = CallerCredentials::new(&random);
        let decoy = Decoy { secret: secret.seal(&access_key, &parts.keyring, &nonce), access_key };
        Self { parts, clock, rates: Rates::new(), misses: KnownLimiter::per_hour(CLIENT_MISSES_PER_HOUR), decoy }
    }

    /// Refuses a request that cannot be signed, by its head alone: its body is not worth reading. Where its client address has
    /// sent too many such requests, its access key has to be one that is known.
    pub(crate) async fn may_be_signed(&self, request: &HttpRequest, state: &State) -> Result<(), Barred> {
        let refused = |problem| count("refused", Barred::With(problem));
        let Some(claim) = self.claim(&parts_of(request, &headers_of(request), &[], &[])) else {
            return Err(refused(stranger(request, state)));
        };
        let Err(wait) = state.failure_limit().peek(state.client_of(request)) else { return Ok(()) };
        let found = self.parts.callers.caller_by_key(claim.access().to_owned()).await.map_err(unreachable)?;
        let is_known = found.is_some_and(|caller| caller.status() != CallerStatus::Removed);
        if is_known { Ok(()) } else { Err(refused(too_many_without(VALID_SIGNATURE, wait))) }
    }

    /// The client that claims to have signed a request, at a time that may be.
    fn claim(&self, parts: &RequestParts<'_>) -> Option<Signed> {
        Signed::parse(parts).ok().filter(|claim| claim.is_fresh(self.clock.now()))
    }

    /// Lets a request in that a caller signed who may ask for this. What is malformed or too old is refused before anybody is
    /// looked up. A signature that came before is the act of whoever sends it again: it is counted by its address, and neither
    /// uses up its client's rate nor learns whether the client is entitled. One that is refused is not remembered: its client may
    /// send the same request again.
    ///
    /// # Errors
    /// What to answer instead: what `stranger` says, if the request is not signed as it has to be.
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
            EntranceRefusal::Suspended => not_entitled("the caller is suspended".to_owned()),
            EntranceRefusal::NotSubscribed(scope) => not_entitled(format!("the caller has not subscribed to {scope}")),
        })?;
        self.rates.check(&caller)?;
        // Nothing is written before it is known that the request may come in; of two that come at once, this decides.
        if !self.parts.replays.is_new(seen).await.map_err(unreachable)? {
            return Err(refused());
        }
        metrics::counter!("trialgate_caller_requests_total", "outcome" => "let_in").increment(1);
        Ok(SignedRequest { id: caller.id, caller: caller.name, query })
    }

    /// The caller, if one of its secrets signed. One that is not known, or not any more, takes as long as one that is.
    fn who_signed(
        &self,
        claim: &Signed,
        request: &RequestParts<'_>,
        found: Option<Caller>,
    ) -> Result<Option<Caller>, Barred> {
        let now = self.clock.now();
        let signs = |access_key: &str, secret: &trial_core::SealedSecret| {
            let secret = secret.open(access_key, &self.parts.keyring)?;
            let key = AccessKey::new(access_key, secret.reveal());
            Ok::<_, KeyringError>(claim.verify(request, &key, now).is_ok())
        };
        let Some(caller) = found.filter(|caller| caller.status() != CallerStatus::Removed) else {
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
            // It may have been the secret that signed.
            Some(error) if !has_signed => Err(sealed_off(&error)),
            _ => Ok(has_signed.then_some(caller)),
        }
    }
}

/// The lines of a head, with the host that the target names where there is none.
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
    metrics::counter!("trialgate_caller_requests_total", "outcome" => outcome).increment(1);
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
    tracing::error!(%error, "a caller's secret cannot be opened");
    count("unknown", Barred::With(Problem::new(Kind::Unexpected)))
}

/// How often each caller may ask, at this instance.
struct Rates {
    clock: RuntimeClock,
    /// The rate of each, and the time until which it is in use. There are never more callers in here than were added: nobody
    /// else gets this far.
    callers: Mutex<HashMap<CallerId, (u32, u64)>>,
}

impl Rates {
    fn new() -> Self {
        Self { clock: RuntimeClock::start(), callers: Mutex::default() }
    }

    /// Counts one request. A change of the rate gives the caller its whole minute.
    fn check(&self, caller: &Caller) -> Result<(), Barred> {
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
            let detail = format!("the caller has made more than {rate} requests in a minute");
            count("rate_limited", Barred::With(Problem::new(Kind::RateLimited).detail(detail).retry_after(wait)))
        })?;
        Ok(())
    }
}
