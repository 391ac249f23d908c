-- Since when the owner of a tenant asks for its conversion.
ALTER TABLE tenants ADD COLUMN conversion_asked_at BIGINT
    CHECK (conversion_asked_at IS NULL OR status IN ('trial', 'suspended'));
CREATE INDEX tenants_ask_conversion ON tenants (id) WHERE conversion_asked_at IS NOT NULL;

-- A link to another password is a mail like any other of a tenant; its detail is the issue of the password that it is for.
ALTER TABLE mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE mails ADD CONSTRAINT mails_kind_check
    CHECK (kind IN ('account', 'reminder', 'suspended', 'closed', 'warning', 'password'));
