-- A database in the state before :rows applications: their codes sent, the pool full.

INSERT INTO challenges (id, phone, key_id, made_at, expires_at, tries, state)
SELECT bench_id(1, n), bench_phone(n), 'bench', :now, :now + 300000000, 0, 'open'
FROM generate_series(0::bigint, :rows - 1) n;

INSERT INTO phones (phone, country_code, failures, challenge)
SELECT bench_phone(n), 86, 0, bench_id(1, n)
FROM generate_series(0::bigint, :rows - 1) n;

INSERT INTO access_codes (code, kind, state, since)
SELECT '400' || lpad(n::text, 7, '0'), 'voice', 'free', :now
FROM generate_series(0::bigint, :rows - 1) n
UNION ALL
SELECT 'chat-' || lpad(n::text, 7, '0'), 'multimedia', 'free', :now
FROM generate_series(0::bigint, :rows - 1) n;

ANALYZE;
