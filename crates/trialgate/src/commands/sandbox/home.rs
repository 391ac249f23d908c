//! The data directory of a sandbox and its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::ambient::{OsEntropy, SystemClock};
use crate::commands::secrets::new_key_table;
use crate::config::{DEFAULT_FILE, Settings};

/// Creates the directory (for this user only) and its configuration if absent; returns the configuration's path.
pub(super) fn prepare(directory: &Path, listen: Option<SocketAddr>) -> anyhow::Result<PathBuf> {
    trial_files::create_directory(directory)
        .with_context(|| format!("cannot create {}; name another directory with --data", directory.display()))?;
    let file = directory.join(DEFAULT_FILE);
    if !file.try_exists().with_context(|| format!("cannot look into {}", directory.display()))? {
        let listen = listen.unwrap_or(Settings::default().http.listen);
        let text = configuration(listen, &new_key_table(&SystemClock, &OsEntropy));
        trial_files::replace(&file, text.as_bytes())
            .with_context(|| format!("cannot write {}; name another directory with --data", file.display()))?;
    }
    Ok(file)
}

fn configuration(listen: SocketAddr, key_table: &str) -> String {
    format!(
        r#"# Written by `trialgate sandbox` at its first start here and kept from then on: change what you like.
# Relative paths are relative to this file. Every key: docs/configuration.md

[http]
listen = "{listen}"

[storage]
url = "sqlite:trialgate.db"

{key_table}
[sms]
gateways = ["sandbox"]

[mail]
transport = "sandbox"

# Messages are captured instead of sent, and shown under /sandbox to whoever reaches the port.
[sandbox]
enabled = true

# Off, so that one machine can try as often as it likes.
[limits.address]
codes_per_hour = 0
applications_per_hour = 0
failures_per_hour = 0

[log]
level = "warn"
"#
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use trial_core::policy::AddressLimits;

    use super::*;
    use crate::config::{Config, Database, Sources};

    fn load(file: PathBuf) -> Config {
        Sources { file: Some(file), ..Sources::default() }.load().unwrap()
    }

    #[test]
    fn the_first_start_writes_what_serves_and_the_next_ones_keep_it() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("a/b");
        let file = prepare(&home, Some(SocketAddr::from(([127, 0, 0, 1], 9)))).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&home), mode(&file)), (0o700, 0o600));
        let config = load(file.clone());
        assert_eq!(config.settings.http.listen.port(), 9);
        assert_eq!(config.database, Database::Sqlite(home.join("trialgate.db")));
        assert_eq!(config.inbox(), home.join("messages.jsonl"));
        let off = AddressLimits { codes_per_hour: 0, applications_per_hour: 0, failures_per_hour: 0 };
        assert_eq!(config.policy.limits.address, off);
        let key = config.serving().unwrap().keyring.current_id().to_owned();

        let again = load(prepare(&home, None).unwrap());
        assert_eq!(again.settings.http.listen.port(), 9);
        assert_eq!(again.serving().unwrap().keyring.current_id(), key);
        assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = format!("{:#}", prepare(&file.join("sandbox"), None).unwrap_err());
        assert!(error.contains("file/sandbox; name another directory with --data"), "{error}");
    }
}
