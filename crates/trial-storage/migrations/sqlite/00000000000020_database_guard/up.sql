-- Where this database was moved to: while there is its one row, nothing is written to any other table.
CREATE TABLE moved_to (
    is_only INTEGER NOT NULL PRIMARY KEY CHECK (is_only = 1),
    place TEXT NOT NULL
) STRICT;
