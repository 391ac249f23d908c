//! The invariants, and the queries that find rows that break them, for every database: `ID[x]` stands for the id `x` as
//! hexadecimal digits.

use trial_core::policy::UniqueBy;

const INVARIANTS: [(&str, &str); 9] = [
    (
        "every accepted application has its tenant, its mail and its audit entry",
        // The entries of the audit are joined, not looked up one by one: they are as many as tenants.
        "SELECT ID[a.id] AS found FROM applications a
            LEFT JOIN (SELECT DISTINCT replace(u.subject, '-', '') AS tenant FROM audit u WHERE u.action = 'tenant.create')
                entries ON entries.tenant = lower(ID[a.tenant])
            WHERE a.outcome = 'accepted' AND (entries.tenant IS NULL
                OR NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = a.tenant)
                OR NOT EXISTS (SELECT 1 FROM mails m WHERE m.tenant = a.tenant AND m.kind = 'account'))",
    ),
    (
        "every tenant that is not closed holds one access code of each kind",
        "SELECT ID[t.id] AS found FROM tenants t WHERE t.status <> 'closed' AND 2 <> (
            SELECT count(DISTINCT c.kind) FROM access_codes c WHERE c.tenant = t.id AND c.state = 'leased')",
    ),
    (
        "an access code has a holder if, and only if, it is leased",
        "SELECT c.code AS found FROM access_codes c WHERE (c.state = 'leased') <> (c.tenant IS NOT NULL)
            OR (c.tenant IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM tenants t WHERE t.id = c.tenant AND t.status <> 'closed'))",
    ),
    (
        "no mail took a unit beyond the threshold that was in force",
        "SELECT ID[m.id] AS found FROM mails m WHERE m.quota_unit > m.quota_threshold",
    ),
    (
        "the units of a day are those that its mails took",
        "SELECT CAST(day AS TEXT) AS found FROM (
            SELECT d.day, d.reserved,
                (SELECT count(*) FROM mails m WHERE m.quota_day = d.day AND m.quota_budget = 'threshold') AS taken
                FROM quota_days d
            UNION ALL
            SELECT d.day, d.owner_mails,
                (SELECT count(*) FROM mails m WHERE m.quota_day = d.day AND m.quota_budget = 'owners') FROM quota_days d
            UNION ALL
            SELECT DISTINCT m.quota_day, 0, 1 FROM mails m WHERE m.quota_day NOT IN (SELECT day FROM quota_days)
        ) days WHERE reserved <> taken",
    ),
    (
        "a code is consumed once, by an acceptance",
        "SELECT ID[c.id] AS found FROM challenges c
            LEFT JOIN applications a ON a.challenge = c.id AND a.outcome = 'accepted' AND a.phone = c.phone
            GROUP BY c.id HAVING (c.state = 'consumed') <> (count(a.id) = 1)",
    ),
    (
        "an accepted application names the code that it consumed",
        "SELECT ID[a.id] AS found FROM applications a WHERE a.outcome = 'accepted'
            AND NOT EXISTS (SELECT 1 FROM challenges c WHERE c.id = a.challenge AND c.state = 'consumed')",
    ),
    (
        "the current code of a phone exists",
        "SELECT 'phones' AS found FROM phones p
            WHERE p.challenge IS NOT NULL AND NOT EXISTS (SELECT 1 FROM challenges c WHERE c.id = p.challenge)
            OR p.previous IS NOT NULL AND NOT EXISTS (SELECT 1 FROM challenges c WHERE c.id = p.previous)",
    ),
    (
        "a mail is due, or was settled",
        "SELECT ID[m.id] AS found FROM mails m WHERE (m.state = 'due') <> (m.settled_at IS NULL)",
    ),
];

/// The same, for the attributes that identify an applicant. The examples are tenants: the attributes are personal.
const UNIQUE_PHONE: (&str, &str) = (
    "at most one tenant in use has a phone",
    "SELECT min(ID[id]) AS found FROM tenants WHERE status <> 'closed' GROUP BY phone HAVING count(*) > 1",
);
const UNIQUE_EMAIL: (&str, &str) = (
    "at most one tenant in use has an e-mail address",
    "SELECT min(ID[id]) AS found FROM tenants WHERE status <> 'closed' GROUP BY email_key HAVING count(*) > 1",
);
const UNIQUE_COMPANY: (&str, &str) = (
    "at most one tenant in use has a company",
    "SELECT min(ID[id]) AS found FROM tenants WHERE status <> 'closed' GROUP BY company_key HAVING count(*) > 1",
);

/// The invariants of this policy, each with the query that counts violations (`broken`) and gives one (`example`). `id`
/// writes the id of a column as hexadecimal digits.
pub(crate) fn queries(by: UniqueBy, id: impl Fn(&str) -> String) -> impl Iterator<Item = (&'static str, String)> {
    let unique = [(by.phone, UNIQUE_PHONE), (by.email, UNIQUE_EMAIL), (by.company, UNIQUE_COMPANY)];
    let unique = unique.into_iter().filter_map(|(is_unique, invariant)| is_unique.then_some(invariant));
    INVARIANTS.into_iter().chain(unique).map(move |(invariant, query)| (invariant, counted(&with_ids(query, &id))))
}

/// Counts the rows that a query finds, as `broken`, with one of them as `example`.
pub(crate) fn counted(query: &str) -> String {
    format!("SELECT count(*) AS broken, coalesce(min(found), '') AS example FROM ({query}) rows_found")
}

fn with_ids(query: &str, id: impl Fn(&str) -> String) -> String {
    let mut parts = query.split("ID[");
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(']').unwrap_or((part, ""));
        written.push_str(&id(column));
        written.push_str(rest);
    }
    written
}
