-- The stored data in numbers, which must agree with the answers. Valid in both databases.
-- A code has one holder, because it has one row: of two tenants with the same code, one would have lost it.
SELECT (SELECT count(*) FROM tenants)
    || ' ' || (SELECT count(*) FROM (
        SELECT tenant FROM access_codes WHERE state = 'leased' GROUP BY tenant HAVING count(DISTINCT kind) = 2) AS holders)
    || ' ' || (SELECT count(*) FROM access_codes WHERE state = 'leased')
    || ' ' || (SELECT count(*) FROM mails)
    || ' ' || (SELECT coalesce(sum(reserved), 0) FROM quota_days)
    || ' ' || (SELECT count(*) FROM applications WHERE outcome = 'accepted')
    || ' ' || (SELECT count(*) FROM challenges WHERE state = 'consumed') AS totals
