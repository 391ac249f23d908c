COMMIT;
SELECT indexdef FROM dropped \gexec

-- Otherwise autovacuum would do this during the measurement.
VACUUM (ANALYZE);
CHECKPOINT;
