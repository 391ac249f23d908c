-- What operations were warned of: each thing once a day.
CREATE TABLE warnings (
    day INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;
