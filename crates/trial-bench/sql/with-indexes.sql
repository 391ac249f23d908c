COMMIT;
SELECT indexdef FROM dropped \gexec

-- What the autovacuum would else do while somebody measures.
VACUUM (ANALYZE);
CHECKPOINT;
