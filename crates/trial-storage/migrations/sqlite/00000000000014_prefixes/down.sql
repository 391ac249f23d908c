DROP TABLE safe_prefixes;
DROP TABLE prefix_blocks;
DROP TABLE prefix_spans;
ALTER TABLE challenges DROP COLUMN proven_at;
