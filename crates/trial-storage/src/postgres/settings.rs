//! The server's settings that guarantees depend on.

use chrono::{DateTime, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fault::Trouble;
use super::guard::{self, Refusal};
use super::set::Set;
use super::transaction::TURNSTILE;
use crate::convert::time;

/// Seconds for which a session may hold the admission lock before it is reported.
const HELD_UP: u64 = 1;

/// The dangers of the settings, and the losses so far; the graver ones with `true`.
pub(super) async fn concerns(mut conn: &AsyncPgConnection, servers: usize) -> Result<Vec<(bool, String)>, Trouble> {
    let settings = "SELECT name, setting FROM pg_settings \
        WHERE name IN ('fsync', 'full_page_writes', 'lc_messages', 'synchronous_standby_names')";
    let settings: Vec<(String, String)> =
        Set::new(Vec::new(), settings).returning::<(Text, Text)>().load(&mut conn).await?;
    let halted = guard::halted(conn).await?.map(|reason| (true, Refusal::Halted(reason).to_string()));
    let concerns = settings.iter().filter_map(|(name, value)| concern(name, value, servers));
    Ok(halted.into_iter().chain(concerns).chain(holder(conn).await?).collect())
}

/// The time of the server's clock.
pub(super) async fn server_time(mut conn: &AsyncPgConnection) -> Result<DateTime<Utc>, Trouble> {
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    let now: i64 = Set::new(Vec::new(), now).returning::<BigInt>().get_result(&mut conn).await?;
    Ok(time(now, "clock_timestamp()")?)
}

/// A session that holds the admission lock, and the age of its transaction in seconds; `None` if the session is of another
/// role, which hides it. A decision takes milliseconds.
type Holder = (i32, String, String, Option<i64>);

/// The condition for the admission lock of this database among the locks of the server.
pub(super) const ADMISSION_LOCK: &str = "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    AND (l.classid::bigint << 32) | l.objid::bigint = ";

/// The session that holds up every decision, if any.
async fn holder(mut conn: &AsyncPgConnection) -> Result<Option<(bool, String)>, Trouble> {
    let holders = Set::default()
        .sql(
            "SELECT a.pid, coalesce(a.usename, '')::text, coalesce(nullif(a.application_name, ''), a.client_addr::text, 'local')::text, \
            extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.state_change))::bigint AS seconds \
            FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE ",
        )
        .sql(ADMISSION_LOCK)
        .sql(TURNSTILE)
        // A decision that waits for another session is not the one to end: the probe names that session.
        .sql(" AND cardinality(pg_blocking_pids(l.pid)) = 0 ORDER BY seconds DESC NULLS FIRST LIMIT 1");
    let holder: Option<Holder> =
        holders.returning::<(Integer, Text, Text, Nullable<BigInt>)>().get_result(&mut conn).await.optional()?;
    let Some((pid, user, program, age)) = holder else { return Ok(None) };
    let seconds = if let Some(age) = age {
        u64::try_from(age).unwrap_or(0)
    } else {
        // A session that still has it after this long holds up every decision. The server ends a transaction that is idle.
        Set::default().sql("SELECT pg_sleep(1)").execute(&mut conn).await?;
        if holds_still(conn, pid).await? { HELD_UP } else { 0 }
    };
    if seconds < HELD_UP {
        return Ok(None);
    }
    let text = format!(
        "session {pid} of {user} ({program}) has held the admission lock for at least {seconds} s, and every decision \
         waits for it; end it with `SELECT pg_terminate_backend({pid})`"
    );
    Ok(Some((true, text)))
}

/// Returns `true` if this session holds the admission lock.
async fn holds_still(mut conn: &AsyncPgConnection, pid: i32) -> Result<bool, Trouble> {
    let holders = Set::default().sql("SELECT l.pid FROM pg_locks l WHERE ").sql(ADMISSION_LOCK).sql(TURNSTILE);
    let holders: Vec<i32> = holders.returning::<Integer>().load(&mut conn).await?;
    Ok(holders.contains(&pid))
}

fn concern(name: &str, value: &str, servers: usize) -> Option<(bool, String)> {
    let is_english = ["C", "POSIX", ""].contains(&value) || value.starts_with("C.") || value.starts_with("en");
    match (name, value) {
        ("fsync" | "full_page_writes", "off") => {
            Some((true, format!("`{name}` of the server is off: a power cut loses acknowledged work; turn it on")))
        }
        ("synchronous_standby_names", "") if servers > 1 => Some((
            true,
            format!(
                "`storage.url` names {servers} servers, and no commit waits for a standby: a fail-over loses the \
                 last acknowledged work; name the standby in `{name}` of the server"
            ),
        )),
        // Errors without a kind of their own are classified by their message.
        ("lc_messages", _) if !is_english => Some((
            false,
            format!(
                "`{name}` of the server is {value}: some waits that end are answered 003 in place of 005; set it to C"
            ),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::concern;

    #[test]
    fn dangerous_settings_are_reported() {
        for (name, value, expected) in [
            ("fsync", "on", None),
            ("synchronous_standby_names", "", Some(true)),
            ("synchronous_standby_names", "FIRST 1 (a, b)", None),
            ("fsync", "off", Some(true)),
            ("full_page_writes", "off", Some(true)),
            ("lc_messages", "C", None),
            ("lc_messages", "C.UTF-8", None),
            ("lc_messages", "en_US.UTF-8", None),
            ("lc_messages", "zh_CN.UTF-8", Some(false)),
        ] {
            assert_eq!(concern(name, value, 2).map(|(is_grave, _)| is_grave), expected, "{name} = {value}");
        }
        assert_eq!(concern("synchronous_standby_names", "", 1), None, "there is nothing to fail over to");
    }
}
