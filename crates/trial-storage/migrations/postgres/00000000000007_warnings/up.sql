-- What operations were warned of: each thing once a day.
CREATE TABLE warnings (
    at BIGINT NOT NULL,
    day INTEGER NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    words TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (day, name)
);
