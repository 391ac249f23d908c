DROP TABLE caller_signatures;
DROP TABLE callers;
