-- A database after years of use. Numbers, all given with `psql --set`:
--   tenants    all tenants so far, each with its application, mail and audit entry
--   challenges spent codes, each with its phone; those beyond the tenants by wrong attempts
--   in_use     tenants that are not closed, each with one access code of each kind
--   free       free access codes of each kind
--   first      the number of the first applicant: lower ones are for later applicants
-- Needs functions.sql, and empty tables. Everything that `trialgate doctor` checks holds.

SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';

-- Indexes are built faster than they are maintained.
CREATE TEMP TABLE dropped AS
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND (indexname NOT LIKE '%\_pkey' OR indexname = 'phones_pkey')
    AND tablename IN ('challenges', 'phones', 'tenants', 'access_codes', 'mails', 'applications', 'audit');
ALTER TABLE phones DROP CONSTRAINT phones_pkey;
SELECT format('DROP INDEX %I', indexname) FROM dropped WHERE indexname <> 'phones_pkey' \gexec

-- One applicant per row: number and time, 1,000 of them per day.
CREATE VIEW bench_past AS
SELECT i, i + :first AS n, (9000 + i / 1000)::integer AS day, i % 1000 + 1 AS unit,
    (9000 + i / 1000) * 86400000000 + i % 1000 * 80000000 AS at, bench_phone(i + :first) AS phone,
    'applicant' || bench_who(i + :first) || '@example.com' AS email, 'Company ' || bench_who(i + :first) AS company
FROM generate_series(0::bigint, greatest(:tenants, :challenges) - 1) i;

INSERT INTO challenges (id, phone, key_id, made_at, expires_at, tries, state)
SELECT bench_id(1, n), phone, 'bench', at, at + 300000000, CASE WHEN i < :tenants THEN 0 ELSE 5 END,
    CASE WHEN i < :tenants THEN 'consumed' ELSE 'open' END
FROM bench_past WHERE i < :challenges;

INSERT INTO phones (phone, country_code, failures, challenge)
SELECT phone, 86, CASE WHEN i < :tenants THEN 0 ELSE 5 END, bench_id(1, n)
FROM bench_past WHERE i < :challenges;

INSERT INTO tenants (id, status, phone, country_code, email, email_key, company, company_key, created_at, trial_ends_at,
    key_id, password_issue, password_issued_at, locale, converted_at, closed_at, told_until)
SELECT bench_id(2, n), CASE WHEN i < :tenants - :in_use THEN 'closed' ELSE 'commercial' END, phone, 86, email, email,
    company, lower(company), at, at + 2592000000000, 'bench', 1, at, 'zh-CN',
    CASE WHEN i >= :tenants - :in_use THEN at END, CASE WHEN i < :tenants - :in_use THEN at + 3196800000000 END, at
FROM bench_past WHERE i < :tenants;

INSERT INTO mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, settled_at,
    quota_day, quota_unit, quota_threshold, priority)
SELECT bench_id(3, n), 'account', bench_id(2, n), email, 'zh-CN', 'sent', 1, at, at, at, day, unit, 1000, 0
FROM bench_past WHERE i < :tenants;

INSERT INTO quota_days (day, reserved)
SELECT day, count(*) FROM bench_past WHERE i < :tenants GROUP BY day;

INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, company_key, challenge,
    outcome, tenant, return_code)
SELECT bench_id(4, n), '00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), at, phone, 86, email, email, company,
    lower(company), bench_id(1, n), 'accepted', bench_id(2, n), '000'
FROM bench_past WHERE i < least(:tenants, :challenges);

INSERT INTO audit (id, at, actor, action, subject, detail)
SELECT bench_id(5, n), at, 'applicant', 'tenant.create', encode(bench_id(2, n), 'hex')::uuid::text,
    'application ' || encode(bench_id(4, n), 'hex')::uuid::text
FROM bench_past WHERE i < :tenants;

INSERT INTO access_codes (code, kind, state, since, tenant)
SELECT kind.prefix || lpad(i::text, 9, '0'), kind.name, CASE WHEN i < :in_use THEN 'leased' ELSE 'free' END,
    (9000::bigint + i / 1000) * 86400000000,
    CASE WHEN i < :in_use THEN bench_id(2, i + :first + :tenants - :in_use) END
FROM (VALUES ('400', 'voice'), ('chat-', 'multimedia')) AS kind (prefix, name),
    generate_series(0::bigint, :in_use + :free - 1) i;

DROP VIEW bench_past;
ALTER TABLE phones ADD CONSTRAINT phones_pkey PRIMARY KEY (phone);
SELECT indexdef FROM dropped WHERE indexname <> 'phones_pkey' \gexec

-- Otherwise autovacuum would do this during the measurement.
VACUUM (ANALYZE);
CHECKPOINT;
