-- The return code of a request for a code, by which operators search, as it stands after the gateway's reply.
ALTER TABLE code_requests ADD COLUMN return_code TEXT NOT NULL DEFAULT '202';
UPDATE code_requests SET return_code = CASE
    WHEN state = 'accepted' THEN '200'
    WHEN state = 'refused' THEN '204'
    WHEN refusal LIKE '%"rule":"quota_reached"%' THEN '205'
    WHEN refusal LIKE '%"rule":"too_soon"%' OR refusal LIKE '%"rule":"hourly_limit"%'
        OR refusal LIKE '%"rule":"daily_limit"%' THEN '201'
    WHEN refusal LIKE '%"rule":"budget_spent"%' OR refusal LIKE '%"rule":"prefix_blocked"%' THEN '204'
    WHEN refusal LIKE '%"rule":"sends_failed"%' AND refusal LIKE '%"refused":true%' THEN '204'
    ELSE '202' END;
CREATE INDEX code_requests_return_code ON code_requests (return_code, id);
