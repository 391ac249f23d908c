DROP TABLE portal_tries;
DROP TABLE portal_sessions;
DROP TABLE portal_passwords;
