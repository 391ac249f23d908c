-- When a right code was submitted first.
ALTER TABLE challenges ADD COLUMN proven_at BIGINT;

-- What was sent to each prefix (the digits of a phone without the last four) in spans of five minutes since the epoch:
-- messages, codes, and how many of these were used. A part of it can be below 0, where counting began between a message
-- and the word that it was not sent.
CREATE TABLE prefix_spans (
    prefix BIGINT NOT NULL CHECK (prefix > 0),
    span INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (prefix, span)
) WITH (fillfactor = 50);
CREATE INDEX prefix_spans_span ON prefix_spans (span);

-- The last block of each prefix, over or not; what it was judged by, and how many requests met it.
CREATE TABLE prefix_blocks (
    prefix BIGINT NOT NULL PRIMARY KEY CHECK (prefix > 0),
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    sent BIGINT NOT NULL CHECK (sent >= 0),
    used BIGINT NOT NULL CHECK (used >= 0),
    met BIGINT NOT NULL CHECK (met >= 0),
    counted_after INTEGER NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX prefix_blocks_until ON prefix_blocks (until);

-- Prefixes that are never blocked, with all that begin with them.
CREATE TABLE safe_prefixes (
    prefix BIGINT NOT NULL PRIMARY KEY CHECK (prefix > 0),
    reason TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL
);
