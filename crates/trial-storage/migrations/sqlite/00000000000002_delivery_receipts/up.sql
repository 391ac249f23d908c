ALTER TABLE code_requests ADD COLUMN delivery TEXT
    CHECK (delivery IS NULL OR (delivery IN ('sent', 'delivered', 'failed') AND state = 'accepted'));
ALTER TABLE code_requests ADD COLUMN delivery_reason TEXT;
ALTER TABLE code_requests ADD COLUMN delivery_at INTEGER CHECK ((delivery IS NULL) = (delivery_at IS NULL));
-- A receipt names its message by the provider's id, which stands in the gateway's reply. Longer ones are nobody's: an entry of
-- an index has a bound, and a reply must not fail by it.
CREATE INDEX code_requests_provider_id ON code_requests (gateway, reply, at)
    WHERE state = 'accepted' AND length(reply) <= 200;
