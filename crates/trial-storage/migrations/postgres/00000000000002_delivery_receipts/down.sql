DROP INDEX code_requests_provider_id;
ALTER TABLE code_requests DROP COLUMN delivery_reason, DROP COLUMN delivery, DROP COLUMN delivery_at;
