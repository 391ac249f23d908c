DROP INDEX audit_subject;
DROP INDEX audit_action;
DROP INDEX audit_actor;
DROP TABLE sessions;
DROP TABLE operators;
