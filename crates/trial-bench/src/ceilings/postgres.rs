//! The rows of accepted applications by bare diesel on PostgreSQL: one durable commit for each batch over one connection,
//! one statement for each table, every statement prepared once, and all of them, from BEGIN to COMMIT, sent without waiting
//! for an answer. It loads nothing and decides nothing; ids, codes and times are at hand.

use anyhow::{Context, ensure};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::{try_join_all, try_join3};

use super::rows::{DAY, NOW, Row};
use super::statement::{Bind, Statement};
use super::{Bare, Commits};
use crate::services::Store;

/// What a planner without statistics of these tables might do wrong, and what costs time and gains nothing here.
const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
    SET enable_mergejoin = off; SET jit = off";

/// Writes until the time is over, or all are written.
pub(super) async fn measure(
    store: &Store<'_>,
    rows: &[Row],
    batch: usize,
    mut commits: Commits,
) -> anyhow::Result<Bare> {
    store.prepare(rows.len()).await?;
    let mut conn = AsyncPgConnection::establish(&store.url()).await?;
    conn.batch_execute(SESSION).await?;
    let (first, rows) = rows.split_first().context("there are rows")?;
    warm_up(&mut conn, first).await?;
    commits.start();
    for rows in rows.chunks(batch) {
        let Some(begun) = commits.next().await else { break };
        write(&conn, rows).await?;
        commits.count(begun.elapsed(), rows.len())?;
    }
    Ok(commits.bare(batch))
}

/// Prepares every statement, one after the other: whoever is prepared while the next is on its way comes after it.
async fn warm_up(mut conn: &mut AsyncPgConnection, row: &Row) -> anyhow::Result<()> {
    conn.batch_execute("BEGIN").await?;
    for statement in statements(std::slice::from_ref(row)) {
        statement.execute(&mut conn).await?;
    }
    conn.batch_execute("COMMIT").await?;
    Ok(())
}

/// One batch in one round trip. Where a statement fails, the server refuses those behind it, and the COMMIT too.
async fn write(conn: &AsyncPgConnection, rows: &[Row]) -> anyhow::Result<()> {
    let (mut begin, mut commit) = (conn, conn);
    let written = statements(rows).into_iter().map(|statement| async move {
        let mut conn = conn;
        statement.execute(&mut conn).await
    });
    let ((), touched, ()) =
        try_join3(begin.batch_execute("BEGIN"), try_join_all(written), commit.batch_execute("COMMIT")).await?;
    let all = rows.len();
    ensure!(touched == [all, all, 2 * all, 2, all, all, all, 1], "{all} applications touch {touched:?} rows");
    Ok(())
}

fn statements(rows: &[Row]) -> [Statement<'_>; 8] {
    let last = &rows[rows.len() - 1];
    [
        consume_challenges(rows),
        insert_tenants(rows),
        lease_codes(rows),
        move_marks(last),
        insert_mails(rows),
        insert_applications(rows),
        insert_audit(rows),
        Statement::new("INSERT INTO quota_days (day, reserved) VALUES (")
            .bind(Bind::Integer(DAY), ", ")
            .bind(Bind::Number(last.unit()), ") ON CONFLICT (day) DO UPDATE SET reserved = excluded.reserved"),
    ]
}

fn consume_challenges(rows: &[Row]) -> Statement<'_> {
    Statement::new("UPDATE challenges SET state = 'consumed', tries = 0, expires_at = ")
        .bind(Bind::Number(NOW), " FROM unnest(")
        .bind(bytes(rows, |row| &row.challenge), ") AS new (id) WHERE challenges.id = new.id")
}

fn insert_tenants(rows: &[Row]) -> Statement<'_> {
    Statement::new(
        "INSERT INTO tenants (id, status, phone, country_code, email, email_key, company, company_key, created_at, \
        trial_ends_at, key_id, password_issue) \
        SELECT id, 'trial', phone, 86, email, email, company, company_key, at, at, 'bench', 1 FROM (SELECT ",
    )
    .bind(Bind::Number(NOW), "::bigint AS at) AS time, unnest(")
    .bind(bytes(rows, |row| &row.tenant), ", ")
    .bind(texts(rows, |row| &row.phone), ", ")
    .bind(texts(rows, |row| &row.email), ", ")
    .bind(texts(rows, |row| &row.company), ", ")
    .bind(texts(rows, |row| &row.company_key), ") AS new (id, phone, email, company, company_key)")
}

fn lease_codes(rows: &[Row]) -> Statement<'_> {
    let codes = rows.iter().flat_map(|row| [row.voice.as_str(), row.multimedia.as_str()]);
    let holders = rows.iter().flat_map(|row| [row.tenant.as_slice(), row.tenant.as_slice()]);
    Statement::new("UPDATE access_codes SET state = 'leased', tenant = new.tenant, since = ")
        .bind(Bind::Number(NOW), " FROM unnest(")
        .bind(Bind::Texts(codes.collect()), ", ")
        .bind(Bind::Byteas(holders.collect()), ") AS new (code, tenant) WHERE access_codes.code = new.code")
}

fn move_marks(last: &Row) -> Statement<'_> {
    Statement::new("UPDATE pool_marks SET code = new.code, since = ")
        .bind(Bind::Number(NOW), " FROM unnest(")
        .bind(Bind::Texts(vec!["voice", "multimedia"]), ", ")
        .bind(
            Bind::Texts(vec![&last.voice, &last.multimedia]),
            ") AS new (kind, code) WHERE pool_marks.kind = new.kind",
        )
}

fn insert_mails(rows: &[Row]) -> Statement<'_> {
    Statement::new(
        "INSERT INTO mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, quota_day, \
        quota_unit, quota_threshold) \
        SELECT id, 'account', tenant, recipient, 'zh-CN', 'due', 0, at, at, day, unit, 100000000 FROM (SELECT ",
    )
    .bind(Bind::Number(NOW), "::bigint AS at, ")
    .bind(Bind::Integer(DAY), "::integer AS day) AS time, unnest(")
    .bind(bytes(rows, |row| &row.mail), ", ")
    .bind(bytes(rows, |row| &row.tenant), ", ")
    .bind(texts(rows, |row| &row.email), ", ")
    .bind(Bind::Numbers(rows.iter().map(Row::unit).collect()), ") AS new (id, tenant, recipient, unit)")
}

fn insert_applications(rows: &[Row]) -> Statement<'_> {
    Statement::new(
        "INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, company_key, \
        challenge, outcome, tenant) \
        SELECT id, request_id, at, phone, 86, email, email, company, company_key, challenge, 'accepted', tenant FROM (SELECT ",
    )
    .bind(Bind::Number(NOW), "::bigint AS at) AS time, unnest(")
    .bind(bytes(rows, |row| &row.application), ", ")
    .bind(texts(rows, |row| &row.request_id), ", ")
    .bind(texts(rows, |row| &row.phone), ", ")
    .bind(texts(rows, |row| &row.email), ", ")
    .bind(texts(rows, |row| &row.company), ", ")
    .bind(texts(rows, |row| &row.company_key), ", ")
    .bind(bytes(rows, |row| &row.challenge), ", ")
    .bind(
        bytes(rows, |row| &row.tenant),
        ") AS new (id, request_id, phone, email, company, company_key, challenge, tenant)",
    )
}

fn insert_audit(rows: &[Row]) -> Statement<'_> {
    Statement::new(
        "INSERT INTO audit (id, at, actor, action, subject, detail) \
        SELECT id, at, 'applicant', 'tenant.create', '01890a5d-ac96-774b-bcce-b302099a8057', \
        'application 01890a5d-ac96-774b-bcce-b302099a8057' FROM (SELECT ",
    )
    .bind(Bind::Number(NOW), "::bigint AS at) AS time, unnest(")
    .bind(bytes(rows, |row| &row.entry), ") AS new (id)")
}

fn texts(rows: &[Row], text: fn(&Row) -> &String) -> Bind<'_> {
    Bind::Texts(rows.iter().map(|row| text(row).as_str()).collect())
}

fn bytes(rows: &[Row], bytes: fn(&Row) -> &[u8; 16]) -> Bind<'_> {
    Bind::Byteas(rows.iter().map(|row| bytes(row).as_slice()).collect())
}
