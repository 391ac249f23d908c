-- Looking for a person, showing it and erasing it reads no whole table. Nobody in use is looked for by these indexes.
CREATE INDEX tenants_closed_phone ON tenants (phone) WHERE status = 'closed';
CREATE INDEX tenants_closed_email ON tenants (email_key) WHERE status = 'closed';
CREATE INDEX challenges_phone ON challenges (phone);
