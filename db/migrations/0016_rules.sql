-- +goose Up

-- What the rules took for a claim besides the stock, so that a release gives back exactly
-- that: the day of the share, then u (an answer that claims once), c (an invitation code),
-- p (a code of a pool). Empty for most claims.
ALTER TABLE claims ADD COLUMN takes TEXT NOT NULL DEFAULT '';

-- The share of a day, from one release to the next.
CREATE TABLE campaign_days (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    day         TEXT    NOT NULL, -- of the release, in the campaign's zone
    taken       INTEGER NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (campaign_id, day)
) STRICT, WITHOUT ROWID;

-- Answers that claim once per campaign, as keyed digests. A negative claim is one that was
-- released: the answer is free again, and the claim can take it back.
CREATE TABLE claim_uniques (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    digest      BLOB    NOT NULL,
    claim_id    INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX claim_uniques_claim ON claim_uniques (claim_id);

-- Who may claim, who may not, and invitation codes.
CREATE TABLE lists (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('phone', 'openid', 'unionid', 'plate', 'code')),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT, WITHOUT ROWID;

-- Rows are keyed digests with the last four characters: a list answers who is on it and
-- tells nobody else. claim_id is of the claim that used an invitation code; negative as above.
CREATE TABLE list_rows (
    list_id  TEXT    NOT NULL REFERENCES lists (id),
    digest   BLOB    NOT NULL,
    tail     TEXT    NOT NULL,
    claim_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (list_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX list_rows_claim ON list_rows (claim_id) WHERE claim_id <> 0;
CREATE INDEX list_rows_used ON list_rows (list_id) WHERE claim_id > 0;

-- Codes that staff uploaded, each for one claim.
CREATE TABLE code_pools (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pool_codes (
    account_id TEXT    NOT NULL,
    code       TEXT    NOT NULL CHECK (length(code) BETWEEN 4 AND 32),
    pool_id    TEXT    NOT NULL REFERENCES code_pools (id),
    claim_id   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX pool_codes_pool ON pool_codes (pool_id, code);
CREATE INDEX pool_codes_free ON pool_codes (pool_id, code) WHERE claim_id <= 0;
CREATE INDEX pool_codes_claim ON pool_codes (claim_id) WHERE claim_id <> 0;

-- Stock that fell below its mark; the row goes when there is more again.
CREATE TABLE stock_notes (
    campaign_id INTEGER NOT NULL PRIMARY KEY REFERENCES campaigns (id) ON DELETE CASCADE,
    at          INTEGER NOT NULL,
    left_over   INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    paused      INTEGER NOT NULL CHECK (paused IN (0, 1))
) STRICT;
