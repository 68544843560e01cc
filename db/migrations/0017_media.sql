-- +goose Up

-- Pictures that staff uploaded, as pages show them. The content is what the digest names, so
-- a row never changes.
CREATE TABLE media (
    digest     TEXT    NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    kind       TEXT    NOT NULL CHECK (kind IN ('jpg', 'png')),
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    bytes      BLOB    NOT NULL,
    account_id TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX media_account ON media (account_id);

-- A campaign's webhook: its secret, and up to when the ledger was read for it.
CREATE TABLE webhooks (
    campaign_id INTEGER NOT NULL PRIMARY KEY REFERENCES campaigns (id) ON DELETE CASCADE,
    secret      BLOB    NOT NULL, -- sealed
    since       INTEGER NOT NULL, -- nothing older is told
    read_at     INTEGER NOT NULL, -- the last look at what is new
    deep_at     INTEGER NOT NULL  -- the last look further back, for what WeChat told late
) STRICT;

-- What is told to webhooks, and how that went. topic names what it is about, once.
CREATE TABLE notices (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    event       TEXT    NOT NULL,
    topic       TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    tried_at    INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    status      INTEGER NOT NULL DEFAULT 0,
    answer      TEXT    NOT NULL DEFAULT '',
    UNIQUE (campaign_id, topic)
) STRICT;

CREATE INDEX notices_due ON notices (due_at) WHERE state = 'waiting';
CREATE INDEX notices_campaign ON notices (campaign_id, id);
CREATE INDEX notices_old ON notices (created_at) WHERE state <> 'waiting';

-- Written when a card is redeemed, which is off the claim path.
CREATE INDEX claims_redeemed ON claims (campaign_id, redeemed_at) WHERE redeemed_at > 0;
