//! Sign-in and sign-out of owners. Every failure does and says the same: an attempt is counted, the account looked up,
//! the initial password derived and compared, and one hash checked.

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use trial_core::operators::PortalSecret;
use trial_core::portal::{AttemptKind, PortalAccount, PortalAttempt, PortalSession, normalized_password};
use trial_core::tenants::{Tenant, TenantAction};
use trial_core::values::TenantId;

use super::pages::{Page, SignInPage};
use super::visit::{SESSION, Visit};
use super::{Answer, Reception, Refused, failed, html, see};
use crate::fields::Fields;
use crate::problem::seconds_up;
use crate::rate_limit::Network;
use crate::site::State;

/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// Latest initial passwords that may not be chosen again.
const REMEMBERED: usize = 16;

/// Tenant whose initial password is derived if there is no account.
const NOBODY: [u8; 16] = [0; 16];

pub(super) fn page(page: &Page<'_>) -> Answer {
    html(StatusCode::OK, &SignInPage { page, is_wrong: false })
}

pub(super) async fn enter(request: &HttpRequest, state: &State, reception: &Reception, form: &Fields) -> Answer {
    let name = form.text("account");
    count(request, state, reception, AttemptKind::SignIn, &name).await?;
    let tenant = Tenant::of_account(&name).unwrap_or_else(|| TenantId::from_bytes(NOBODY));
    let account = reception.parts.accounts.portal_account(tenant).await.map_err(failed)?;
    let shown = form.untrimmed("password");
    let is_initial = is_initial(reception, account.as_ref(), &shown);
    let own = account.as_ref().and_then(PortalAccount::own_password).map(|own| own.hash.clone());
    let is_own = reception.hashing.verify(normalized_password(&shown).into_owned(), own).await?;
    let now = state.clock.now();
    let Some(account) = account.filter(|account| account.lets_in(is_initial, is_own, now)) else {
        let page = Page::of(request, &reception.parts.site);
        return html(StatusCode::UNAUTHORIZED, &SignInPage { page: &page, is_wrong: true });
    };
    let (secret, session) = begin(state, &account);
    let entry = Reception::entry(state, account.tenant.id, "portal.sign_in", "signed in to the portal");
    reception.parts.accounts.begin_portal_session(session, entry).await.map_err(failed)?;
    Ok(with_session(state, see("/portal/"), &secret))
}

/// Counts an attempt against account and address before the account is looked up.
pub(super) async fn count(
    request: &HttpRequest,
    state: &State,
    reception: &Reception,
    kind: AttemptKind,
    name: &str,
) -> Result<(), Refused> {
    let client = state.client_of(request);
    reception.flood.take(client).map_err(|wait| Refused::TooMany(seconds_up(wait)))?;
    let now = state.clock.now();
    let name = Tenant::of_account(name).map_or_else(|| name.to_owned(), Tenant::account_name);
    let address = Network::of_subscriber(client).map(|network| network.to_string()).unwrap_or_default();
    let one = PortalAttempt::new(kind, &name, &address, now, &reception.parts.keyring);
    let tries = reception.parts.accounts.count_portal_try(one).await.map_err(failed)?;
    if one.is_one_too_many(tries) {
        let wait = HOUR - now.timestamp().rem_euclid(HOUR);
        return Err(Refused::TooMany(u64::try_from(wait).unwrap_or(1)));
    }
    Ok(())
}

/// Returns `true` for the current initial password; also derived and compared without an account.
pub(super) fn is_initial(reception: &Reception, account: Option<&PortalAccount>, shown: &str) -> bool {
    let keyring = &reception.parts.keyring;
    let (key, tenant, issue) = account.map_or_else(
        || (keyring.current_id(), TenantId::from_bytes(NOBODY), 1),
        |account| (account.tenant.key_id.as_str(), account.tenant.id, account.tenant.password_issue),
    );
    let is_the_same = match keyring.password(key, tenant, issue) {
        Ok(password) => password.matches(shown.trim()),
        Err(error) => {
            tracing::error!(%error, "an initial password cannot be derived");
            false
        }
    };
    is_the_same && account.is_some()
}

/// Returns `true` for one of the latest initial passwords of the account.
pub(super) fn was_initial(reception: &Reception, account: &PortalAccount, shown: &str) -> bool {
    let issues = (1..=account.tenant.password_issue).rev().take(REMEMBERED);
    issues.fold(false, |was, issue| {
        let tenant = Tenant { password_issue: issue, ..account.tenant.clone() };
        is_initial(reception, Some(&PortalAccount { tenant, own: None }), shown) || was
    })
}

/// A new session.
pub(super) fn begin(state: &State, account: &PortalAccount) -> (PortalSecret, PortalSession) {
    let mut entropy = [0; 32];
    state.entropy.fill(&mut entropy);
    let secret = PortalSecret::new(&entropy);
    let session = PortalSession::begin(secret.hash(), account, state.clock.now());
    (secret, session)
}

pub(super) fn with_session(state: &State, mut response: HttpResponse, secret: &PortalSecret) -> HttpResponse {
    // A name, and letters that are valid in a header.
    let _ = response.add_cookie(&SESSION.given(state, secret.as_str()));
    response
}

pub(super) async fn leave(visit: &Visit<'_>, everywhere: bool) -> Answer {
    let id = visit.account.tenant.id;
    if everywhere {
        Reception::act(visit.state, id, TenantAction::SignOutEverywhere).await?;
    } else {
        let entry = Reception::entry(visit.state, id, "portal.sign_out", "signed out");
        visit.reception.parts.accounts.end_portal_session(id, visit.secret.hash(), entry).await.map_err(failed)?;
    }
    let mut gone = SESSION.given(visit.state, "");
    gone.set_max_age(Duration::ZERO);
    let mut response = see("/portal/sign-in?said=signed-out");
    let _ = response.add_cookie(&gone);
    Ok(response)
}
