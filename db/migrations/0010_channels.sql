-- +goose Up

-- Where visitors come from. code travels in links as ch; short is the name of /q/{short}.
CREATE TABLE channels (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    code        TEXT    NOT NULL CHECK (length(code) BETWEEN 1 AND 40),
    short       TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    note        TEXT    NOT NULL,
    cost        INTEGER NOT NULL CHECK (cost >= 0), -- fen
    disabled    INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, code),
    UNIQUE (campaign_id, name)
) STRICT, WITHOUT ROWID;

-- Scans of printed codes and short links: a number a day, nothing about who.
CREATE TABLE channel_scans (
    campaign_id INTEGER NOT NULL,
    code        TEXT    NOT NULL,
    day         TEXT    NOT NULL, -- in the campaign's zone
    scans       INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, code, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_channel ON claims (campaign_id, channel, confirmed_at) WHERE channel <> '' AND gift_of = 0;
