//! The server's settings that promises depend on.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fault::Trouble;
use super::guard::{self, Refusal};
use super::set::Set;

/// What the settings endanger, and what was lost already; the graver ones with `true`.
pub(super) async fn concerns(mut conn: &AsyncPgConnection, servers: usize) -> Result<Vec<(bool, String)>, Trouble> {
    let settings = "SELECT name, setting FROM pg_settings \
        WHERE name IN ('fsync', 'full_page_writes', 'lc_messages', 'synchronous_standby_names')";
    let settings: Vec<(String, String)> =
        Set::new(Vec::new(), settings).returning::<(Text, Text)>().load(&mut conn).await?;
    let halted = guard::halted(conn).await?.map(|reason| (true, Refusal::Halted(reason).to_string()));
    let concerns = settings.iter().filter_map(|(name, value)| concern(name, value, servers));
    Ok(halted.into_iter().chain(concerns).collect())
}

fn concern(name: &str, value: &str, servers: usize) -> Option<(bool, String)> {
    let is_english = ["C", "POSIX", ""].contains(&value) || value.starts_with("C.") || value.starts_with("en");
    match (name, value) {
        ("fsync" | "full_page_writes", "off") => {
            Some((true, format!("`{name}` of the server is off: a power cut takes what was acknowledged; turn it on")))
        }
        ("synchronous_standby_names", "") if servers > 1 => Some((
            true,
            format!(
                "`storage.url` names {servers} servers, and no commit waits for a standby: a fail-over loses what was \
                 acknowledged last; name the standby in `{name}` of the server"
            ),
        )),
        // Errors that have no kind of their own are told by their message.
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
    fn what_endangers_a_promise_is_said() {
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
