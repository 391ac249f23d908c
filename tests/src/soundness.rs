//! The invariants of every database of the service, in SQL that SQLite and PostgreSQL both understand.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use serde::Deserialize;

use crate::Applicant;

/// The violations, each with the query that finds it.
pub(crate) const BROKEN: [(&str, &str); 8] = [
    (
        "an access code that is leased to nobody, or held without a lease",
        "SELECT code AS line FROM access_codes WHERE (state = 'leased') <> (tenant IS NOT NULL)",
    ),
    (
        "two tenants of one phone",
        "SELECT phone AS line FROM tenants WHERE status <> 'closed' GROUP BY phone HAVING count(*) > 1",
    ),
    (
        "two tenants of one mailbox",
        "SELECT lower(email) AS line FROM tenants WHERE status <> 'closed' GROUP BY lower(email) HAVING count(*) > 1",
    ),
    (
        "two tenants of one company",
        "SELECT company_key AS line FROM tenants WHERE status <> 'closed' GROUP BY company_key HAVING count(*) > 1",
    ),
    (
        "a day whose units are not those of its mails",
        "SELECT CAST(day AS TEXT) AS line FROM quota_days
            WHERE reserved <> (SELECT count(*) FROM mails WHERE quota_day = day AND quota_budget = 'threshold')
                OR owner_mails <> (SELECT count(*) FROM mails WHERE quota_day = day AND quota_budget = 'owners')",
    ),
    (
        "a unit that two mails took, or one beyond the threshold",
        "SELECT CAST(quota_unit AS TEXT) AS line FROM mails WHERE quota_day IS NOT NULL
            GROUP BY quota_day, quota_budget, quota_unit
            HAVING count(*) > 1 OR max(CASE WHEN quota_unit > quota_threshold THEN 1 ELSE 0 END) > 0",
    ),
    (
        "a code that was consumed without an acceptance",
        "SELECT encode(id, 'hex') AS line FROM challenges WHERE state = 'consumed'
            AND id NOT IN (SELECT challenge FROM applications WHERE outcome = 'accepted')",
    ),
    (
        "a code that two acceptances consumed",
        "SELECT encode(challenge, 'hex') AS line FROM applications WHERE outcome = 'accepted'
            GROUP BY challenge HAVING count(*) > 1",
    ),
];

/// Every tenant as a [`TenantRow`].
pub(crate) const TENANTS: &str = "
    WITH held AS (
        SELECT tenant, count(*) AS codes, max(CASE kind WHEN 'voice' THEN code END) AS voice,
            max(CASE kind WHEN 'multimedia' THEN code END) AS multimedia
        FROM access_codes WHERE state = 'leased' GROUP BY tenant
    ), posted AS (
        SELECT tenant, count(*) AS mails, count(quota_unit) AS units, min(encode(id, 'hex')) AS mail
        FROM mails WHERE kind = 'account' GROUP BY tenant
    ), noted AS (
        SELECT replace(subject, '-', '') AS tenant, count(*) AS entries
        FROM audit WHERE action = 'tenant.create' GROUP BY 1
    ), accepted AS (
        SELECT a.tenant, count(*) AS applications, sum(CASE c.state WHEN 'consumed' THEN 1 ELSE 0 END) AS consumed
        FROM applications a JOIN challenges c ON c.id = a.challenge WHERE a.outcome = 'accepted' GROUP BY a.tenant
    )
    SELECT encode(t.id, 'hex') AS id, t.phone, t.email, t.company,
        coalesce(h.codes, 0) AS codes, coalesce(h.voice, '') AS voice, coalesce(h.multimedia, '') AS multimedia,
        coalesce(p.mails, 0) AS mails, coalesce(p.units, 0) AS units, coalesce(p.mail, '') AS mail,
        coalesce(n.entries, 0) AS audits,
        coalesce(a.applications, 0) AS acceptances, coalesce(a.consumed, 0) AS consumed
    FROM tenants t LEFT JOIN held h ON h.tenant = t.id LEFT JOIN posted p ON p.tenant = t.id
        LEFT JOIN noted n ON n.tenant = encode(t.id, 'hex') LEFT JOIN accepted a ON a.tenant = t.id
    ORDER BY t.id";

/// A tenant, with all that must have been created with it.
#[derive(Debug, Clone, QueryableByName, Deserialize)]
pub struct TenantRow {
    /// Its id, as 32 hexadecimal digits.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its phone, canonical.
    #[diesel(sql_type = Text)]
    pub phone: String,
    /// Its address.
    #[diesel(sql_type = Text)]
    pub email: String,
    /// Its company.
    #[diesel(sql_type = Text)]
    pub company: String,
    /// The number of access codes that are leased to it.
    #[diesel(sql_type = BigInt)]
    pub codes: i64,
    /// The voice access code.
    #[diesel(sql_type = Text)]
    pub voice: String,
    /// The multimedia access code.
    #[diesel(sql_type = Text)]
    pub multimedia: String,
    /// The number of its account mails in the outbox.
    #[diesel(sql_type = BigInt)]
    pub mails: i64,
    /// The number of quota units that these took.
    #[diesel(sql_type = BigInt)]
    pub units: i64,
    /// The id of the mail, as 32 hexadecimal digits.
    #[diesel(sql_type = Text)]
    pub mail: String,
    /// The number of audit entries of its creation.
    #[diesel(sql_type = BigInt)]
    pub audits: i64,
    /// The number of accepted applications that created it.
    #[diesel(sql_type = BigInt)]
    pub acceptances: i64,
    /// The number of codes that these consumed.
    #[diesel(sql_type = BigInt)]
    pub consumed: i64,
}

impl TenantRow {
    /// Checks that it is complete.
    pub(crate) fn assert_complete(&self) {
        let TenantRow { codes, mails, units, audits, acceptances, consumed, .. } = *self;
        assert_eq!((codes, mails, units, audits, acceptances, consumed), (2, 1, 1, 1, 1, 1), "{self:?}");
        assert!(!self.voice.is_empty() && !self.multimedia.is_empty(), "{self:?}");
    }
}

/// Checks that tenants are those of these applicants, one each.
pub(crate) fn assert_one_each<'a>(tenants: Vec<TenantRow>, applicants: impl IntoIterator<Item = &'a Applicant>) {
    let mut expected: Vec<[String; 3]> = applicants.into_iter().map(identity).collect();
    let mut kept: Vec<[String; 3]> = tenants.into_iter().map(|row| [row.phone, row.email, row.company]).collect();
    expected.sort_unstable();
    kept.sort_unstable();
    assert_eq!(kept, expected);
}

fn identity(applicant: &Applicant) -> [String; 3] {
    [applicant.e164(), applicant.email.clone(), applicant.company.clone()]
}
