-- What is stored, in numbers that must agree with what applicants were told. Understood by both databases.
-- A code has one holder, because it has one row: had two tenants been given the same, one of them would have lost it.
SELECT (SELECT count(*) FROM tenants)
    || ' ' || (SELECT count(*) FROM (
        SELECT tenant FROM access_codes WHERE state = 'leased' GROUP BY tenant HAVING count(DISTINCT kind) = 2) AS holders)
    || ' ' || (SELECT count(*) FROM access_codes WHERE state = 'leased')
    || ' ' || (SELECT count(*) FROM mails)
    || ' ' || (SELECT coalesce(sum(reserved), 0) FROM quota_days)
    || ' ' || (SELECT count(*) FROM applications WHERE outcome = 'accepted')
    || ' ' || (SELECT count(*) FROM challenges WHERE state = 'consumed') AS totals
