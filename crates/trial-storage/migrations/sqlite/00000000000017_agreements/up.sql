-- Agreements to the terms are removed when their time is over: found without a walk through the whole audit.
CREATE INDEX audit_agreements ON audit (id) WHERE action = 'terms.accept';
