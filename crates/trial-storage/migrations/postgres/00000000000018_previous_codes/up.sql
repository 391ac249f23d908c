-- The code before a phone's current one, as long as the gateway has not accepted that one: it is good until then.
ALTER TABLE phones ADD COLUMN previous BYTEA;
