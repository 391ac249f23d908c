SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';

-- Indexes are built faster than they are maintained.
CREATE TEMP TABLE dropped AS
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND indexname NOT LIKE '%\_pkey'
    AND tablename IN ('tenants', 'access_codes', 'mails', 'applications', 'code_requests', 'audit');
SELECT format('DROP INDEX %I', indexname) FROM dropped \gexec

BEGIN;
