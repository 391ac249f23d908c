DROP INDEX audit_agreements;
