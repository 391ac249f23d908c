//! The checks of `trialgate doctor`.

use std::path::Path;

use chrono::{DateTime, TimeZone, Utc};
use rustix::fs::{Access, access, statvfs};
use trial_core::clients::EncryptionState;
use trial_core::clock_gap::ClockGap;
use trial_core::mails::{MailPage, MailState};
use trial_core::policy::{CLOCK_SKEW, QuotaPolicy};
use trial_core::ports::{BotChallenge, Clock, Mailer, Operations};
use trial_core::quota::QuotaView;
use trial_core::tenants::TenantPage;
use trial_core::values::TenantId;
use trial_engine::Supervised;
use trial_engine::operations::clients_in_use;

use super::platform;
use super::report::Report;
use crate::adapters;
use crate::ambient::SystemClock;
use crate::certificate::Verdict;
use crate::compose;
use crate::config::{
    BrowserAccess, Callers, Config, Database, GatewayKind, GuardSetup, MailSetup, MailTransport, Serving,
};
use crate::ledger::Ledger;
use crate::output;
use crate::prepare;

/// Free codes of a kind below which a warning is shown.
const LOW_STOCK: u64 = 20;
/// Most failed mails that are counted.
const MANY_MAILS: u32 = 1000;
/// Free space in MiB below which a warning is shown, and below which the check fails.
const LOW_SPACE_MIB: u64 = 500;
const NO_SPACE_MIB: u64 = 20;
/// A day before this release was built: an earlier clock is wrong.
const MADE_AFTER: (i32, u32, u32) = (2026, 1, 1);
/// Newest tenants among which one in use is searched for.
const NEWEST_TENANTS: u32 = 100;

/// Runs every check whose requirements the earlier ones have not found missing.
pub(super) async fn all(config: &Config, report: &mut Report) {
    let source = config.file.as_ref().map_or("no file".to_owned(), |file| file.display().to_string());
    report.ok("configuration", format!("valid: {source}"));
    secrets(config, report);
    sandbox(config, report);
    test_numbers(config, report);
    if let Some(concern) = config.shared_address_concern() {
        report.warn("addresses", concern);
    }
    if let Some(concern) = config.default_region_concern() {
        report.warn("phones", concern);
    }
    let serving = serving(config, report);
    directory(config, report);
    files(config, report);
    browsers(config, report);
    permissions(config, report);
    if let Some(serving) = serving {
        certificate(&serving, report);
        gateways(config, &serving, report).await;
        mail(config, &serving, report).await;
        platform::reach(serving.platform.as_ref(), report).await;
        guard(config, serving.guard, report).await;
    }
    match Ledger::of(config).await {
        Ok(ledger) => {
            let journal = if matches!(config.database, Database::Sqlite(_)) { ", journal mode wal" } else { "" };
            report.ok("database", format!("{}: intact, schema of this release{journal}", config.database));
            server(&ledger, report).await;
            platform::queue(config, &ledger, report).await;
            database(config, &*ledger.operations(), ledger.clock().now(), report).await;
            leap(config, &ledger, report).await;
            settings(config, &ledger, report).await;
            seals(config, &ledger, report).await;
            ledger.close().await;
        }
        Err(error) => {
            report.fail("database", format!("{error:#}"));
            clock(SystemClock.now(), None, report);
        }
    }
}

fn secrets(config: &Config, report: &mut Report) {
    match config.keyring() {
        Ok(keyring) => {
            let count = config.settings.secrets.keys.len();
            report.ok("secrets", format!("{count} configured, {:?} is current", keyring.current_id()));
        }
        Err(error) => error.0.iter().for_each(|problem| report.fail("secrets", problem.to_string())),
    }
}

fn sandbox(config: &Config, report: &mut Report) {
    if config.settings.sandbox.enabled {
        report.warn("sandbox", "`sandbox.enabled` is true: messages can be captured; not for production");
    }
}

fn test_numbers(config: &Config, report: &mut Report) {
    let count = config.policy.test_numbers.len();
    if count > 0 {
        report.warn(
            "sms",
            format!(
                "`sms.test_numbers` is set: anybody who knows a test number can get a trial (test numbers: {count})"
            ),
        );
    }
}

/// What `serve` would miss; the secrets were checked before.
fn serving(config: &Config, report: &mut Report) -> Option<Serving> {
    match config.serving() {
        Ok(serving) => Some(serving),
        Err(error) => {
            let others = error.0.iter().map(ToString::to_string).filter(|text| !text.contains("`secrets.keys"));
            others.for_each(|text| report.fail("settings", text));
            None
        }
    }
}

/// Checks the limit of open files against `http.limits.connections`, as if the service ran as this command does.
fn files(config: &Config, report: &mut Report) {
    let connections = config.settings.http.limits.connections;
    match compose::missing_files(config) {
        None => report.ok("files", format!("the limit of open files is enough for {connections} connections")),
        Some(missing) => {
            let text = format!(
                "the limit of open files is {missing} too low for {connections} connections, if the service runs as this command does"
            );
            report.warn("files", format!("{text}; raise the limit (`ulimit -Hn`), or lower `http.limits.connections`"));
        }
    }
}

/// Checks how browsers reach the service, which decides whether cookies are `Secure`.
fn browsers(config: &Config, report: &mut Report) {
    let access = config.browser_access();
    match (access.concern(), access) {
        (Some(concern), _) => report.warn("tls", concern),
        (None, BrowserAccess::TlsOfProxy) => {
            report.ok("tls", "TLS is off here; a proxy provides it (`http.public_url`)");
        }
        (None, _) => {}
    }
}

/// Checks the validity period of the certificate; its key was checked before.
fn certificate(serving: &Serving, report: &mut Report) {
    let Some(identity) = &serving.identity else { return };
    match Verdict::of(&identity.presented(), SystemClock.now()) {
        Verdict::Good(text) => report.ok("tls", text),
        Verdict::EndsSoon(text) => report.warn("tls", text),
        Verdict::Invalid(text) => report.fail("tls", text),
    }
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn directory(config: &Config, report: &mut Report) {
    // With a remote database, only captured messages are stored here.
    let file = match &config.database {
        Database::Sqlite(file) => file.clone(),
        Database::Postgres { .. } if config.settings.sandbox.enabled => config.inbox(),
        Database::Postgres { .. } => return,
    };
    let directory = directory_of(&file);
    let name = directory.display();
    if let Err(error) = access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        let text =
            format!("{name}: this user cannot write there ({error}); create it, or change its owner or permissions");
        report.fail("directory", text);
        return;
    }
    match statvfs(directory) {
        Ok(disk) => space(disk.f_bavail.saturating_mul(disk.f_frsize) >> 20, &name.to_string(), report),
        Err(error) => report.warn("directory", format!("{name}: cannot read the free space ({error})")),
    }
}

/// Checks that personal data and keys are readable for this user only.
fn permissions(config: &Config, report: &mut Report) {
    let mut files = config.secret_files();
    let mut directory = None;
    if let Database::Sqlite(file) = &config.database {
        files.extend(["", "-wal", "-shm"].map(|suffix| trial_files::with_suffix(file, suffix)));
        directory = Some(directory_of(file));
    }
    if config.settings.sandbox.enabled {
        files.push(config.inbox());
    }
    let paths = files.iter().map(|file| (file.as_path(), "600")).chain(directory.map(|path| (path, "700")));
    let mut exposed = 0;
    for (path, right) in paths {
        let name = path.display();
        match trial_files::exposed_mode(path) {
            Ok(None) => continue,
            Ok(Some(mode)) => report.warn("permissions", exposure(&name.to_string(), mode, right)),
            Err(error) => report.warn("permissions", format!("{name}: cannot read its mode ({error})")),
        }
        exposed += 1;
    }
    if exposed == 0 && !files.is_empty() {
        report.ok("permissions", "only this user can read data and keys");
    }
}

fn exposure(path: &str, mode: u32, right: &str) -> String {
    format!("{path} has mode {mode:04o}, so other users can access it; run `chmod {right} {path}`")
}

fn space(free_mib: u64, directory: &str, report: &mut Report) {
    let text = format!("{directory}: writable, {free_mib} MiB free");
    if free_mib < NO_SPACE_MIB {
        report.fail("directory", format!("{text}; free disk space"));
    } else if free_mib < LOW_SPACE_MIB {
        report.warn("directory", format!("{text}; free disk space"));
    } else {
        report.ok("directory", text);
    }
}

/// Checks that each gateway can be reached, without sending a message.
async fn gateways(config: &Config, serving: &Serving, report: &mut Report) {
    for setup in &serving.gateways {
        if matches!(setup.kind, GatewayKind::Sandbox) {
            report.ok("sms", "sandbox: messages are captured, not sent");
            continue;
        }
        let mut tasks = Supervised::default();
        let gateway = match prepare::route(setup).and_then(|route| route.start(config, None, None, &mut tasks)) {
            Ok(route) => route.gateway,
            Err(error) => {
                report.fail("sms", format!("{error:#}"));
                continue;
            }
        };
        let name = gateway.name();
        match gateway.check().await {
            Ok(()) => report.ok("sms", format!("{name}: reached; nothing was sent")),
            Err(error) => report.fail("sms", format!("{name}: cannot be used: {error}; see `sms.{name}`")),
        }
    }
}

async fn mail(config: &Config, serving: &Serving, report: &mut Report) {
    let MailSetup::Smtp(smtp) = &serving.mail else {
        debug_assert_eq!(config.settings.mail.transport, Some(MailTransport::Sandbox));
        match adapters::templates(config.wording()) {
            Ok(_) => report.ok("mail", "mails are captured, not sent"),
            Err(error) => report.fail("mail", format!("{error:#}")),
        }
        return;
    };
    let mailer = match adapters::smtp_mailer(smtp, config.wording()) {
        Ok(mailer) => mailer,
        Err(error) => return report.fail("mail", format!("{error:#}")),
    };
    match mailer.check().await {
        Ok(()) => report.ok("mail", "the mail server accepts mails"),
        Err(error) => report.fail("mail", format!("the mail server cannot be used: {error}; see `mail.smtp_url`")),
    }
}

/// Checks the bot challenge, and whether it can be bypassed.
async fn guard(config: &Config, setup: Option<GuardSetup>, report: &mut Report) {
    match setup {
        None => return,
        Some(GuardSetup::Altcha(cost)) => {
            report.ok("guard", format!("altcha: proof of work with {} key derivation rounds", cost.rounds()));
        }
        Some(GuardSetup::Siteverify { settings, .. }) => match adapters::siteverify(settings) {
            Ok(guard) => match guard.check().await {
                Ok(()) => report.ok("guard", "siteverify: the provider accepts the secret"),
                Err(error) => {
                    report.fail("guard", format!("siteverify: cannot be used: {error}; see `site.siteverify`"));
                }
            },
            Err(error) => report.fail("guard", format!("{error:#}")),
        },
    }
    if config.settings.http.callers == Callers::Open {
        let text = "programs can bypass it through the interface, which is open to all; see `http.callers`";
        report.warn("guard", text);
    }
}

/// Checks the settings of the database server.
async fn server(ledger: &Ledger, report: &mut Report) {
    match ledger.concerns().await {
        Ok(concerns) => {
            for (is_grave, concern) in concerns {
                if is_grave { report.fail("database", concern) } else { report.warn("database", concern) }
            }
        }
        Err(error) => report.fail("database", format!("{:#}", anyhow::Error::new(error))),
    }
}

async fn database(config: &Config, ledger: &dyn Operations, now: DateTime<Utc>, report: &mut Report) {
    match ledger.violations(config.policy.trial.unique_by).await {
        Ok(violations) if violations.is_empty() => report.ok("invariants", "all hold"),
        Ok(violations) => {
            for violation in violations {
                let text = format!(
                    "{}: violated (rows: {}, such as {})",
                    violation.invariant, violation.rows, violation.example
                );
                report.fail("invariants", format!("{text}; keep a copy of the database and report this"));
            }
        }
        Err(error) => report.fail("invariants", format!("{:#}", anyhow::Error::new(error))),
    }
    given_up(ledger, report).await;
    stock(ledger, report).await;
    let newest = ledger.tenants(TenantPage { before: None, limit: NEWEST_TENANTS }).await.unwrap_or_default();
    let last = newest.iter().map(|view| &view.tenant).find(|tenant| tenant.status.is_in_use());
    clock(now, last.map(|tenant| (tenant.id, tenant.created_at)), report);
}

async fn given_up(ledger: &dyn Operations, report: &mut Report) {
    let page = MailPage { state: Some(MailState::Failed), tenant: None, before: None, limit: MANY_MAILS };
    match ledger.mails(page).await.map(|mails| mails.len()) {
        Ok(0) => report.ok("outbox", "no failed mail"),
        Ok(mails) => {
            let least = if mails < MANY_MAILS as usize { "" } else { "at least " };
            let text =
                format!("failed mails: {least}{mails}; see `trialgate mail list`, then `trialgate mail retry ID`");
            report.warn("outbox", text);
        }
        Err(error) => report.fail("outbox", format!("{:#}", anyhow::Error::new(error))),
    }
}

async fn stock(ledger: &dyn Operations, report: &mut Report) {
    let stock = match ledger.access_code_stock().await {
        Ok(stock) => stock,
        Err(error) => return report.fail("access codes", format!("{:#}", anyhow::Error::new(error))),
    };
    for kind in stock {
        let text = format!("{} {} free", kind.free, kind.kind);
        match kind.free {
            0 => {
                report.fail("access codes", format!("{text}; load some with `trialgate access-codes import FILE.csv`"));
            }
            1..LOW_STOCK => report.warn("access codes", format!("{text}; load more soon")),
            _ => report.ok("access codes", text),
        }
    }
}

/// Checks runtime settings against the configuration.
async fn settings(config: &Config, ledger: &Ledger, report: &mut Report) {
    let in_force = match ledger.settings().settings().await {
        Ok(in_force) => in_force,
        Err(error) => return report.fail("settings", format!("{:#}", anyhow::Error::new(error))),
    };
    let policy = in_force.overrides.policy(&config.policy);
    quota(&policy.quota, ledger, report).await;
    for fault in policy.faults() {
        let advice = "see `trialgate settings list`, then set or reset one of the two";
        report.fail("settings", format!("settings in force are invalid: {fault}; {advice}"));
    }
    for pair in in_force.overrides.unreadable() {
        let advice = "run the release that wrote it, or set it again with `trialgate settings set`";
        report.warn("settings", format!("{pair} cannot be read, so the configured value is in force; {advice}"));
    }
    let said = in_force.overrides.iter().map(|(key, value)| {
        let configured = key.of(&config.policy);
        format!("{key} is {value} ({configured} in the configuration)")
    });
    let said: Vec<_> = said.collect();
    let text = if said.is_empty() { "as configured".to_owned() } else { said.join("; ") };
    report.ok("settings", text);
}

/// Checks the rest of the daily limit of owners' mails.
fn owner_mails(view: &QuotaView, report: &mut Report) {
    let (left, limit) = (view.owner_mails_left, view.owner_limit);
    let text = format!("{left} of {limit} mails caused by owners left today");
    if left == 0 && limit > 0 {
        let advice = "raise it with `trialgate settings set quota.owner_mails N`, or wait for the next day";
        report.warn("owner mails", format!("{text}; {advice}"));
    } else {
        report.ok("owner mails", text);
    }
}

/// Checks the keys that encrypt the secrets of API clients.
async fn seals(config: &Config, ledger: &Ledger, report: &mut Report) {
    // Faulty keys were reported before.
    let Ok(keyring) = config.keyring() else { return };
    let callers = match clients_in_use(&*ledger.callers()).await {
        Ok(callers) => callers,
        Err(error) => return report.fail("callers", format!("{:#}", anyhow::Error::new(error))),
    };
    for (caller, error) in callers.iter().filter_map(|caller| Some((caller, caller.lost_secret(&keyring)?))) {
        let name = &caller.name;
        let advice = format!("or `trialgate callers rotate {name}`, and then `retire-secret`");
        report.fail("callers", format!("{name} has a secret that cannot be decrypted: {error}; {advice}"));
    }
    let of = |state| {
        let names = callers.iter().filter(|caller| caller.seal_state(&keyring) == state);
        names.map(|caller| caller.name.as_str()).collect::<Vec<_>>()
    };
    let (current, older) = (of(EncryptionState::Current), of(EncryptionState::Older));
    let key = keyring.current_id();
    if !older.is_empty() {
        let text = format!("secrets not encrypted with the current key {key:?}: {}", older.join(", "));
        report.warn("callers", format!("{text}; run `trialgate callers reseal` before you remove an older key"));
    }
    if !current.is_empty() {
        report.ok("callers", format!("secrets encrypted with the current key {key:?}: {}", current.len()));
    }
}

async fn quota(policy: &QuotaPolicy, ledger: &Ledger, report: &mut Report) {
    let day = match ledger.operations().quota(policy.day_of(ledger.clock().now())).await {
        Ok(day) => day.under(policy),
        Err(error) => return report.fail("quota", format!("{:#}", anyhow::Error::new(error))),
    };
    owner_mails(&day, report);
    let text = format!("{} of {} e-mails left today", day.left, day.threshold);
    if day.left == 0 {
        report.warn("quota", format!("{text}; raise it with `trialgate quota set N`, or wait for the next day"));
    } else {
        report.ok("quota", text);
    }
}

/// Checks the clock for jumps and against the database server's.
async fn leap(config: &Config, ledger: &Ledger, report: &mut Report) {
    let skew = ledger.time().map(|time| time.clock.skew());
    if let Some(problem) = skew.and_then(|skew| skew.problem()) {
        report.fail("clock", problem);
    }
    match ledger.upkeep().clock_mark().await {
        Ok(seen) => {
            if let Some(gap) = ClockGap::between(seen, ledger.clock().now(), config.engine().max_clock_gap) {
                report.warn("clock", gap.to_string());
            }
        }
        Err(error) => report.fail("clock", format!("{:#}", anyhow::Error::new(error))),
    }
}

/// Checks the clock against the release's date and `last`, the newest tenant in use and the time of its creation.
fn clock(now: DateTime<Utc>, last: Option<(TenantId, DateTime<Utc>)>, report: &mut Report) {
    let said = output::time(now);
    let (year, month, day) = MADE_AFTER;
    let made_after = Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).earliest();
    if made_after.is_some_and(|made| now < made) {
        report.fail("clock", format!("{said} is before the date of this release; set the clock"));
    } else if let Some((tenant, created)) = last.filter(|(_, created)| now + CLOCK_SKEW < *created) {
        let text = format!("{said} is before the creation of tenant {tenant} ({})", output::time(created));
        let advice = "the clock is wrong now, or was ahead then; see \"Clock steps\" in docs/operations.md";
        report.fail("clock", format!("{text}: {advice}"));
    } else {
        report.ok("clock", said);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: impl FnOnce(&mut Report)) -> String {
        let mut report = Report::default();
        of(&mut report);
        report.to_string()
    }

    #[test]
    fn little_space_is_told() {
        assert!(text(|report| space(19, "d", report)).starts_with("FAIL"));
        assert!(text(|report| space(20, "d", report)).starts_with("warn"));
        assert!(text(|report| space(500, "d", report)).starts_with("ok"));
    }

    #[test]
    fn a_mode_that_is_too_wide_is_told_with_what_to_do() {
        let text = exposure("/var/lib/trialgate/trialgate.db", 0o644, "600");
        assert!(text.starts_with("/var/lib/trialgate/trialgate.db has mode 0644"), "{text}");
        assert!(text.ends_with("`chmod 600 /var/lib/trialgate/trialgate.db`"), "{text}");
    }

    #[test]
    fn a_clock_that_was_set_back_is_told() {
        let now: DateTime<Utc> = "2026-11-22T10:00:00Z".parse().unwrap();
        assert!(text(|report| clock(now, None, report)).starts_with("ok"));
        let tenant = TenantId::from_bytes([1; 16]);
        assert!(text(|report| clock(now, Some((tenant, now + CLOCK_SKEW)), report)).starts_with("ok"));
        let said = text(|report| clock(now, Some((tenant, now + 2 * CLOCK_SKEW)), report));
        let expected =
            format!("2026-11-22T10:00:00Z is before the creation of tenant {tenant} (2026-11-22T10:02:00Z): ");
        assert!(said.starts_with("FAIL") && said.contains(&expected), "{said}");
        assert!(text(|report| clock("1970-01-01T00:00:00Z".parse().unwrap(), None, report)).starts_with("FAIL"));
    }
}
