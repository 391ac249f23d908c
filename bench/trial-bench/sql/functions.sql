-- The attributes of the n-th applicant, the same as in the load generator: in no order, as people arrive in no order.
-- Ids grow with n, as ids of version 7 grow with time, and differ by kind.

CREATE FUNCTION bench_id(kind integer, n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT int8send(n << 16) || decode(repeat(lpad(to_hex(kind), 2, '0'), 8), 'hex') $$;

CREATE FUNCTION bench_who(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT n * 2654435761 % 100000000 $$;

CREATE FUNCTION bench_phone(n bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT '+86166' || lpad((n * 2654435761 % 100000000)::text, 8, '0') $$;
