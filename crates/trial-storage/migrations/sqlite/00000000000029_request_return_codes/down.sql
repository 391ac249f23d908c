DROP INDEX code_requests_return_code;
ALTER TABLE code_requests DROP COLUMN return_code;
