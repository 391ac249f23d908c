DROP INDEX challenges_phone;
DROP INDEX tenants_closed_email;
DROP INDEX tenants_closed_phone;
