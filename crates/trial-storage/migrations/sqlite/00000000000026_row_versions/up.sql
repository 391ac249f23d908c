-- PostgreSQL alone numbers the versions of rows: here a row is changed in place.
SELECT 1;
