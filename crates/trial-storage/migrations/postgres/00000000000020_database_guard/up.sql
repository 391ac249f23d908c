-- Each batch that stored something, by its transaction, its time and the timeline: the last ones. An instance that remembers
-- a batch finds it here, unless the server has lost it. A restored server gives the numbers of transactions again.
CREATE TABLE decided_batches (
    transaction BIGINT NOT NULL,
    at BIGINT NOT NULL,
    timeline TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transaction, at)
);

-- One row. While `halted` says why, nothing is decided. An operator who has looked at it counts `confirmed` up.
CREATE TABLE database_state (
    is_only BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    confirmed BIGINT NOT NULL DEFAULT 0,
    halted TEXT COLLATE "C"
);
INSERT INTO database_state DEFAULT VALUES;
