//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    access_codes, applications, audit, backup, callers, clock, compact, completions, config, database, doctor, mail,
    man, migrate, openapi, operators, persons, phones, prefixes, quota, retention, sandbox, secrets, serve, settings,
    sweep, tenants, webhooks,
};
use crate::global::Global;

/// One-click trials of a cloud contact centre: verification codes by SMS, trial tenants by application
///
/// Exit status: 0 done; 1 refused or failed, with one line on standard error; 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "trialgate", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a complete service without setup: embedded database; SMS and mails are captured, not sent
    Sandbox(sandbox::Sandbox),
    /// Run the service
    Serve(serve::Serve),
    /// Create or upgrade the database, or transfer it from SQLite to PostgreSQL
    Migrate(migrate::Migrate),
    /// Check every setting and dependency and report problems
    Doctor(doctor::Doctor),
    /// Confirm a database that refuses decisions
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    /// Manage the pool of access codes
    #[command(subcommand)]
    AccessCodes(access_codes::AccessCodes),
    /// Show or set the daily e-mail limit
    #[command(subcommand)]
    Quota(quota::Quota),
    /// Runtime settings (limits and durations)
    #[command(subcommand)]
    Settings(settings::Settings),
    /// List, show and change tenants
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// Run the scheduled tasks once: suspend expired trials, close them after the grace period, notify owners, return
    /// quarantined access codes. `serve` does so every minute
    Sweep(sweep::Sweep),
    /// Show the clock that scheduled tasks go by, and confirm it after a jump
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// List, retry and preview mails
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Find the requests of an applicant
    #[command(subcommand)]
    Applications(applications::Applications),
    /// Show and unlock phones that are locked after too many wrong codes
    #[command(subcommand)]
    Phones(phones::Phones),
    /// Number ranges blocked by the fraud guard, and the safe list
    #[command(subcommand)]
    Prefixes(prefixes::PrefixesCommand),
    /// Manage people who use the operations interface and the console
    #[command(subcommand)]
    Operators(operators::Operators),
    /// Manage API clients: back ends that sign their requests (`http.callers = "signed"`)
    #[command(subcommand)]
    Callers(callers::Callers),
    /// Show who changed what
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Events sent to the contact-centre platform
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Print all data of one person as JSON
    Export(persons::Export),
    /// Erase all data of one person; the audit is kept under a pseudonym
    Forget(persons::Forget),
    /// Remove expired data
    #[command(subcommand)]
    Retention(retention::RetentionCommand),
    /// Rewrite the SQLite file so that no byte of erased rows is left; nothing can be stored meanwhile
    Compact(compact::Compact),
    /// Copy the SQLite database into a file while the service runs
    Backup(backup::Backup),
    /// Print or check the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Generate keys that codes and initial passwords are derived from
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Print the OpenAPI document of the public or the operations interface
    Openapi(openapi::Openapi),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Write manual pages into a directory
    Man(man::Man),
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The command was refused or failed.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let global = &self.global;
        match self.command {
            Command::Sandbox(sandbox) => sandbox.run(global),
            Command::Serve(serve) => serve.run(global),
            Command::Migrate(migrate) => migrate.run(global),
            Command::Doctor(doctor) => doctor.run(global),
            Command::Database(database) => database.run(global),
            Command::AccessCodes(access_codes) => access_codes.run(global),
            Command::Quota(quota) => quota.run(global),
            Command::Settings(settings) => settings.run(global),
            Command::Tenants(tenants) => tenants.run(global),
            Command::Sweep(sweep) => sweep.run(global),
            Command::Clock(clock) => clock.run(global),
            Command::Mail(mail) => mail.run(global),
            Command::Applications(applications) => applications.run(global),
            Command::Phones(phones) => phones.run(global),
            Command::Prefixes(prefixes) => prefixes.run(global),
            Command::Operators(operators) => operators.run(global),
            Command::Callers(callers) => callers.run(global),
            Command::Audit(audit) => audit.run(global),
            Command::Webhooks(webhooks) => webhooks.run(global),
            Command::Export(export) => export.run(global),
            Command::Forget(forget) => forget.run(global),
            Command::Retention(retention) => retention.run(global),
            Command::Compact(compact) => compact.run(global),
            Command::Backup(backup) => backup.run(global),
            Command::Config(config) => config.run(global),
            Command::Secrets(secrets) => secrets.run(),
            Command::Openapi(openapi) => openapi.run(),
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_is_read() {
        for line in [
            "sandbox",
            "sandbox --listen 127.0.0.1:0 --data d",
            "serve --config f",
            "--config f serve",
            "migrate --config f",
            "migrate --json",
            "migrate --from sqlite:a.db --to postgres://u:p@h/d --json --config f",
            "doctor --json --config f",
            "database confirm --json --config f",
            "access-codes import f.csv --dry-run --config f",
            "access-codes import f.csv --json",
            "access-codes stock --json --config f",
            "access-codes list --kind voice --state quarantined --after 4001 --limit 5 --json --config f",
            "access-codes retire 4001 --json",
            "access-codes release 4001",
            "applications find --company Example --json",
            "quota show --json --config f",
            "quota set 0 --config f",
            "tenants list --before 019aa6f2-7c3e-7f00-8000-000000000000 --limit 10 --json --config f",
            "tenants list --asking",
            "tenants show 019aa6f2-7c3e-7f00-8000-000000000000 --json --config f",
            "tenants convert 019aa6f2-7c3e-7f00-8000-000000000000 --json --config f",
            "tenants extend 019aa6f2-7c3e-7f00-8000-000000000000",
            "tenants extend 019aa6f2-7c3e-7f00-8000-000000000000 --days 14 --json",
            "tenants suspend 019aa6f2-7c3e-7f00-8000-000000000000",
            "tenants resume 019aa6f2-7c3e-7f00-8000-000000000000",
            "tenants close 019aa6f2-7c3e-7f00-8000-000000000000 --config f",
            "tenants reopen 019aa6f2-7c3e-7f00-8000-000000000000",
            "tenants resend-mail 019aa6f2-7c3e-7f00-8000-000000000000 --json",
            "sweep --dry-run --json --config f",
            "applications find --phone 16673280001 --json --config f",
            "applications find --request-id abc",
            "applications find --email a@example.com",
            "mail preview --kind account --locale zh-CN --config f",
            "mail list",
            "mail list --state failed --before 019aa6f2-7c3e-7f00-8000-000000000000 --limit 10 --json --config f",
            "mail retry 019aa6f2-7c3e-7f00-8000-000000000000 --json",
            "mail preview --html",
            "mail preview --json",
            "phones show 16673280001 --json",
            "phones unlock 16673280001 --config f",
            "prefixes list --json --config f",
            "prefixes release +861667328 --json",
            "prefixes release 861667328",
            "prefixes safe add +86 --reason tests --json",
            "prefixes safe list --json",
            "prefixes safe remove +86 --config f",
            "operators add ada --role admin --config f",
            "operators add night-shift --role viewer --expires 90d --json",
            "operators list --json",
            "operators revoke ada --json --config f",
            "audit list --json",
            "audit list --reveal",
            "audit list --actor cli:root --action setting.set --subject quota.threshold --limit 1000 --config f",
            "callers add site --config f",
            "callers add site --scope verify-codes --scope apply --rate 60 --json",
            "callers list --json",
            "callers suspend site",
            "callers resume site --json",
            "callers rotate site --json",
            "callers retire-secret site --config f",
            "callers set site --rate 0 --json",
            "callers set site --scope apply --scope query --rate 60 --config f",
            "callers remove site",
            "callers remove site --yes --json --config f",
            "callers reseal --json --config f",
            "webhooks list --json --config f",
            "webhooks list --state failed --before 019aa6f2-7c3e-7f00-8000-000000000000 --limit 10",
            "webhooks show 019aa6f2-7c3e-7f00-8000-000000000000 --json",
            "webhooks replay 019aa6f2-7c3e-7f00-8000-000000000000 --json",
            "webhooks enable --json",
            "webhooks test --json",
            "export --phone 16673280001",
            "export --email a@example.com --config f",
            "forget --phone 16673280001 --json",
            "forget --email a@example.com --yes --json",
            "retention run --dry-run --json",
            "retention run",
            "compact --json --config f",
            "backup copy.db --json",
            "config show --config f",
            "config check",
            "config schema",
            "secrets generate --config f",
            "openapi",
            "openapi --interface ops",
            "openapi --interface public",
            "completions bash",
            "man target/man",
        ] {
            let read = Cli::try_parse_from(std::iter::once("trialgate").chain(line.split(' ')));
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for (line, kind) in [
            ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("fly", ErrorKind::InvalidSubcommand),
            ("database", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("migrate --from sqlite:a.db", ErrorKind::MissingRequiredArgument),
            ("migrate --to postgres://h/d", ErrorKind::MissingRequiredArgument),
            ("quota set many", ErrorKind::ValueValidation),
            ("quota set -1", ErrorKind::UnknownArgument),
            ("tenants show x", ErrorKind::ValueValidation),
            ("tenants list --limit 0", ErrorKind::ValueValidation),
            ("tenants extend 019aa6f2-7c3e-7f00-8000-000000000000 --days 0", ErrorKind::ValueValidation),
            ("applications find", ErrorKind::MissingRequiredArgument),
            ("applications find --phone 1 --email a@example.com", ErrorKind::ArgumentConflict),
            ("mail list --state lost", ErrorKind::ValueValidation),
            ("mail retry x", ErrorKind::ValueValidation),
            ("webhooks replay x", ErrorKind::ValueValidation),
            ("forget", ErrorKind::MissingRequiredArgument),
            ("export --phone 1 --email a@example.com", ErrorKind::ArgumentConflict),
            ("webhooks list --state lost", ErrorKind::ValueValidation),
            ("mail preview --kind bill", ErrorKind::ValueValidation),
            ("mail preview --locale de", ErrorKind::ValueValidation),
            ("mail preview --html --json", ErrorKind::ArgumentConflict),
            ("prefixes release 0861", ErrorKind::ValueValidation),
            ("prefixes safe add +86", ErrorKind::MissingRequiredArgument),
            ("operators add ada", ErrorKind::MissingRequiredArgument),
            ("operators add ada --role king", ErrorKind::ValueValidation),
            ("operators add cli:ada --role admin", ErrorKind::ValueValidation),
            ("operators add ada --role admin --expires soon", ErrorKind::ValueValidation),
            ("audit list --limit 0", ErrorKind::ValueValidation),
            ("audit list --before x", ErrorKind::ValueValidation),
            ("callers add cli:site", ErrorKind::ValueValidation),
            ("callers add site --scope everything", ErrorKind::ValueValidation),
            ("callers add site --rate 1000001", ErrorKind::ValueValidation),
            ("callers suspend", ErrorKind::MissingRequiredArgument),
            ("callers set site", ErrorKind::MissingRequiredArgument),
            ("callers set site --rate 1000001", ErrorKind::ValueValidation),
            ("callers remove --yes", ErrorKind::MissingRequiredArgument),
            ("sandbox --data d --config f", ErrorKind::ArgumentConflict),
            ("sandbox --listen nowhere", ErrorKind::ValueValidation),
        ] {
            let words = line.split(' ').filter(|word| !word.is_empty());
            let error = Cli::try_parse_from(std::iter::once("trialgate").chain(words)).unwrap_err();
            assert_eq!(error.kind(), kind, "{line}");
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
