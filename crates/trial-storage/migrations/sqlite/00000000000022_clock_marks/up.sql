-- One row. The latest instant at which trials were swept, so that a leap of the clock is noticed after a restart as well;
-- nothing, before the first sweep.
CREATE TABLE clock_marks (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seen_at INTEGER
) STRICT;
INSERT INTO clock_marks (id) VALUES (1);
