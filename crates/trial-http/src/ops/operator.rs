//! Authenticates and authorises operators by their token.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use trial_core::audit::ChangedBy;
use trial_core::operators::{Operator, Permission};
use trial_engine::operations::Operation;

use super::{Ops, failed};
use crate::problem::{Kind, Problem};
use crate::site::State;

/// An operator with the required permission.
pub(super) struct AuthenticatedOperator<'a> {
    pub(super) operator: Operator,
    pub(super) ops: &'a Ops,
}

impl<'a> AuthenticatedOperator<'a> {
    /// Authenticates the operator and checks the permission for this operation.
    ///
    /// A valid token is never rejected for failures of the same address: nobody can lock operators out.
    pub(super) async fn let_in(request: &HttpRequest, state: &'a State, operation: Operation) -> Result<Self, Problem> {
        let ops = &state.ops;
        let found = match bearer(request) {
            Some(token) => ops.access.by_token(token).await.map_err(failed)?,
            None => None,
        };
        let Some(operator) = found else { return Err(stranger(request, state)) };
        let caller = Self { operator, ops };
        if !operation.is_allowed(caller.operator.role) {
            return Err(caller.may_not(operation.permission()));
        }
        Ok(caller)
    }

    /// Checks, before anything is recorded, that the role may see phones and addresses in full, if requested.
    pub(super) fn may_see(&self, reveal: bool) -> Result<(), Problem> {
        if reveal && !self.operator.role.may(Permission::Reveal) {
            return Err(self.may_not(Permission::Reveal));
        }
        Ok(())
    }

    /// The answer if the role does not allow this.
    pub(super) fn may_not(&self, permission: Permission) -> Problem {
        let detail = format!("this requires the role {}; yours is {}", permission.takes(), self.operator.role);
        Problem::new(Kind::Forbidden).detail(detail)
    }

    /// This operator and the current time, for the audit.
    pub(super) fn changes(&self) -> ChangedBy {
        self.ops.access.changed_by(&self.operator)
    }
}

/// Returns `true` if the request has the token of an operator; counts nothing.
pub(crate) async fn is_operator(request: &HttpRequest, state: &State) -> bool {
    match bearer(request) {
        Some(token) => state.ops.access.by_token(token).await.is_ok_and(|operator| operator.is_some()),
        None => false,
    }
}

/// The same answer for an unknown, expired, revoked or missing token.
fn stranger(request: &HttpRequest, state: &State) -> Problem {
    let refused = Problem::new(Kind::Unauthorized).detail("send the token of an operator as `Authorization: Bearer …`");
    state.turn_away(request, &state.ops.strangers, refused, "valid token")
}

/// The bearer token (RFC 6750, section 2.1); `None` for anything else.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut given = request.headers().get_all(AUTHORIZATION);
    let (value, None) = (given.next()?, given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
