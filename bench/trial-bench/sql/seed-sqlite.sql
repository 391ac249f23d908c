-- As seed-postgres.sql, for SQLite, with the same numbers, inserted into the text. Rows are in the order of their
-- primary keys, by which tables without row ids are trees. Indexes are dropped before it, and built after it.

CREATE TEMP VIEW numbers AS
WITH RECURSIVE numbers (i) AS (
    SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < max(:tenants, :challenges, :in_use + :free)
)
SELECT i, i + :first AS n, (i + :first) * 2654435761 % 100000000 AS who, 9000 + i / 1000 AS day FROM numbers;

-- One applicant per row: number and time, 1,000 of them per day.
CREATE TEMP VIEW past AS
SELECT i, day, i % 1000 + 1 AS unit, day * 86400000000 + i % 1000 * 80000000 AS at,
    printf('%016x', n << 16) AS stem, printf('+86166%08d', who) AS phone, 'applicant' || who || '@example.com' AS email,
    'Company ' || who AS company, printf('00000000-0000-7000-8000-%012x', n) AS request_id
FROM numbers;

INSERT INTO challenges (id, phone, key_id, made_at, expires_at, tries, state)
SELECT unhex(stem || '0101010101010101'), phone, 'bench', at, at + 300000000, CASE WHEN i < :tenants THEN 0 ELSE 5 END,
    CASE WHEN i < :tenants THEN 'consumed' ELSE 'open' END
FROM past WHERE i < :challenges;

INSERT INTO phones (phone, country_code, failures, challenge)
SELECT phone, 86, CASE WHEN i < :tenants THEN 0 ELSE 5 END, unhex(stem || '0101010101010101')
FROM past WHERE i < :challenges ORDER BY phone;

INSERT INTO tenants (id, status, phone, country_code, email, email_key, company, company_key, created_at, trial_ends_at,
    key_id, password_issue, password_issued_at, locale, converted_at, closed_at, told_until)
SELECT unhex(stem || '0202020202020202'), CASE WHEN i < :tenants - :in_use THEN 'closed' ELSE 'commercial' END, phone, 86,
    email, email, company, lower(company), at, at + 2592000000000, 'bench', 1, at, 'zh-CN',
    CASE WHEN i >= :tenants - :in_use THEN at END, CASE WHEN i < :tenants - :in_use THEN at + 3196800000000 END, at
FROM past WHERE i < :tenants;

INSERT INTO mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, settled_at,
    quota_day, quota_unit, quota_threshold, priority)
SELECT unhex(stem || '0303030303030303'), 'account', unhex(stem || '0202020202020202'), email, 'zh-CN', 'sent', 1, at, at,
    at, day, unit, 1000, 0
FROM past WHERE i < :tenants;

INSERT INTO quota_days (day, reserved)
SELECT day, count(*) FROM past WHERE i < :tenants GROUP BY day;

INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, company_key, challenge,
    outcome, tenant, return_code)
SELECT unhex(stem || '0404040404040404'), request_id, at, phone, 86, email, email, company, lower(company),
    unhex(stem || '0101010101010101'), 'accepted', unhex(stem || '0202020202020202'), '000'
FROM past WHERE i < min(:tenants, :challenges);

INSERT INTO audit (id, at, actor, action, subject, detail)
SELECT unhex(stem || '0505050505050505'), at, 'applicant', 'tenant.create',
    substr(stem, 1, 8) || '-' || substr(stem, 9, 4) || '-' || substr(stem, 13, 4) || '-0202-020202020202',
    'application ' || request_id
FROM past WHERE i < :tenants;

INSERT INTO access_codes (code, kind, state, since, tenant)
SELECT '400' || printf('%09d', i), 'voice', CASE WHEN i < :in_use THEN 'leased' ELSE 'free' END,
    (9000 + i / 1000) * 86400000000,
    CASE WHEN i < :in_use THEN unhex(printf('%016x', (n + :tenants - :in_use) << 16) || '0202020202020202') END
FROM numbers WHERE i < :in_use + :free;

INSERT INTO access_codes (code, kind, state, since, tenant)
SELECT 'chat-' || printf('%09d', i), 'multimedia', CASE WHEN i < :in_use THEN 'leased' ELSE 'free' END,
    (9000 + i / 1000) * 86400000000,
    CASE WHEN i < :in_use THEN unhex(printf('%016x', (n + :tenants - :in_use) << 16) || '0202020202020202') END
FROM numbers WHERE i < :in_use + :free;

DROP VIEW past;
DROP VIEW numbers;
