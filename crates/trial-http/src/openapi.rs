//! The OpenAPI document of the public interface. Examples are built from the messages that are sent.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use serde_json::{Value, json};
use trial_core::return_codes::{ApplyCode, ReturnCodeRow, SendCode};
use trial_core::values::Locale;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathItemBuilder, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required, ResponseBuilder,
};

use crate::Envelope;
use crate::messages::Reply;
use crate::problem::{CONTENT_TYPE_PROBLEM, Kind};
use crate::routes::{APPLY_PATH, QUERY_TENANT_PATH, SEND_CODE_PATH, SMS_CALLBACK_PATH};
use crate::site::State;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Configuration of the described interface.
#[derive(Debug, Clone, Copy)]
struct Described {
    envelope: Envelope,
    /// Requests must be signed.
    is_signed: bool,
    has_sandbox: bool,
}

/// The document of all options: both envelopes, signed requests, the sandbox. A running service describes its own
/// configuration at `/openapi.json`.
pub fn openapi_json() -> String {
    Described { envelope: Envelope::Auto, is_signed: true, has_sandbox: true }.json()
}

/// `GET /openapi.json`.
pub(crate) async fn document(state: Data<State>) -> HttpResponse {
    let described = Described {
        envelope: state.settings.envelope,
        is_signed: state.signing.is_some(),
        has_sandbox: state.inbox.is_some(),
    };
    let document = state.document.get_or_init(|| Bytes::from(described.json()));
    HttpResponse::Ok().content_type(JSON).body(document.clone())
}

impl Described {
    fn json(self) -> String {
        let mut text = build(self).to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    }

    const fn envelope(self) -> &'static str {
        match self.envelope {
            Envelope::Auto => {
                "The fields of a request are in the body itself, or in an object named `requestBody`; the reply to the latter \
                 is in one named `schema`."
            }
            Envelope::Flat => "The fields of a request, and of its reply, are in the body itself.",
            Envelope::Schema => "The request is in an object named `requestBody`, and the reply in one named `schema`.",
        }
    }
}

fn build(described: Described) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Trialgate")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!(
            "One-click trials of a cloud contact centre: sends an SMS verification code and applies for a trial tenant. \
             A decision is answered with HTTP 200 and a return code, in both published spellings. {} \
             Everything else is an RFC 9457 problem. Unknown fields are ignored.",
            described.envelope()
        )))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let tag = |name: &str, what: &str| TagBuilder::new().name(name).description(Some(what)).build();
    let mut paths = PathsBuilder::new()
        .path(SEND_CODE_PATH, PathItem::new(HttpMethod::Post, send_code(described)))
        .path(APPLY_PATH, PathItem::new(HttpMethod::Post, apply(described)))
        .path(QUERY_TENANT_PATH, PathItem::new(HttpMethod::Get, query_tenant()))
        .path(SMS_CALLBACK_PATH, PathItem::new(HttpMethod::Post, sms_callback()))
        .path("/healthz", PathItem::new(HttpMethod::Get, healthz()))
        .path("/readyz", PathItem::new(HttpMethod::Get, readyz()))
        .path("/metrics", PathItem::new(HttpMethod::Get, metrics()));
    let mut tags = vec![
        tag("public", "Calls of websites."),
        tag("callbacks", "Callbacks of SMS providers."),
        tag("process", "Health and metrics of the process."),
    ];
    if described.has_sandbox {
        tags.push(tag("sandbox", "Captured messages; 404 unless the sandbox is enabled."));
        paths = paths
            .path("/sandbox/messages", PathItem::new(HttpMethod::Get, sandbox_messages()))
            .path("/sandbox/faults", sandbox_faults());
    }
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .paths(paths.build())
        .components(Some(components(described).build()))
        .build()
}

fn components(described: Described) -> ComponentsBuilder {
    let mut components = ComponentsBuilder::new();
    if described.envelope != Envelope::Flat {
        components = components
            .schema("NestedCodeRequest", nested("requestBody", "CodeRequest"))
            .schema("NestedApplication", nested("requestBody", "Application"))
            .schema("NestedReply", nested("schema", "Reply"));
    }
    if described.has_sandbox {
        components = components.schema("Faults", faults_schema());
    }
    components
        .schema(
            "CodeRequest",
            object([("phone", text("E.164, or national in the default region; any usual spelling", 40))]),
        )
        .schema(
            "Application",
            object([
                ("companyName", text("1 to 128 characters after trimming; no control characters", 128)),
                ("phone", text("E.164, or national in the default region; any usual spelling", 40)),
                ("phoneVerifyCode", text("the code from the short message", 16)),
                ("email", text("a mailbox of RFC 5321 at a host that can be on the internet, at most 254 bytes", 254)),
            ]),
        )
        .schema(
            "Reply",
            object([
                ("returnCode", text("the return code", 3)),
                ("returnMsg", text("its meaning, for people", 200)),
                ("retCode", text("the same as returnCode", 3)),
                ("retMsg", text("the same as returnMsg", 200)),
            ]),
        )
        .schema("Problem", problem_schema())
}

fn nested(name: &str, schema: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    object.property(name, Ref::from_schema_name(schema)).required(name).into()
}

/// The schema of this name in the accepted places.
fn in_places(described: Described, name: &str) -> RefOr<Schema> {
    let (flat, nested) = (Ref::from_schema_name(name), Ref::from_schema_name(format!("Nested{name}")));
    match described.envelope {
        Envelope::Auto => OneOfBuilder::new().item(flat).item(nested).into(),
        Envelope::Flat => flat.into(),
        Envelope::Schema => nested.into(),
    }
}

/// A request body with these fields in the accepted places.
fn request_body(described: Described, schema: &str, fields: Value) -> RequestBodyBuilder {
    let example = |value: Value| ExampleBuilder::new().value(Some(value)).build();
    let nested = json!({"requestBody": fields});
    let examples = match described.envelope {
        Envelope::Auto => vec![("flat", example(fields)), ("nested", example(nested))],
        Envelope::Flat => vec![("flat", example(fields))],
        Envelope::Schema => vec![("nested", example(nested))],
    };
    let content = ContentBuilder::new().schema(Some(in_places(described, schema))).examples_from_iter(examples).build();
    let body = RequestBodyBuilder::new().required(Some(Required::True)).content(JSON, content);
    body.description(Some("A body without `Content-Type` is read as JSON"))
}

fn send_code(described: Described) -> OperationBuilder {
    let examples = SendCode::ALL.map(SendCode::row);
    public(described, "generateVerifyCode", "Send a verification code")
        .request_body(Some(request_body(described, "CodeRequest", json!({"phone": "16673280001"})).build()))
        .response("200", replies(described, &examples))
}

fn apply(described: Described) -> OperationBuilder {
    let example = json!({
        "companyName": "Example Ltd.", "phone": "16673280001", "phoneVerifyCode": "123456", "email": "a@example.com"
    });
    let examples = ApplyCode::ALL.map(ApplyCode::row);
    public(described, "applyTenant", "Apply for a trial")
        .request_body(Some(request_body(described, "Application", example).build()))
        .response("200", replies(described, &examples))
}

fn public(described: Described, id: &str, summary: &str) -> OperationBuilder {
    let header = |name: &str, what: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(what))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
    };
    let failures = [
        ("400", vec![Kind::MalformedBody, Kind::InvalidFields]),
        ("401", vec![Kind::NotEntitled]),
        ("403", vec![Kind::SignatureRefused]),
        ("408", vec![Kind::RequestTimeout]),
        ("413", vec![Kind::BodyTooLarge]),
        ("415", vec![Kind::UnsupportedMediaType]),
        ("429", vec![Kind::RateLimited]),
        ("431", vec![Kind::HeadTooLarge]),
        ("500", vec![Kind::Unexpected]),
        ("503", vec![Kind::Unavailable]),
    ];
    let of_signed = |kinds: &[Kind]| kinds == [Kind::NotEntitled] || kinds == [Kind::SignatureRefused];
    let failures = failures.into_iter().filter(|(_, kinds)| described.is_signed || !of_signed(kinds));
    let operation = OperationBuilder::new()
        .tag("public")
        .operation_id(Some(id))
        .summary(Some(summary))
        .parameter(header(
            "X-Request-Id",
            "Id of the client: 1 to 64 letters, digits and -_.:; created if missing or invalid",
        ))
        .parameter(header("Accept-Language", "zh for messages in Chinese; English otherwise"));
    failures.fold(operation, |operation, (status, kinds)| operation.response(status, problem(&kinds)))
}

fn replies(described: Described, codes: &[&'static ReturnCodeRow]) -> ResponseBuilder {
    let examples = codes.iter().map(|row| {
        let reply = Reply::new(row, Locale::En);
        let value = match described.envelope {
            Envelope::Schema => Some(json!({"schema": reply})),
            Envelope::Auto | Envelope::Flat => serde_json::to_value(reply).ok(),
        };
        (row.code, ExampleBuilder::new().summary(row.cause).value(value).build())
    });
    let content =
        ContentBuilder::new().schema(Some(in_places(described, "Reply"))).examples_from_iter(examples).build();
    ResponseBuilder::new()
        .description("A return code")
        .content(JSON, content)
        .header("X-Request-Id", text_header("The id that operations search by"))
        .header("Retry-After", text_header("Seconds to wait, if known (201, 005)"))
}

pub(crate) fn problem(kinds: &[Kind]) -> ResponseBuilder {
    let examples = kinds.iter().map(|kind| {
        let name = kind.uri().rsplit(':').next().unwrap_or_default();
        (name, ExampleBuilder::new().value(Some(problem_example(*kind))).build())
    });
    let schema = Some(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(schema).examples_from_iter(examples).build();
    let response = ResponseBuilder::new()
        .description(kinds.first().map_or("", |kind| kind.title()))
        .content(CONTENT_TYPE_PROBLEM, content)
        .header("X-Request-Id", text_header("The id that operations search by"));
    if let Some(challenge) = kinds.iter().find_map(|kind| kind.challenge()) {
        let name = challenge.split(' ').next().unwrap_or_default();
        return response.header("WWW-Authenticate", text_header(name));
    }
    if kinds.iter().any(|kind| matches!(kind, Kind::RateLimited | Kind::Unavailable)) {
        response.header("Retry-After", text_header("Seconds to wait"))
    } else {
        response
    }
}

fn problem_example(kind: Kind) -> Value {
    let mut example = json!({
        "type": kind.uri(), "title": kind.title(), "status": kind.status().as_u16(),
        "requestId": "019cad1c-8e00-7a5c-9f3e-2b7d4c6a8e10"
    });
    if kind == Kind::InvalidFields {
        example["detail"] = json!("1 field must be corrected");
        example["errors"] = json!([{"pointer": "#/phone", "field": "phone", "detail": "phone is missing"}]);
    }
    example
}

fn query_tenant() -> OperationBuilder {
    let person = |name: &str, what: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(what))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
    };
    let example = json!({
        "createDate": 1_772_438_400_000_i64, "expiryDate": 1_775_030_400_000_i64, "company": "E***",
        "email": "a***@example.com", "mobilePhone": "+861667328****", "tenantSpaceStatus": "trial",
        "portalUrl": "https://portal.example.com/"
    });
    let operation = OperationBuilder::new()
        .tag("public")
        .operation_id(Some("queryTenant"))
        .summary(Some("Show the status of a trial"))
        .description(Some(
            "For API clients that sign their requests and have the scope `query`: give either phone or email. For an owner \
             who is signed in to the portal, by the session cookie and without parameters: the own tenant. Dates are \
             milliseconds since the epoch; `expiryDate` is null for a commercial tenant, `tenantSpaceStatus` is `trial`, \
             `suspended`, `commercial` or `closed`. A tenant in use takes precedence over a closed one. Values that the \
             client did not give are masked: `email` in a query by phone, `company` except for the owner, `mobilePhone` \
             always.",
        ))
        .parameter(person("phone", "The applicant's phone, in any usual spelling"))
        .parameter(person("email", "The applicant's e-mail address"))
        .response("200", json_response("The tenant", example));
    let failures = [
        ("400", vec![Kind::InvalidQuery]),
        ("401", vec![Kind::NotEntitled]),
        ("403", vec![Kind::SignatureRefused]),
        ("404", vec![Kind::NotFound]),
        ("408", vec![Kind::RequestTimeout]),
        ("413", vec![Kind::BodyTooLarge]),
        ("429", vec![Kind::RateLimited]),
        ("431", vec![Kind::HeadTooLarge]),
        ("500", vec![Kind::Unexpected]),
        ("503", vec![Kind::Unavailable]),
    ];
    failures.into_iter().fold(operation, |operation, (status, kinds)| operation.response(status, problem(&kinds)))
}

fn sms_callback() -> OperationBuilder {
    let segment = |name: &str, what: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(what))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
    };
    let form = ObjectBuilder::new().schema_type(Type::Object);
    let content = ContentBuilder::new().schema(Some(form)).build();
    let body = RequestBodyBuilder::new().required(Some(Required::True)).content(FORM, content);
    let operation = OperationBuilder::new()
        .tag("callbacks")
        .operation_id(Some("smsCallback"))
        .summary(Some("Report the delivery of a short message"))
        .parameter(segment("gateway", "huawei or twilio"))
        .parameter(segment("secret", "The gateway's `callback_secret`"))
        .request_body(Some(body.description(Some("The provider's report")).build()))
        .response("204", ResponseBuilder::new().description("The receipt is recorded"));
    let failures = [
        ("400", Kind::MalformedBody),
        ("404", Kind::NotFound),
        ("408", Kind::RequestTimeout),
        ("413", Kind::BodyTooLarge),
        ("415", Kind::UnsupportedMediaType),
        ("431", Kind::HeadTooLarge),
        ("503", Kind::Unavailable),
    ];
    failures.into_iter().fold(operation, |operation, (status, kind)| operation.response(status, problem(&[kind])))
}

fn healthz() -> OperationBuilder {
    process("healthz", "Check that the process serves requests")
        .response("200", json_response("It serves requests", json!({"status": "ok"})))
}

fn readyz() -> OperationBuilder {
    let readiness = |ready: bool| {
        let mut storage = json!({"name": "storage", "ready": ready, "vital": true});
        if !ready {
            storage["problem"] = json!("the ledger cannot be reached");
        }
        json!({"ready": ready, "dependencies": [storage, {"name": "mail", "ready": true, "vital": false}]})
    };
    process("readyz", "Check that applications can be accepted")
        .response("200", json_response("Applications can be accepted", readiness(true)))
        .response("503", json_response("A vital dependency cannot be used", readiness(false)))
}

fn metrics() -> OperationBuilder {
    let content: Content = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    let response = ResponseBuilder::new().description("Text format of Prometheus").content("text/plain", content);
    process("metrics", "Metrics").response("200", response)
}

fn process(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag("process")
        .operation_id(Some(id))
        .summary(Some(summary))
        .response("431", problem(&[Kind::HeadTooLarge]))
}

fn sandbox_messages() -> OperationBuilder {
    let filter = |name: &str, what: &str, schema: ObjectBuilder| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(what))
            .schema(Some(schema))
    };
    let channel = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["sms", "mail"]));
    let recipient = ObjectBuilder::new().schema_type(Type::String);
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(1_000));
    let example = json!({"messages": [{
        "channel": "sms", "to": "+8616673280001", "text": "Your verification code is 123456.", "code": "123456",
        "at": "2026-03-02T08:00:00Z"
    }]});
    sandbox("sandboxMessages", "Captured messages, newest first")
        .parameter(filter("channel", "Only messages of this channel", channel))
        .parameter(filter("to", "Only messages to this phone, in any usual spelling, or e-mail address", recipient))
        .parameter(filter("limit", "Number of messages; 100 if omitted", limit))
        .response("200", json_response("Captured messages", example))
        .response("400", problem(&[Kind::InvalidQuery]))
}

fn sandbox_faults() -> PathItem {
    let example = json!({"sms": "refuse", "mail": "none"});
    let read = sandbox("sandboxFaults", "Show the simulated faults")
        .response("200", json_response("Faults in force", example.clone()));
    let write = sandbox("setSandboxFaults", "Simulate faults of gateway and mail server; an omitted one is none")
        .request_body(Some(body("Faults", example.clone()).build()))
        .response("200", json_response("Faults in force", example))
        .response("400", problem(&[Kind::MalformedBody]))
        .response("408", problem(&[Kind::RequestTimeout]))
        .response("413", problem(&[Kind::BodyTooLarge]))
        .response("415", problem(&[Kind::UnsupportedMediaType]));
    PathItemBuilder::new().operation(HttpMethod::Get, read).operation(HttpMethod::Put, write).build()
}

fn sandbox(id: &str, summary: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag("sandbox")
        .operation_id(Some(id))
        .summary(Some(summary))
        .response("404", problem(&[Kind::NotFound]))
        .response("431", problem(&[Kind::HeadTooLarge]))
}

fn body(schema: &str, example: Value) -> RequestBodyBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(Some(example)).build();
    RequestBodyBuilder::new().required(Some(Required::True)).content(JSON, content)
}

fn json_response(description: &str, example: Value) -> ResponseBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::Object);
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
    ResponseBuilder::new().description(description).content(JSON, content)
}

fn object<const N: usize>(fields: [(&str, ObjectBuilder); N]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object);
    fields.into_iter().fold(object, |object, (name, field)| object.property(name, field).required(name)).into()
}

fn text(description: &str, max_length: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .min_length(Some(1))
        .max_length(Some(max_length))
}

pub(crate) fn text_header(description: &str) -> utoipa::openapi::header::Header {
    let schema: Schema = ObjectBuilder::new().schema_type(Type::String).into();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

pub(crate) fn problem_schema() -> RefOr<Schema> {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let error = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("pointer", string().description(Some("place in the body, as a JSON pointer")))
        .property("field", string().description(Some("the field of the body")))
        .property("parameter", string().description(Some("the parameter of the query or the path")))
        .property("line", ObjectBuilder::new().schema_type(Type::Integer).description(Some("the line of the file")))
        .property("detail", string().description(Some("the fault, and what to give instead")))
        .required("detail");
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("type", string().description(Some("kind of the problem")))
        .property("title", string())
        .property("status", ObjectBuilder::new().schema_type(Type::Integer))
        .property("detail", string())
        .property("requestId", string())
        .property("errors", ArrayBuilder::new().items(error))
        .required("type")
        .required("title")
        .required("status")
        .required("requestId")
        .into()
}

fn faults_schema() -> RefOr<Schema> {
    let one_of = |names: &[&str]| ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.to_vec()));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("sms", one_of(&["none", "refuse", "unreachable", "unknown"]))
        .property("mail", one_of(&["none", "transient", "permanent"]))
        .into()
}
