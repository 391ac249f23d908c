DROP TABLE database_state;
DROP TABLE decided_batches;
