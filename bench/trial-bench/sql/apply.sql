-- One application in one transaction, as in a service without batches: in a function, so that only the call goes over
-- the network. It loads the facts of an application and refuses none, since every one is acceptable.

CREATE SEQUENCE bench_applicants MINVALUE 0 START 0 CACHE 1;

INSERT INTO quota_days (day, reserved) VALUES (20833, 0);
INSERT INTO setting_changes (seq, setting, value, in_force, at, actor)
VALUES (1, 'quota.threshold', '100000000', 'quota.threshold=100000000', 0, 'bench');

-- Assigns the first free code of a kind to a tenant.
CREATE FUNCTION bench_lease(wanted text, holder bytea, at bigint) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    free record;
BEGIN
    SELECT code.since, code.code INTO STRICT free
    FROM pool_marks mark, LATERAL (
        SELECT since, code FROM access_codes
        WHERE kind = mark.kind AND state = 'free' AND (since, code) >= (mark.since, mark.code)
        ORDER BY since, code LIMIT 1
    ) code
    WHERE mark.kind = wanted;
    UPDATE access_codes SET state = 'leased', since = at, tenant = holder WHERE code = free.code;
    UPDATE pool_marks SET since = free.since, code = free.code WHERE kind = wanted;
    RETURN free.code;
END
$$;

CREATE FUNCTION bench_apply(n bigint, at bigint) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    who bigint := bench_who(n);
    of_phone text := bench_phone(n);
    of_email text := 'applicant' || who || '@example.com';
    of_company text := 'Company ' || who;
    challenge_id bytea;
    unit bigint;
    most bigint;
    new_tenant bytea := bench_id(2, n);
BEGIN
    SELECT reserved + 1 INTO STRICT unit FROM quota_days WHERE day = 20833 FOR UPDATE;
    SELECT substring(in_force FROM 'quota.threshold=(\d+)')::bigint INTO STRICT most
    FROM setting_changes ORDER BY seq DESC LIMIT 1;

    PERFORM FROM applications WHERE phone = of_phone AND applications.at > bench_apply.at - 86400000000 AND outcome = 'accepted';
    IF FOUND THEN RETURN '000'; END IF;

    SELECT c.id INTO challenge_id
    FROM phones p JOIN challenges c ON c.id = p.challenge
    WHERE p.phone = of_phone AND c.state = 'open' AND c.tries < 5 AND c.expires_at > bench_apply.at;
    IF NOT FOUND THEN RETURN '001'; END IF;

    PERFORM FROM tenants WHERE status <> 'closed' AND phone = of_phone;
    IF FOUND THEN RETURN '004'; END IF;
    PERFORM FROM tenants WHERE status <> 'closed' AND email_key = of_email;
    IF FOUND THEN RETURN '004'; END IF;
    PERFORM FROM tenants WHERE status <> 'closed' AND company_key = lower(of_company);
    IF FOUND THEN RETURN '004'; END IF;
    IF unit > most THEN RETURN '205'; END IF;

    UPDATE challenges SET expires_at = bench_apply.at, state = 'consumed' WHERE id = challenge_id;
    INSERT INTO tenants (id, status, phone, country_code, email, email_key, company, company_key, created_at,
        trial_ends_at, key_id, password_issue, password_issued_at, locale, told_until, next_step_at)
    VALUES (new_tenant, 'trial', of_phone, 86, of_email, of_email, of_company, lower(of_company), at,
        at + 2592000000000, 'bench', 1, at, 'zh-CN', at, at + 1987200000000);
    PERFORM bench_lease('voice', new_tenant, at);
    PERFORM bench_lease('multimedia', new_tenant, at);
    INSERT INTO mails (id, kind, tenant, recipient, locale, state, attempts, created_at, next_attempt_at, quota_day,
        quota_unit, quota_threshold, priority, quota_budget)
    VALUES (bench_id(3, n), 'account', new_tenant, of_email, 'zh-CN', 'due', 0, at, at, 20833, unit, most, 0, 'threshold');
    INSERT INTO applications (id, request_id, at, phone, country_code, email, email_key, company, company_key,
        challenge, outcome, tenant, return_code)
    VALUES (bench_id(4, n), '01890a5d-ac96-774b-bcce-' || lpad(to_hex(n), 12, '0'), at, of_phone, 86, of_email, of_email,
        of_company, lower(of_company), challenge_id, 'accepted', new_tenant, '000');
    INSERT INTO audit (id, at, actor, action, subject, detail)
    VALUES (bench_id(5, n), at, 'applicant', 'tenant.create', '01890a5d-ac96-774b-bcce-b302099a8057',
        'application 01890a5d-ac96-774b-bcce-b302099a8057');
    UPDATE quota_days SET reserved = unit WHERE day = 20833;
    RETURN '000';
END
$$;
