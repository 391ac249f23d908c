//! Routes of the operations interface.

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route as Service};

use super::{
    access_codes, applications, audit, callers, mails, me, operators, orders, phones, pool, prefixes, quota, requests,
    settings, tenants,
};
use crate::body::Payload;
use crate::problem::Problem;
use crate::routes::{Route, get};
use crate::site::State;

/// Every path of the interface. Fixed segments precede parameters: the router takes the first match.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let post = web::post;
    config
        .service(Route::OpsMe.resource().route(answer(get(), me::show)))
        .service(Route::OpsTenants.resource().route(answer(get(), tenants::list)))
        .service(Route::OpsTenant.resource().route(answer(get(), tenants::show)))
        .service(Route::OpsConvert.resource().route(answer(post(), orders::convert)))
        .service(Route::OpsExtend.resource().route(answer(post(), orders::extend)))
        .service(Route::OpsSuspend.resource().route(answer(post(), orders::suspend)))
        .service(Route::OpsResume.resource().route(answer(post(), orders::resume)))
        .service(Route::OpsClose.resource().route(answer(post(), orders::close)))
        .service(Route::OpsReopen.resource().route(answer(post(), orders::reopen)))
        .service(Route::OpsResendMail.resource().route(answer(post(), orders::resend_mail)))
        .service(Route::OpsRequests.resource().route(answer(get(), requests::list)))
        .service(Route::OpsRequest.resource().route(answer(get(), requests::show)))
        .service(Route::OpsApplications.resource().route(answer(get(), applications::list)))
        .service(Route::OpsApplication.resource().route(answer(get(), applications::show)))
        .service(Route::OpsAccessCodes.resource().route(answer(get(), pool::list)))
        .service(Route::OpsRetire.resource().route(answer(post(), pool::retire)))
        .service(Route::OpsRelease.resource().route(answer(post(), pool::release)))
        .service(Route::OpsStock.resource().route(answer(get(), access_codes::stock)))
        .service(Route::OpsImport.resource().route(answer(post(), access_codes::import)))
        .service(Route::OpsQuota.resource().route(answer(get(), quota::show)).route(answer(web::put(), quota::set)))
        .service(Route::OpsSettings.resource().route(answer(get(), settings::list)))
        .service(
            Route::OpsSetting
                .resource()
                .route(answer(web::put(), settings::set))
                .route(answer(web::delete(), settings::reset)),
        )
        .service(Route::OpsMails.resource().route(answer(get(), mails::list)))
        .service(Route::OpsMailsRetry.resource().route(answer(post(), mails::retry_all)))
        .service(Route::OpsMailRetry.resource().route(answer(post(), mails::retry)))
        .service(Route::OpsPhone.resource().route(answer(get(), phones::show)))
        .service(Route::OpsPhoneUnlock.resource().route(answer(post(), phones::unlock)))
        .service(Route::OpsPrefixes.resource().route(answer(get(), prefixes::list)))
        .service(Route::OpsPrefixRelease.resource().route(answer(post(), prefixes::release)))
        .service(
            Route::OpsSafePrefix
                .resource()
                .route(answer(web::put(), prefixes::add_safe))
                .route(answer(web::delete(), prefixes::remove_safe)),
        )
        .service(Route::OpsAudit.resource().route(answer(get(), audit::list)))
        .service(
            Route::OpsOperators.resource().route(answer(get(), operators::list)).route(answer(post(), operators::add)),
        )
        .service(Route::OpsOperatorRevoke.resource().route(answer(post(), operators::revoke)))
        .service(Route::OpsCallers.resource().route(answer(get(), callers::list)))
        .service(Route::OpsCallerSuspend.resource().route(answer(post(), callers::suspend)))
        .service(Route::OpsCallerResume.resource().route(answer(post(), callers::resume)))
        .service(Route::OpsCallerRemove.resource().route(answer(post(), callers::remove)))
        .service(Route::OpsCallerLimits.resource().route(answer(post(), callers::set_limits)));
}

/// Connects a route and its handler; problems are written with the request id.
fn answer<H, F>(route: Service, handler: H) -> Service
where
    H: Fn(HttpRequest, Payload, Data<State>) -> F + Clone + 'static,
    F: Future<Output = Result<HttpResponse, Problem>> + 'static,
{
    route.to(move |request: HttpRequest, payload: Payload, state: Data<State>| {
        let answered = handler(request.clone(), payload, state);
        async move { answered.await.unwrap_or_else(|problem| problem.response(&request)) }
    })
}
