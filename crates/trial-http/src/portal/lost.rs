//! Forgotten passwords: mails a link to set a new one. The answer is always the same and is sent before anything is
//! looked up, so that its time reveals nothing.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, rt};
use subtle::ConstantTimeEq;
use trial_core::applications::ApplicationQuery;
use trial_core::audit::VISITOR;
use trial_core::error::LedgerError;
use trial_core::portal::{
    AttemptKind, MAX_PASSWORD, MIN_PASSWORD, NewPassword, PasswordChange, PortalAccount, PortalLinkClaim,
};
use trial_core::tenants::{
    Tenant, TenantAction, TenantCommand, TenantOutcome, TenantRefusal, TenantSearch, TenantStatus,
};
use trial_core::values::{Email, MailHosts, TenantId};

use super::pages::{LinkOverPage, LostPage, NewPasswordPage, Page};
use super::password::{hashed, words};
use super::sign_in::{begin, count, was_initial, with_session};
use super::{Answer, Reception, Refused, failed, html, see};
use crate::fields::Fields;
use crate::site::State;

/// Links that are mailed at the same time.
pub(super) const LETTERS: usize = 16;
/// `Retry-After` if there was no turn, in seconds.
const COME_AGAIN: u64 = 5;
/// Most tenants of one address that are searched.
const TENANTS: u32 = 50;

pub(super) fn page(page: &Page<'_>, is_asked: bool) -> Answer {
    html(StatusCode::OK, &LostPage { page, is_asked })
}

/// Mails a link to the owner of this account or address, if there is one.
pub(super) async fn ask(request: &HttpRequest, state: &Data<State>, reception: &Reception, form: &Fields) -> Answer {
    let name = form.text("account");
    let email = Email::parse_at(MailHosts::Any, &name).ok().filter(|_| Tenant::of_account(&name).is_none());
    count(request, state, reception, AttemptKind::Link, email.as_ref().map_or(name.as_str(), |it| it.key().as_str()))
        .await?;
    let turn = reception.letters.clone().try_acquire_owned().map_err(|_| Refused::Busy(COME_AGAIN))?;
    let of_all = state.clone();
    rt::spawn(async move {
        if let Err(error) = mail(&of_all, &name, email).await {
            tracing::error!(kind = error.kind(), "a password link cannot be mailed");
        }
        drop(turn);
    });
    page(&Page::of(request, &reception.parts.site), true)
}

async fn mail(state: &State, name: &str, email: Option<Email>) -> Result<(), LedgerError> {
    let tenant = match (Tenant::of_account(name), email) {
        (Some(tenant), _) => Some(tenant),
        (None, Some(email)) => by_email(state, &email).await?,
        (None, None) => None,
    };
    let Some(tenant) = tenant else { return Ok(()) };
    let order = TenantCommand { tenant, order: TenantAction::LostPassword, actor: VISITOR.to_owned() };
    match state.ops.parts.orders.order(order).await? {
        TenantOutcome::Done(_) => tracing::info!(%tenant, "a password link is queued"),
        TenantOutcome::Refused(refusal @ (TenantRefusal::OwnerMailsSpent { .. } | TenantRefusal::TooManyLinks)) => {
            tracing::warn!(%tenant, %refusal, "a password link was not mailed");
        }
        TenantOutcome::Refused(_) => {}
    }
    Ok(())
}

/// The newest tenant of an address whose owner may sign in.
async fn by_email(state: &State, email: &Email) -> Result<Option<TenantId>, LedgerError> {
    let by = Some(ApplicationQuery::Email(email.key().clone()));
    let search = TenantSearch { by, status: None, asks_conversion: false, before: None, limit: TENANTS };
    let found = state.ops.parts.operations.search_tenants(search).await?;
    let is_open = |tenant: &Tenant| matches!(tenant.status, TenantStatus::Trial | TenantStatus::Commercial);
    Ok(found.iter().map(|view| &view.tenant).find(|tenant| is_open(tenant)).map(|tenant| tenant.id))
}

/// The account of a valid link.
async fn opened(state: &State, reception: &Reception, link: &str) -> Result<Option<PortalAccount>, Refused> {
    let Some(claim) = PortalLinkClaim::read(link, &reception.parts.keyring) else { return Ok(None) };
    let account = reception.parts.accounts.portal_account(claim.tenant).await.map_err(failed)?;
    Ok(account.filter(|account| account.is_opened_by(&claim, state.clock.now())))
}

/// The page of a link. Opening it changes nothing: mail scanners follow links too.
pub(super) async fn choice(request: &HttpRequest, state: &State, reception: &Reception) -> Answer {
    let query = Fields::of_query(request);
    let page = Page::of(request, &reception.parts.site);
    let link = query.text("link");
    match opened(state, reception, &link).await? {
        Some(account) => form(&page, StatusCode::OK, &account, &link, None),
        None => over(&page),
    }
}

fn over(page: &Page<'_>) -> Answer {
    html(StatusCode::GONE, &LinkOverPage { page })
}

fn form(
    page: &Page<'_>,
    status: StatusCode,
    account: &PortalAccount,
    link: &str,
    wrong: Option<&'static str>,
) -> Answer {
    let (least, most) = (MIN_PASSWORD, MAX_PASSWORD);
    let account = &Tenant::account_name(account.tenant.id);
    html(status, &NewPasswordPage { page, account, link, wrong, least, most })
}

/// Sets the password chosen with a link, which ends the link and all sessions; signs the owner in.
pub(super) async fn choose(request: &HttpRequest, state: &State, reception: &Reception, fields: &Fields) -> Answer {
    let page = Page::of(request, &reception.parts.site);
    let link = fields.text("link");
    let Some(account) = opened(state, reception, &link).await? else { return over(&page) };
    let wrong = |words| form(&page, StatusCode::BAD_REQUEST, &account, &link, Some(words));
    let (new, again) = (fields.untrimmed("new"), fields.untrimmed("again"));
    if !bool::from(new.as_bytes().ct_eq(again.as_bytes())) {
        return wrong(page.t("The passwords do not match. Enter the new one twice.", "两次输入的新密码不一致。"));
    }
    let chosen = match NewPassword::choose(&new, &account.tenant, was_initial(reception, &account, &new)) {
        Ok(chosen) => chosen,
        Err(error) => return wrong(words(&page, error)),
    };
    let hash = hashed(state, reception, &chosen).await?;
    let (account, own) = account.with_own_password(hash, state.clock.now());
    let (secret, session) = begin(state, &account);
    let change = Box::new(PasswordChange { own, session, by_link: true });
    if !Reception::act(state, account.tenant.id, TenantAction::SetPassword(change)).await? {
        return over(&page);
    }
    Ok(with_session(state, see("/portal/?said=chosen"), &secret))
}
