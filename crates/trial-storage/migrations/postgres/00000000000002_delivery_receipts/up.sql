ALTER TABLE code_requests
    ADD COLUMN delivery_at BIGINT,
    ADD COLUMN delivery TEXT COLLATE "C" CHECK (delivery IN ('sent', 'delivered', 'failed')),
    ADD COLUMN delivery_reason TEXT COLLATE "C",
    ADD CHECK ((delivery IS NULL) = (delivery_at IS NULL) AND (delivery IS NULL OR state = 'accepted'));
-- A receipt names its message by the provider's id, which stands in the gateway's reply. Longer ones are nobody's: an entry of
-- an index has a bound, and a reply must not fail by it.
CREATE INDEX code_requests_provider_id ON code_requests (gateway, reply, at)
    WHERE state = 'accepted' AND length(reply) <= 200;
