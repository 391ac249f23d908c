//! The server's settings that promises depend on.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fault::Trouble;
use super::set::Set;

/// What the settings endanger, the graver concerns with `true`.
pub(super) async fn concerns(mut conn: &AsyncPgConnection) -> Result<Vec<(bool, String)>, Trouble> {
    let settings = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'lc_messages')";
    let settings: Vec<(String, String)> =
        Set::new(Vec::new(), settings).returning::<(Text, Text)>().load(&mut conn).await?;
    Ok(settings.iter().filter_map(|(name, value)| concern(name, value)).collect())
}

fn concern(name: &str, value: &str) -> Option<(bool, String)> {
    let is_english = ["C", "POSIX", ""].contains(&value) || value.starts_with("C.") || value.starts_with("en");
    match (name, value) {
        ("fsync" | "full_page_writes", "off") => {
            Some((true, format!("`{name}` of the server is off: a power cut takes what was acknowledged; turn it on")))
        }
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
            ("fsync", "off", Some(true)),
            ("full_page_writes", "off", Some(true)),
            ("lc_messages", "C", None),
            ("lc_messages", "C.UTF-8", None),
            ("lc_messages", "en_US.UTF-8", None),
            ("lc_messages", "zh_CN.UTF-8", Some(false)),
        ] {
            assert_eq!(concern(name, value).map(|(is_grave, _)| is_grave), expected, "{name} = {value}");
        }
    }
}
