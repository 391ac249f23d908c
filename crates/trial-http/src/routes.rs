//! Every route, its path and its methods.

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Resource, guard, web};

use crate::body::{MAX_BODY, MAX_IMPORT};
use crate::problem::{Kind, Problem};

/// The path that sends a verification code.
pub const SEND_CODE_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/generateverifycode";
/// The path that applies for a trial.
pub const APPLY_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/applyTenant";
/// The path that returns the status of a trial.
pub const QUERY_TENANT_PATH: &str = "/apiaccess/rest/ipccprovision/v1/applyTry/queryTenant";

/// The path of delivery receipts. It ends in a secret: only the pattern is ever logged.
pub(crate) const SMS_CALLBACK_PATH: &str = "/callbacks/sms/{gateway}/{secret}";

/// Every route, as named in logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    SendCode,
    Apply,
    QueryTenant,
    Home,
    ApplyPage,
    ApplyFile,
    Embed,
    Portal,
    ConsoleImport,
    Console,
    Health,
    Readiness,
    Metrics,
    OpenApi,
    Docs,
    DocsFile,
    SandboxPage,
    SandboxMessages,
    SandboxFaults,
    SmsCallback,
    OpsOpenApi,
    OpsMe,
    OpsTenants,
    OpsTenant,
    OpsStock,
    OpsImport,
    OpsQuota,
    OpsSettings,
    OpsSetting,
    OpsMails,
    OpsMailsRetry,
    OpsMailRetry,
    OpsPhone,
    OpsPhoneUnlock,
    OpsPrefixes,
    OpsPrefixRelease,
    OpsSafePrefix,
    OpsAudit,
    OpsOperators,
    OpsOperatorRevoke,
    OpsCallers,
    OpsCallerSuspend,
    OpsCallerResume,
    OpsCallerRemove,
    OpsCallerLimits,
    OpsRequests,
    OpsRequest,
    OpsApplications,
    OpsApplication,
    OpsConvert,
    OpsExtend,
    OpsSuspend,
    OpsResume,
    OpsClose,
    OpsReopen,
    OpsResendMail,
    OpsAccessCodes,
    OpsRetire,
    OpsRelease,
    Unknown,
}

impl Route {
    pub(crate) const ALL: [Self; 60] = [
        Self::SendCode,
        Self::Apply,
        Self::QueryTenant,
        Self::Home,
        Self::ApplyPage,
        Self::ApplyFile,
        Self::Embed,
        Self::Portal,
        Self::ConsoleImport,
        Self::Console,
        Self::Health,
        Self::Readiness,
        Self::Metrics,
        Self::OpenApi,
        Self::Docs,
        Self::DocsFile,
        Self::SandboxPage,
        Self::SandboxMessages,
        Self::SandboxFaults,
        Self::SmsCallback,
        Self::OpsOpenApi,
        Self::OpsMe,
        Self::OpsTenants,
        Self::OpsTenant,
        Self::OpsStock,
        Self::OpsImport,
        Self::OpsQuota,
        Self::OpsSettings,
        Self::OpsSetting,
        Self::OpsMails,
        Self::OpsMailsRetry,
        Self::OpsMailRetry,
        Self::OpsPhone,
        Self::OpsPhoneUnlock,
        Self::OpsPrefixes,
        Self::OpsPrefixRelease,
        Self::OpsSafePrefix,
        Self::OpsAudit,
        Self::OpsOperators,
        Self::OpsOperatorRevoke,
        Self::OpsCallers,
        Self::OpsCallerSuspend,
        Self::OpsCallerResume,
        Self::OpsCallerRemove,
        Self::OpsCallerLimits,
        Self::OpsRequests,
        Self::OpsRequest,
        Self::OpsApplications,
        Self::OpsApplication,
        Self::OpsConvert,
        Self::OpsExtend,
        Self::OpsSuspend,
        Self::OpsResume,
        Self::OpsClose,
        Self::OpsReopen,
        Self::OpsResendMail,
        Self::OpsAccessCodes,
        Self::OpsRetire,
        Self::OpsRelease,
        Self::Unknown,
    ];

    pub(crate) const fn pattern(self) -> &'static str {
        match self {
            Self::SendCode => SEND_CODE_PATH,
            Self::Apply => APPLY_PATH,
            Self::QueryTenant => QUERY_TENANT_PATH,
            Self::Home => "/",
            Self::ApplyPage => "/apply",
            Self::ApplyFile => "/apply/{file}",
            Self::Embed => "/embed.js",
            Self::Portal => "/portal{page:(/.*)?}",
            Self::ConsoleImport => "/console/access-codes/import",
            Self::Console => "/console{page:(/.*)?}",
            Self::Health => "/healthz",
            Self::Readiness => "/readyz",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
            Self::Docs => "/docs",
            Self::DocsFile => "/docs/{file:.*}",
            Self::SandboxPage => "/sandbox",
            Self::SandboxMessages => "/sandbox/messages",
            Self::SandboxFaults => "/sandbox/faults",
            Self::SmsCallback => SMS_CALLBACK_PATH,
            Self::OpsOpenApi => "/ops/openapi.json",
            Self::OpsMe => "/ops/v1/me",
            Self::OpsTenants => "/ops/v1/tenants",
            Self::OpsTenant => "/ops/v1/tenants/{id}",
            Self::OpsStock => "/ops/v1/access-codes/stock",
            Self::OpsImport => "/ops/v1/access-codes/import",
            Self::OpsQuota => "/ops/v1/email-quota",
            Self::OpsSettings => "/ops/v1/settings",
            Self::OpsSetting => "/ops/v1/settings/{key}",
            Self::OpsMails => "/ops/v1/mails",
            Self::OpsMailsRetry => "/ops/v1/mails/retry",
            Self::OpsMailRetry => "/ops/v1/mails/{id}/retry",
            Self::OpsPhone => "/ops/v1/phones/{phone}",
            Self::OpsPhoneUnlock => "/ops/v1/phones/{phone}/unlock",
            Self::OpsPrefixes => "/ops/v1/prefixes",
            Self::OpsPrefixRelease => "/ops/v1/prefixes/{prefix}/release",
            Self::OpsSafePrefix => "/ops/v1/prefixes/{prefix}/safe",
            Self::OpsAudit => "/ops/v1/audit",
            Self::OpsOperators => "/ops/v1/operators",
            Self::OpsOperatorRevoke => "/ops/v1/operators/{name}/revoke",
            Self::OpsCallers => "/ops/v1/callers",
            Self::OpsCallerSuspend => "/ops/v1/callers/{name}/suspend",
            Self::OpsCallerResume => "/ops/v1/callers/{name}/resume",
            Self::OpsCallerRemove => "/ops/v1/callers/{name}/remove",
            Self::OpsCallerLimits => "/ops/v1/callers/{name}/limits",
            Self::OpsRequests => "/ops/v1/requests",
            Self::OpsRequest => "/ops/v1/requests/{id}",
            Self::OpsApplications => "/ops/v1/applications",
            Self::OpsApplication => "/ops/v1/applications/{id}",
            Self::OpsConvert => "/ops/v1/tenants/{id}/convert",
            Self::OpsExtend => "/ops/v1/tenants/{id}/extend",
            Self::OpsSuspend => "/ops/v1/tenants/{id}/suspend",
            Self::OpsResume => "/ops/v1/tenants/{id}/resume",
            Self::OpsClose => "/ops/v1/tenants/{id}/close",
            Self::OpsReopen => "/ops/v1/tenants/{id}/reopen",
            Self::OpsResendMail => "/ops/v1/tenants/{id}/resend-mail",
            Self::OpsAccessCodes => "/ops/v1/access-codes",
            Self::OpsRetire => "/ops/v1/access-codes/{code}/retire",
            Self::OpsRelease => "/ops/v1/access-codes/{code}/release",
            Self::Unknown => "unknown",
        }
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::SendCode
            | Self::Apply
            | Self::SmsCallback
            | Self::ConsoleImport
            | Self::OpsImport
            | Self::OpsMailsRetry
            | Self::OpsMailRetry
            | Self::OpsPhoneUnlock
            | Self::OpsPrefixRelease
            | Self::OpsOperatorRevoke
            | Self::OpsCallerSuspend
            | Self::OpsCallerResume
            | Self::OpsCallerRemove
            | Self::OpsCallerLimits
            | Self::OpsConvert
            | Self::OpsExtend
            | Self::OpsSuspend
            | Self::OpsResume
            | Self::OpsClose
            | Self::OpsReopen
            | Self::OpsResendMail
            | Self::OpsRetire
            | Self::OpsRelease => "POST, OPTIONS",
            Self::SandboxFaults | Self::OpsQuota => "GET, HEAD, PUT, OPTIONS",
            Self::OpsSetting | Self::OpsSafePrefix => "PUT, DELETE, OPTIONS",
            Self::OpsOperators | Self::Console | Self::Portal | Self::ApplyPage => "GET, HEAD, POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// The largest body, in bytes.
    pub(crate) const fn max_body(self) -> usize {
        match self {
            Self::ConsoleImport | Self::OpsImport => MAX_IMPORT,
            _ => MAX_BODY,
        }
    }

    /// The route's resource, which answers unsupported methods.
    pub(crate) fn resource(self) -> Resource {
        web::resource(self.pattern()).app_data(self).default_service(web::to(other_method))
    }
}

/// A route for GET, and HEAD with it.
pub(crate) fn get() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn other_method(request: HttpRequest) -> HttpResponse {
    let allow = request.app_data::<Route>().copied().unwrap_or(Route::Unknown).allow();
    let mut response = if request.method() == Method::OPTIONS {
        HttpResponse::new(StatusCode::NO_CONTENT)
    } else {
        Problem::new(Kind::MethodNotAllowed).detail(format!("this path supports {allow}")).response(&request)
    };
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    nothing_here().response(&request)
}

pub(crate) fn nothing_here() -> Problem {
    Problem::new(Kind::NotFound).detail("there is no resource at this path")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The document lists, for each path, the clients that may reach it.
    #[test]
    fn the_table_of_who_may_reach_which_path_has_every_route() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md");
        let text = fs::read_to_string(file).unwrap();
        let section = text.split("## Who may reach which path").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells: Vec<_> = rows.filter_map(|row| row.split_once(" | ")).map(|(cell, _)| cell).collect();
        let cells = cells.join("`");
        let paths: Vec<&str> =
            cells.split('`').map(|path| path.trim_start_matches("POST ").trim_start_matches("GET ")).collect();
        for route in Route::ALL.into_iter().filter(|route| *route != Route::Unknown) {
            let pattern = route.pattern();
            let is_told = paths.iter().any(|path| match path.split_once('…') {
                Some(("", end)) => !end.is_empty() && pattern.ends_with(end),
                Some((start, "")) => pattern.starts_with(start.trim_end_matches('/')),
                _ => *path == pattern,
            });
            assert!(is_told, "{pattern} is not in the table of docs/security.md");
        }
    }
}
