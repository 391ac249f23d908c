//! The OpenAPI document of the operations interface: every path and every status.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use trial_core::policy::SettingKey;
use trial_core::return_codes::{ApplyCode, ReturnCode};
use trial_core::tenants::TenantStatus;
use trial_core::timeline::PublicInterface;
use trial_engine::operations::page::PAGE;
use trial_engine::operations::{self as views, Operation};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::{access_codes, callers, mails, operators, orders, pool, prefixes, quota, settings};
use crate::body::WORKBOOK;
use crate::openapi::{problem, problem_schema, text_header};
use crate::parameters::MAX_PAGE;
use crate::problem::Kind;
use crate::routes::Route;

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const TOKEN: &str = "operatorToken";

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| ops_openapi_json().into());

/// The document at `/ops/openapi.json`.
pub fn ops_openapi_json() -> String {
    let mut text = build().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /ops/openapi.json`.
pub(crate) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).body(DOCUMENT.clone())
}

/// An operation as documented, with its particular statuses.
struct Documented {
    builder: OperationBuilder,
    failures: Vec<(&'static str, Vec<Kind>)>,
}

/// The parts of the document that grow with each path.
struct Document {
    components: ComponentsBuilder,
    paths: PathsBuilder,
}

fn build() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of an operator, which `trialgate operators add` prints: `tgo_…`"))
        .build();
    let mut document = Document {
        components: ComponentsBuilder::new()
            .schema("Problem", problem_schema())
            .security_scheme(TOKEN, SecurityScheme::Http(token)),
        paths: PathsBuilder::new(),
    };
    people(&mut document);
    customers(&mut document);
    lives(&mut document);
    codes(&mut document);
    messages(&mut document);
    rules(&mut document);
    abuse(&mut document);
    back_ends(&mut document);
    let info = InfoBuilder::new()
        .title("Trialgate operations")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Queries and commands of operations personnel. Every request carries the token of an operator; each operation \
             names the role it requires: viewer, operator or admin. Phones and e-mail addresses are masked unless \
             `reveal=true`, which requires the role operator and is audited first. A search by phone, e-mail address, \
             company or masked subject of the audit is also audited first, as a keyed hash of the search key; a viewer may \
             make 60 per hour, others 600, then 429. Listings are paged: `nextCursor` of a page is the `cursor` of the \
             next. Every change is audited with the operator's name. Everything that is not a result is an RFC 9457 \
             problem.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags()))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, [])]))
        .paths(document.paths.build())
        .components(Some(document.components.build()))
        .build()
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    let tag = |(name, what): (&str, &str)| TagBuilder::new().name(name).description(Some(what)).build();
    let tags = [
        ("people", "Operators and the audit."),
        ("customers", "Tenants and phones."),
        ("pool", "Access codes."),
        ("messages", "The daily e-mail limit and the outbox."),
        ("settings", "Runtime settings: limits and durations in force."),
        ("prefixes", "Number ranges of the fraud guard."),
        (
            "callers",
            "API clients: back ends that sign their requests. Clients and secrets are added on the command line.",
        ),
    ];
    tags.map(tag).into()
}

fn people(document: &mut Document) {
    let me = Documented::new("people", Operation::Me, "Show the operator of the token");
    let me = me.answers::<views::operators::OwnReport>(document, "The operator");
    document.add(Route::OpsMe, HttpMethod::Get, me);
    let audit = Documented::new("people", Operation::ListAudit, "List changes and reveals, newest first")
        .paged()
        .parameter(
            "actor",
            "Only entries of this actor: an operator's name, `cli:` and a user's name, `applicant`, or `trialgate`",
            text(),
        )
        .parameter("action", "Only this action, such as `setting.set`", text())
        .parameter("subject", "Only entries about this subject: a tenant's id, a phone as +8616673280001, …", text())
        .parameter("since", "Not before this", time())
        .parameter("until", "Before this", time())
        .revealing();
    let audit = audit.answers_page::<views::audit::AuditReport>(document, "A page of the audit");
    document.add(Route::OpsAudit, HttpMethod::Get, audit);
    let list = Documented::new("people", Operation::ListOperators, "List operators");
    let list = list.answers_list::<views::operators::OperatorReport>(document, "Operators");
    let add = Documented::new("people", Operation::AddOperator, "Add an operator")
        .reads::<operators::NewOperator>(document)
        .fails("409", &[Kind::Conflict])
        .answers::<operators::AddedOperator>(document, "The operator, with the token; it is not shown again");
    document.add_all(Route::OpsOperators, [(HttpMethod::Get, list), (HttpMethod::Post, add)]);
    let revoke = Documented::new("people", Operation::RevokeOperator, "Revoke a token and end its sessions")
        .named("name", "The operator's name", text())
        .answers_nothing("The operator is revoked");
    document.add(Route::OpsOperatorRevoke, HttpMethod::Post, revoke);
}

fn customers(document: &mut Document) {
    let one_of = |names: Vec<&str>| ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let code = one_of(ApplyCode::ALL.map(ApplyCode::as_str).to_vec());
    let either = one_of(ReturnCode::all().map(ReturnCode::as_str).collect());
    let interface = one_of(PublicInterface::ALL.iter().map(|interface| interface.as_str()).collect());
    let list =
        Documented::new("customers", Operation::ListRequests, "Requests of both public interfaces, newest first")
            .paged()
            .parameter("interface", "Only requests of this interface", interface)
            .of_customer()
            .parameter("returnCode", "Only requests answered with this code", either)
            .parameter("since", "Not before this", time())
            .parameter("until", "Before this", time())
            .revealing()
            .answers_page::<views::requests::RequestReport>(document, "A page of requests");
    document.add(Route::OpsRequests, HttpMethod::Get, list);
    let show = Documented::new("customers", Operation::ShowRequest, "One request with its timeline")
        .named("id", "The request's id", id())
        .revealing()
        .answers::<views::requests::RequestTimeline>(document, "The request");
    document.add(Route::OpsRequest, HttpMethod::Get, show);
    let list = Documented::new("customers", Operation::ListApplications, "Applications, newest first")
        .paged()
        .of_customer()
        .parameter("returnCode", "Only applications answered with this code", code)
        .parameter("since", "Not before this", time())
        .parameter("until", "Before this", time())
        .revealing()
        .answers_page::<views::applications::ApplicationReport>(document, "A page of applications");
    document.add(Route::OpsApplications, HttpMethod::Get, list);
    let show = Documented::new("customers", Operation::ShowApplication, "One application with its timeline")
        .named("id", "The application's id", id())
        .revealing()
        .answers::<views::applications::ApplicationTimeline>(document, "The application");
    document.add(Route::OpsApplication, HttpMethod::Get, show);
    let status = one_of(TenantStatus::ALL.iter().map(|status| status.as_str()).collect());
    let list = Documented::new("customers", Operation::ListTenants, "Tenants, newest first")
        .paged()
        .of_customer()
        .parameter("status", "Only tenants of this status", status)
        .parameter(
            "conversionAsked",
            "true: only tenants whose owner requests a conversion",
            ObjectBuilder::new().schema_type(Type::Boolean),
        )
        .revealing();
    let list = list.answers_page::<views::tenants::TenantReport>(document, "A page of tenants");
    document.add(Route::OpsTenants, HttpMethod::Get, list);
    let show = Documented::new("customers", Operation::ShowTenant, "One tenant")
        .named("id", "The tenant's id", id())
        .revealing()
        .answers::<views::tenants::TenantReport>(document, "The tenant");
    document.add(Route::OpsTenant, HttpMethod::Get, show);
    let phone = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(40));
    let show = Documented::new("customers", Operation::ShowPhone, "Show whether a phone is locked")
        .named("phone", "E.164, or national in the default region; any usual spelling", phone())
        .revealing()
        .answers::<views::phones::PhoneReport>(document, "The phone");
    document.add(Route::OpsPhone, HttpMethod::Get, show);
    let unlock = Documented::new("customers", Operation::UnlockPhone, "Set a phone's count of wrong codes to 0")
        .named("phone", "E.164, or national in the default region; any usual spelling", phone())
        .answers::<views::phones::PhoneReport>(document, "The phone, unlocked");
    document.add(Route::OpsPhoneUnlock, HttpMethod::Post, unlock);
}

/// Commands on one tenant.
fn lives(document: &mut Document) {
    let order = |operation, summary: &str| {
        Documented::new("customers", operation, summary)
            .named("id", "The tenant's id", self::id())
            .fails("409", &[Kind::Conflict])
    };
    let orders = [
        (Route::OpsConvert, order(Operation::ConvertTenant, "Convert a trial to a commercial tenant")),
        (Route::OpsSuspend, order(Operation::SuspendTenant, "Suspend a tenant")),
        (Route::OpsResume, order(Operation::ResumeTenant, "Resume a suspended tenant")),
        (Route::OpsClose, order(Operation::CloseTenant, "Close a tenant; its access codes go to quarantine")),
        (
            Route::OpsReopen,
            order(Operation::ReopenTenant, "Reopen a closed tenant while its access codes are in quarantine"),
        ),
        (Route::OpsResendMail, order(Operation::ResendMail, "Send the account mail again")),
    ];
    for (route, order) in orders {
        let order = order.answers::<views::tenants::TenantChangeReport>(document, "The change");
        document.add(route, HttpMethod::Post, order);
    }
    let extend = order(Operation::ExtendTrial, "Extend a trial")
        .reads::<orders::Extension>(document)
        .answers::<views::tenants::TenantChangeReport>(document, "The change");
    document.add(Route::OpsExtend, HttpMethod::Post, extend);
}

fn codes(document: &mut Document) {
    let one_of = |names: &[&str]| ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.to_vec()));
    let limit = number(1, MAX_PAGE).default(Some(PAGE.into()));
    let code = || text().max_length(Some(64)).pattern(Some("^[A-Za-z0-9+*#_.-]+$"));
    let list = Documented::new("pool", Operation::ListAccessCodes, "List access codes, in the order of the codes")
        .parameter("limit", "Items of the page", limit)
        .parameter("cursor", "The `nextCursor` of the previous page; without it, the first page", code())
        .parameter("kind", "Kind of the codes; voice if omitted", one_of(&["voice", "multimedia"]))
        .parameter(
            "state",
            "State of the codes; free if omitted",
            one_of(&["free", "leased", "quarantined", "retired"]),
        )
        .answers_page::<views::access_codes::AccessCodeReport>(document, "A page of access codes");
    document.add(Route::OpsAccessCodes, HttpMethod::Get, list);
    for (route, operation, summary) in [
        (Route::OpsRetire, Operation::RetireAccessCode, "Take a free or quarantined access code out of use"),
        (Route::OpsRelease, Operation::ReleaseAccessCode, "Return a quarantined or retired access code to the pool"),
    ] {
        let order = Documented::new("pool", operation, summary)
            .named("code", "The access code", code())
            .fails("409", &[Kind::Conflict])
            .answers::<pool::Moved>(document, "The change");
        document.add(route, HttpMethod::Post, order);
    }
    let stock = Documented::new("pool", Operation::AccessCodeStock, "Count access codes by kind and state");
    let stock = stock.answers::<views::access_codes::StockReport>(document, "The pool");
    document.add(Route::OpsStock, HttpMethod::Get, stock);
    let import = Documented::new(
        "pool",
        Operation::ImportAccessCodes,
        "Import access codes: all rows, or none if one is bad; known codes are skipped",
    )
    .parameter(
        "dryRun",
        "Show what would change without changing anything",
        ObjectBuilder::new().schema_type(Type::Boolean),
    )
    .reads::<access_codes::ImportRows>(document)
    .reads_files()
    .fails("400", &[Kind::InvalidQuery, Kind::MalformedBody, Kind::InvalidRows])
    .answers::<access_codes::Imported>(document, "The result");
    document.add(Route::OpsImport, HttpMethod::Post, import);
}

fn messages(document: &mut Document) {
    let days = number(1, views::quota::MOST_DAYS);
    let show = Documented::new("messages", Operation::ShowEmailQuota, "Show the daily e-mail limit")
        .parameter("days", "Number of days, today first; 1 if omitted", days)
        .answers::<views::quota::QuotaReport>(document, "The limit and its use");
    let set = Documented::new("messages", Operation::SetEmailQuota, "Set the daily e-mail limit, in force at once")
        .reads::<quota::SetQuota>(document)
        .answers::<views::quota::QuotaReport>(document, "The limit and its use");
    document.add_all(Route::OpsQuota, [(HttpMethod::Get, show), (HttpMethod::Put, set)]);
    let state =
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["due", "sent", "failed", "overtaken"]));
    let list = Documented::new("messages", Operation::ListMails, "Mails of the outbox, newest first")
        .paged()
        .parameter("state", "Only mails in this state", state)
        .parameter("tenant", "Only mails of this tenant", id())
        .revealing()
        .answers_page::<views::mails::OutboxMailReport>(document, "A page of mails");
    document.add(Route::OpsMails, HttpMethod::Get, list);
    let retry_all = Documented::new("messages", Operation::RetryMails, "Retry every mail that failed since a time")
        .reads::<mails::RetryAll>(document)
        .answers::<mails::AllRetried>(document, "The mails are due now");
    document.add(Route::OpsMailsRetry, HttpMethod::Post, retry_all);
    let retry = Documented::new("messages", Operation::RetryMail, "Retry a failed mail")
        .named("id", "The mail's id", id())
        .fails("409", &[Kind::Conflict])
        .answers::<mails::Retried>(document, "The mail is due now");
    document.add(Route::OpsMailRetry, HttpMethod::Post, retry);
}

fn rules(document: &mut Document) {
    let list = Documented::new("settings", Operation::ListSettings, "List runtime settings")
        .answers::<views::settings::SettingsReport>(document, "The settings and their changes");
    document.add(Route::OpsSettings, HttpMethod::Get, list);
    let change = |operation, summary: &str| {
        let keys = SettingKey::ALL.iter().map(|key| key.as_str());
        let key = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(keys));
        Documented::new("settings", operation, summary)
            .named("key", "Key as in the configuration", key)
            .fails("409", &[Kind::Conflict])
    };
    let set = change(Operation::SetSetting, "Change a setting, in force at once on every instance")
        .reads::<settings::NewValue>(document)
        .answers::<views::settings::SettingsReport>(document, "The settings as they are now");
    let reset = change(Operation::ResetSetting, "Reset a setting to its configured value")
        .parameter(
            "seen",
            "The `number` of the list on which this is based; without it, changes by others are ignored",
            number(0, u32::MAX),
        )
        .answers::<views::settings::SettingsReport>(document, "The settings as they are now");
    document.add_all(Route::OpsSetting, [(HttpMethod::Put, set), (HttpMethod::Delete, reset)]);
}

fn abuse(document: &mut Document) {
    let list = Documented::new("prefixes", Operation::ListPrefixes, "List blocked number ranges and the safe list")
        .answers::<views::number_ranges::NumberRangesReport>(document, "Number ranges");
    document.add(Route::OpsPrefixes, HttpMethod::Get, list);
    let change = |operation, summary: &str| {
        let prefix = text().max_length(Some(12)).pattern(Some(r"^\+?[1-9][0-9]{0,10}$"));
        Documented::new("prefixes", operation, summary).named(
            "prefix",
            "First digits of phone numbers with the country calling code: +861667328",
            prefix,
        )
    };
    let release = change(Operation::ReleasePrefix, "Unblock a number range; its codes are counted from zero again")
        .answers::<views::number_ranges::NumberRangesReport>(document, "Number ranges after the change");
    document.add(Route::OpsPrefixRelease, HttpMethod::Post, release);
    let add = change(Operation::AddSafePrefix, "Add a number range to the safe list")
        .reads::<prefixes::Reason>(document)
        .fails("409", &[Kind::Conflict])
        .answers::<views::number_ranges::NumberRangesReport>(document, "Number ranges after the change");
    let remove = change(Operation::RemoveSafePrefix, "Remove a number range from the safe list")
        .answers::<views::number_ranges::NumberRangesReport>(document, "Number ranges after the change");
    document.add_all(Route::OpsSafePrefix, [(HttpMethod::Put, add), (HttpMethod::Delete, remove)]);
}

fn back_ends(document: &mut Document) {
    let list = Documented::new("callers", Operation::ListCallers, "List API clients")
        .answers_list::<views::clients::ApiClientReport>(document, "API clients, without their secrets");
    document.add(Route::OpsCallers, HttpMethod::Get, list);
    let change = |operation, summary: &str| {
        Documented::new("callers", operation, summary).named("name", "Name of the API client", text())
    };
    let suspend = change(Operation::SuspendCaller, "Suspend an API client at once, until it is resumed")
        .fails("409", &[Kind::Conflict])
        .answers::<views::clients::ApiClientReport>(document, "The API client after the change");
    document.add(Route::OpsCallerSuspend, HttpMethod::Post, suspend);
    let resume = change(Operation::ResumeCaller, "Resume an API client")
        .fails("409", &[Kind::Conflict])
        .answers::<views::clients::ApiClientReport>(document, "The API client after the change");
    document.add(Route::OpsCallerResume, HttpMethod::Post, resume);
    let remove = change(Operation::RemoveCaller, "Remove an API client for good; its name is free again")
        .answers::<views::clients::ApiClientReport>(document, "The removed API client");
    document.add(Route::OpsCallerRemove, HttpMethod::Post, remove);
    let limit = change(Operation::SetCallerLimits, "Change scopes or rate of an API client")
        .reads::<callers::NewLimits>(document)
        .answers::<views::clients::ApiClientReport>(document, "The API client after the change");
    document.add(Route::OpsCallerLimits, HttpMethod::Post, limit);
}

impl Document {
    fn add(&mut self, route: Route, method: HttpMethod, operation: Documented) {
        self.add_all(route, [(method, operation)]);
    }

    fn add_all(&mut self, route: Route, operations: impl IntoIterator<Item = (HttpMethod, Documented)>) {
        let item = operations
            .into_iter()
            .fold(PathItemBuilder::new(), |item, (method, operation)| item.operation(method, operation.build()));
        let paths = std::mem::take(&mut self.paths);
        self.paths = paths.path(route.pattern(), item.build());
    }

    /// Registers a type and the types it uses; returns the reference.
    fn know<T: ToSchema + PartialSchema>(&mut self) -> Ref {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        let components = std::mem::take(&mut self.components);
        self.components = schemas.into_iter().fold(components, |known, (name, schema)| known.schema(name, schema));
        Ref::from_schema_name(T::name())
    }

    fn items<T: ToSchema + PartialSchema>(&mut self, what: &str) -> ArrayBuilder {
        ArrayBuilder::new().items(self.know::<T>()).description(Some(what))
    }

    /// Registers a listing of a type; returns the reference.
    fn know_list<T: ToSchema + PartialSchema>(&mut self) -> Ref {
        let items = self.items::<T>("Newest first, at most 1,000, revoked and removed ones included");
        let list = ObjectBuilder::new().schema_type(Type::Object).property("items", items).required("items");
        let name = format!("{}List", T::name());
        self.components = std::mem::take(&mut self.components).schema(name.clone(), list);
        Ref::from_schema_name(name)
    }

    /// Registers a page of a type; returns the reference.
    fn know_page<T: ToSchema + PartialSchema>(&mut self) -> Ref {
        let items = self.items::<T>("Newest first");
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Value of `cursor` for the next page; null on the last one"));
        let page = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("items", items)
            .required("items")
            .property("nextCursor", cursor)
            .required("nextCursor");
        let name = format!("{}Page", T::name());
        self.components = std::mem::take(&mut self.components).schema(name.clone(), page);
        Ref::from_schema_name(name)
    }
}

impl Documented {
    fn new(tag: &str, operation: Operation, summary: &str) -> Self {
        let role = operation.permission().takes();
        let builder = OperationBuilder::new()
            .tag(tag)
            .operation_id(Some(operation.as_str()))
            .summary(Some(summary))
            .description(Some(format!("Requires the role {role}.")));
        let forbidden = (role > trial_core::operators::Role::Viewer).then(|| ("403", vec![Kind::Forbidden]));
        let anybody = [("400", vec![Kind::InvalidQuery]), ("401", vec![Kind::Unauthorized])];
        let anything = [
            ("429", vec![Kind::RateLimited]),
            ("431", vec![Kind::HeadTooLarge]),
            ("500", vec![Kind::Unexpected]),
            ("503", vec![Kind::Unavailable]),
        ];
        Self { builder, failures: anybody.into_iter().chain(forbidden).chain(anything).collect() }
    }

    /// Adds problems to a status.
    fn fails(mut self, status: &'static str, kinds: &[Kind]) -> Self {
        self.failures.retain(|(known, _)| *known != status);
        self.failures.push((status, kinds.to_vec()));
        self
    }

    fn parameter(mut self, name: &str, what: &str, schema: ObjectBuilder) -> Self {
        self.builder = self.builder.parameter(parameter(name, what, schema, ParameterIn::Query, Required::False));
        self
    }

    /// Names one thing in the path, which may not exist.
    fn named(mut self, name: &str, what: &str, schema: ObjectBuilder) -> Self {
        self.builder = self.builder.parameter(parameter(name, what, schema, ParameterIn::Path, Required::True));
        self.fails("404", &[Kind::NotFound])
    }

    fn paged(self) -> Self {
        let limit = number(1, MAX_PAGE).default(Some(PAGE.into()));
        self.parameter("limit", "Items of the page", limit).parameter(
            "cursor",
            "The `nextCursor` of the previous page; without it, the first page",
            id(),
        )
    }

    /// Adds the search keys of a person.
    fn of_customer(self) -> Self {
        self.parameter("phone", "Phone, in any usual spelling", text().max_length(Some(40)))
            .parameter("email", "E-mail address", text().max_length(Some(254)))
            .parameter("company", "Company name", text().max_length(Some(128)))
            .parameter("requestId", "Request id", text().max_length(Some(64)).pattern(Some("^[A-Za-z0-9_.:-]+$")))
    }

    fn revealing(self) -> Self {
        let flag = ObjectBuilder::new().schema_type(Type::Boolean);
        self.parameter("reveal", "Show phones and addresses in full; requires the role operator and is audited", flag)
            .fails("403", &[Kind::Forbidden])
    }

    fn reads<T: ToSchema + PartialSchema>(mut self, document: &mut Document) -> Self {
        let content = ContentBuilder::new().schema(Some(document.know::<T>())).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True)).content(JSON, content).build();
        self.builder = self.builder.request_body(Some(body));
        self.fails("400", &[Kind::InvalidQuery, Kind::MalformedBody, Kind::InvalidFields])
            .fails("408", &[Kind::RequestTimeout])
            .fails("413", &[Kind::BodyTooLarge])
            .fails("415", &[Kind::UnsupportedMediaType])
    }

    /// Also reads the body as CSV or workbook.
    fn reads_files(mut self) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let example = serde_json::json!("kind,code\nvoice,95001\nmultimedia,chat-1\n");
        let content = ContentBuilder::new().schema(Some(text)).example(Some(example)).build();
        let mut operation = self.builder.build();
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.insert(CSV.to_owned(), RefOr::T(content));
            body.content.insert(WORKBOOK.to_owned(), RefOr::T(ContentBuilder::new().build()));
        }
        self.builder = operation.into();
        self
    }

    fn answers<T: ToSchema + PartialSchema>(mut self, document: &mut Document, what: &str) -> Self {
        let schema = document.know::<T>();
        self.builder = self.builder.response("200", json_response(schema, what));
        self
    }

    /// Answers a page of this type.
    fn answers_page<T: ToSchema + PartialSchema>(mut self, document: &mut Document, what: &str) -> Self {
        let page = document.know_page::<T>();
        self.builder = self.builder.response("200", json_response(page, what));
        self
    }

    /// Answers all things of this type, up to a bound.
    fn answers_list<T: ToSchema + PartialSchema>(mut self, document: &mut Document, what: &str) -> Self {
        let list = document.know_list::<T>();
        self.builder = self.builder.response("200", json_response(list, what));
        self
    }

    fn answers_nothing(mut self, what: &str) -> Self {
        self.builder = self.builder.response("204", ResponseBuilder::new().description(what));
        self
    }

    fn build(mut self) -> OperationBuilder {
        self.failures.sort_by_key(|(status, _)| *status);
        let failures = self.failures.into_iter();
        failures.fold(self.builder, |builder, (status, kinds)| builder.response(status, problem(&kinds)))
    }
}

fn json_response(schema: Ref, what: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(what).content(JSON, content);
    response.header("X-Request-Id", text_header("The request id"))
}

fn parameter(
    name: &str,
    what: &str,
    schema: ObjectBuilder,
    place: ParameterIn,
    required: Required,
) -> ParameterBuilder {
    let builder = ParameterBuilder::new().name(name).parameter_in(place).required(required);
    builder.description(Some(what)).schema(Some(schema))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(256))
}

fn time() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn id() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn number(least: u32, most: u32) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}
