//! Commands beside a server whose clock is ahead of this machine's.

use trialgate_tests::Home;

/// Replaces the clock that sessions read by one 40 days ahead.
const AHEAD: &str = "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
    'SELECT pg_catalog.clock_timestamp() + interval ''40 days'''";
/// A time between the two clocks.
const BETWEEN: &str = "(pg_catalog.clock_timestamp() + interval '20 days')";

/// Each writes to the audit.
const COMMANDS: &[&[&str]] = &[
    &["access-codes", "import", "pair.csv"],
    &["access-codes", "retire", "95001"],
    &["operators", "add", "ada", "--role", "admin", "--expires", "1h"],
    &["operators", "add", "eve", "--role", "viewer"],
    &["operators", "revoke", "eve"],
    &["callers", "add", "site"],
    &["callers", "rotate", "site"],
    &["callers", "suspend", "site"],
    &["settings", "set", "verification.max_tries", "4"],
    &["quota", "set", "7"],
    &["prefixes", "safe", "add", "+861667328", "--reason", "ours"],
    &["mail", "retry", "--all", "--since", "1h"],
    &["phones", "show", "+8613800138000"],
    &["tenants", "list"],
    &["export", "--phone", "+8613800138000"],
    &["forget", "--phone", "+8613800138000", "--yes"],
    &["clock", "confirm"],
];

/// Columns with the time of a change, or of an end after it.
const TIMES: &[(&str, &str)] = &[
    ("audit", "at"),
    ("operators", "created_at"),
    ("operators", "expires_at"),
    ("operators", "revoked_at"),
    ("callers", "created_at"),
    ("callers", "suspended_at"),
    ("setting_changes", "at"),
    ("safe_prefixes", "at"),
];

#[tokio::test]
async fn a_command_goes_by_the_clock_of_the_server() {
    let home = Home::shared_empty().await;
    home.ask(&["migrate"]).await;
    let mut database = home.database();
    let name = home.scratch().name();
    database.execute(&format!("{AHEAD}; ALTER DATABASE \"{name}\" SET search_path = public, pg_catalog"));
    home.write("pair.csv", "kind,code\nvoice,95001\nmultimedia,web-1\n");
    for command in COMMANDS {
        let before = database.count("audit");
        home.ask(command).await;
        assert!(database.count("audit") > before, "{command:?} is not in the audit");
    }
    let between = format!("(extract(epoch FROM {BETWEEN}) * 1000000)::bigint");
    for (table, column) in TIMES {
        let early = format!("SELECT count(*) AS number FROM {table} WHERE {column} < {between}");
        assert_eq!(database.number(&early), 0, "{table}.{column}");
    }

    let day = database.lines(&format!("SELECT ({BETWEEN} AT TIME ZONE 'UTC')::date::text AS line")).remove(0);
    let questions = [(&["quota", "show"][..], "/today/day"), (&["mail", "retry", "--all", "--since", "1h"], "/since")];
    for (command, member) in questions {
        let shown = home.ask_json(command).await;
        let time = shown.pointer(member).and_then(|time| time.as_str());
        assert!(time.unwrap() > day.as_str(), "{command:?}: {shown}, not after {day}");
    }
    database.execute(&format!("UPDATE operators SET expires_at = {between} WHERE name = 'ada'"));
    let listed = home.ask(&["operators", "list"]).await;
    assert!(listed.contains("expired"), "{listed}");
}
