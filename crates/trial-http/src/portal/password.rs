//! Changes the owner's password.

use actix_web::http::StatusCode;
use subtle::ConstantTimeEq;
use trial_core::portal::{
    AttemptKind, MAX_PASSWORD, MIN_PASSWORD, NewPassword, PasswordChange, PasswordError, normalized_password,
};
use trial_core::tenants::{Tenant, TenantAction};

use super::pages::{Page, PasswordPage};
use super::sign_in::{begin, count, was_initial, with_session};
use super::visit::Visit;
use super::{Answer, Reception, Refused, html, see};
use crate::fields::Fields;
use crate::site::State;

pub(super) fn page(visit: &Visit<'_>, status: StatusCode, wrong: Option<&'static str>) -> Answer {
    let (least, most) = (MIN_PASSWORD, MAX_PASSWORD);
    html(status, &PasswordPage { page: &visit.page, is_first: visit.account.must_choose(), wrong, least, most })
}

/// Sets the owner's new password. An owner who already chose one has to enter it.
pub(super) async fn choose(visit: &Visit<'_>, form: &Fields) -> Answer {
    let wrong = |words| page(visit, StatusCode::BAD_REQUEST, Some(words));
    let t = |en, zh| visit.page.t(en, zh);
    let (account, reception) = (&visit.account, visit.reception);
    if let Some(own) = account.own_password() {
        let name = Tenant::account_name(account.tenant.id);
        count(visit.request, visit.state, reception, AttemptKind::PresentPassword, &name).await?;
        let shown = normalized_password(&form.untrimmed("current")).into_owned();
        if !reception.hashing.verify(shown, Some(own.hash.clone())).await? {
            return wrong(t("The current password is wrong.", "当前密码错误。"));
        }
    }
    let (new, again) = (form.untrimmed("new"), form.untrimmed("again"));
    if !bool::from(new.as_bytes().ct_eq(again.as_bytes())) {
        return wrong(t("The passwords do not match. Enter the new one twice.", "两次输入的新密码不一致。"));
    }
    let chosen = match NewPassword::choose(&new, &account.tenant, was_initial(reception, account, &new)) {
        Ok(chosen) => chosen,
        Err(error) => return wrong(words(&visit.page, error)),
    };
    let hash = hashed(visit.state, reception, &chosen).await?;
    let (account, own) = account.with_own_password(hash, visit.state.clock.now());
    let (secret, session) = begin(visit.state, &account);
    let change = Box::new(PasswordChange { own, session, by_link: false });
    if !Reception::act(visit.state, account.tenant.id, TenantAction::SetPassword(change)).await? {
        return Err(Refused::SignIn);
    }
    Ok(with_session(visit.state, see("/portal/?said=chosen"), &secret))
}

pub(super) async fn hashed(state: &State, reception: &Reception, chosen: &NewPassword) -> Result<String, Refused> {
    let mut salt = [0; 16];
    state.entropy.fill(&mut salt);
    reception.hashing.hash(chosen.reveal().to_owned(), salt).await
}

pub(super) fn words(page: &Page<'_>, error: PasswordError) -> &'static str {
    let (en, zh) = match error {
        PasswordError::TooShort => ("The new password must have at least 15 characters.", "新密码至少需要 15 个字符。"),
        PasswordError::TooLong => ("The new password must have at most 128 characters.", "新密码最多 128 个字符。"),
        PasswordError::Common => (
            "This password is too common. Choose one that nobody would guess, such as a few words.",
            "该密码过于常见，容易被猜到，请换一个，例如由几个词组成的句子。",
        ),
        PasswordError::Name => (
            "The password must not consist of your account, company or e-mail address. Choose another one.",
            "密码不能由账号、公司名称或邮箱构成，请换一个。",
        ),
        PasswordError::Initial => (
            "The initial password cannot be kept, since it was sent by e-mail. Choose another one.",
            "不能继续使用初始密码，请换一个。",
        ),
    };
    page.t(en, zh)
}
