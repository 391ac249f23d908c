//! File permissions, core dumps and the user of the process.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Uid, getuid, setrlimit, umask};

/// Most characters of `SUDO_USER` that are kept.
const SUDO_USER_LENGTH: usize = 64;

/// Restricts files to this user (umask 077) and disables core dumps, since the memory holds keys.
pub(crate) fn restrict() {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // A limit can always be lowered.
    let _ = setrlimit(Resource::Core, none);
}

/// The actor of the command line for the audit: the process's user as the system reports it. Environment variables can
/// be set by anybody and are not used; `SUDO_USER` is quoted only if root can have set it.
pub(crate) fn operator() -> String {
    // The effective user's name, which is the real one unless the program was made setuid.
    let name = (getuid() == rustix::process::geteuid()).then(|| whoami::username().ok()).flatten();
    actor(getuid(), name.as_deref(), std::env::var("SUDO_USER").ok().as_deref())
}

fn actor(uid: Uid, name: Option<&str>, sudo_user: Option<&str>) -> String {
    let name = name.filter(|name| !name.is_empty()).map_or_else(|| uid.as_raw().to_string(), ToOwned::to_owned);
    let is_name = |c: &char| c.is_alphanumeric() || "._-@+\\".contains(*c);
    let sudo_user: String = sudo_user.unwrap_or_default().chars().filter(is_name).take(SUDO_USER_LENGTH).collect();
    if uid.is_root() && !sudo_user.is_empty() {
        format!("cli:{name} (sudo: {sudo_user})")
    } else {
        format!("cli:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actor_is_the_user_of_the_process_and_what_sudo_says_counts_for_root_alone() {
        let (root, other) = (Uid::ROOT, Uid::from_raw(1000));
        for (uid, name, sudo_user, expected) in [
            (root, Some("root"), None, "cli:root"),
            (root, Some("root"), Some("alice"), "cli:root (sudo: alice)"),
            (root, Some("root"), Some("al)ice\n(x"), "cli:root (sudo: alicex)"),
            (root, Some("root"), Some(""), "cli:root"),
            (other, Some("ops"), Some("alice"), "cli:ops"),
            (other, None, None, "cli:1000"),
            (other, Some(""), None, "cli:1000"),
        ] {
            assert_eq!(actor(uid, name, sudo_user), expected);
        }
        assert_eq!(actor(root, None, Some(&"a".repeat(99))), format!("cli:0 (sudo: {})", "a".repeat(64)));
    }
}
