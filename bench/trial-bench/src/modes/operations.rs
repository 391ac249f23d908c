//! The pages and calls of operators among many applications.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;

use crate::http::{Connection, Request};
use crate::options::Options;
use crate::results::Looked;
use crate::services::{Database, Fleet, Ground, HalfYear};

const APPLICATIONS: f64 = 1_000_000.0;
/// Requests per page, after a few uncounted ones.
const TIMES: u32 = 100;
const BEFORE: u32 = 5;

/// Measures each page and call of operators, among many applications and among a hundredth of them.
pub(crate) async fn operations(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Looked>> {
    let many = i64::from(options.scaled(APPLICATIONS)).max(10_000);
    let mut all = Vec::new();
    for &database in &options.databases {
        let few = look(ground, options, database, many / 100).await?;
        for (what, found) in look(ground, options, database, many).await? {
            let few = few.get(&what).context("the same is asked for")?;
            let applications = many.unsigned_abs();
            all.push(Looked { database, applications, what, few: few.p50, all: found.p50, p99: found.p99 });
        }
    }
    Ok(all)
}

/// In milliseconds.
struct Latency {
    p50: f64,
    p99: f64,
}

async fn look(
    ground: &Ground,
    options: &Options,
    database: Database,
    applications: i64,
) -> anyhow::Result<BTreeMap<String, Latency>> {
    #[expect(clippy::disallowed_methods, reason = "the service that is measured reads the same clock")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let past = HalfYear { applications, now: i64::try_from(now.as_micros())? };
    let store = ground.store(database)?;
    store.migrate().await?;
    past.write(&store)?;
    let fleet = Fleet::resume(ground, &store, options, 1)?;
    fleet.sweep()?;
    fleet.examine()?;
    let mut connection = Connection::open(fleet.addresses()[0]).await?;
    let mut found = BTreeMap::new();
    for (place, what) in calls(past).iter().chain(&pages(past)).enumerate() {
        // One operator per page, who stays below the hourly limit of searches.
        let token = fleet.token(&format!("bench-{place}"))?;
        let header = if what.path.starts_with("/ops/") {
            format!("authorization: Bearer {token}")
        } else {
            connection.begin_session(&Request::form("/console/sign-in", &format!("token={token}"))).await?
        };
        let latency = time(&mut connection, &Request::get_as(&what.path, &header)).await?;
        found.insert(format!("{place:02} {}", what.name), latency);
    }
    Ok(found)
}

async fn time(connection: &mut Connection, request: &Request) -> anyhow::Result<Latency> {
    let mut latencies = Histogram::<u64>::new(3)?;
    for count in 0..BEFORE + TIMES {
        let asked = Instant::now();
        let reply = connection.exchange(request).await?;
        ensure!(!reply.is_empty(), "an empty page");
        if count >= BEFORE {
            latencies.record(u64::try_from(asked.elapsed().as_micros())?)?;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "microseconds of one page are far below 2^53")]
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Latency { p50: at(0.5), p99: at(0.99) })
}

/// A page, and its name without the person looked for.
struct Asked {
    name: String,
    path: String,
}

fn asked(path: &str, sought: &[(&str, String)]) -> Asked {
    let filled =
        sought.iter().fold(path.to_owned(), |path, (place, value)| path.replace(&format!("{{{place}}}"), value));
    Asked { name: path.to_owned(), path: filled }
}

/// The searched person: an applicant accepted lately.
fn sought(past: HalfYear) -> [(&'static str, String); 6] {
    let one = past.last(9);
    [
        ("phone", one.phone().replace('+', "%2B")),
        ("email", one.email()),
        ("company", one.company().replace(' ', "%20")),
        ("request", one.request_id()),
        ("application", one.application()),
        ("tenant", one.tenant()),
    ]
}

fn calls(past: HalfYear) -> Vec<Asked> {
    let paths = [
        "/ops/v1/me",
        "/ops/v1/applications?limit=50",
        "/ops/v1/applications?limit=50&phone={phone}",
        "/ops/v1/applications?limit=50&email={email}",
        "/ops/v1/applications?limit=50&company={company}",
        "/ops/v1/applications?limit=50&requestId={request}",
        "/ops/v1/applications?limit=50&returnCode=006",
        "/ops/v1/applications?limit=50&returnCode=003",
        "/ops/v1/applications?limit=50&returnCode=006&phone={phone}",
        "/ops/v1/applications?limit=50&since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z",
        "/ops/v1/applications?limit=50&returnCode=003&since=2020-01-01T00:00:00Z",
        "/ops/v1/applications/{application}",
        "/ops/v1/tenants?limit=50",
        "/ops/v1/tenants?limit=50&status=suspended",
        "/ops/v1/tenants?limit=50&phone={phone}",
        "/ops/v1/tenants?limit=50&company={company}&status=closed",
        "/ops/v1/tenants/{tenant}",
        "/ops/v1/access-codes/stock",
        "/ops/v1/access-codes?limit=50&kind=voice&state=free",
        "/ops/v1/access-codes?limit=50&kind=voice&state=leased",
        "/ops/v1/access-codes?limit=50&kind=voice&state=quarantined",
        "/ops/v1/access-codes?limit=50&kind=voice&state=retired",
        "/ops/v1/email-quota?days=14",
        "/ops/v1/mails?limit=50",
        "/ops/v1/mails?limit=50&state=due",
        "/ops/v1/mails?limit=50&state=failed",
        "/ops/v1/mails?limit=50&tenant={tenant}",
        "/ops/v1/phones/{phone}",
        "/ops/v1/audit?limit=50",
        "/ops/v1/audit?limit=50&actor=bench",
        "/ops/v1/audit?limit=50&actor=nobody",
        "/ops/v1/audit?limit=50&action=setting.set",
        "/ops/v1/audit?limit=50&subject={tenant}",
        "/ops/v1/operators",
    ];
    let sought = sought(past);
    paths.iter().map(|path| asked(path, &sought)).collect()
}

fn pages(past: HalfYear) -> Vec<Asked> {
    let paths = [
        "/console/",
        "/console/applications",
        "/console/applications?find={phone}",
        "/console/applications/{application}",
        "/console/tenants",
        "/console/tenants/{tenant}",
        "/console/access-codes",
        "/console/mails",
        "/console/phones?find={phone}",
        "/console/settings",
        "/console/audit",
    ];
    let sought = sought(past);
    paths.iter().map(|path| asked(path, &sought)).collect()
}
