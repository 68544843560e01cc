-- +goose NO TRANSACTION
-- +goose Up

-- What a campaign says beyond its first columns, each part as JSON with its own type in
-- campaigns: rules (who may claim, how stock is let out), design (how the page looks and
-- reads), redeeming (where and for what), notices (who is told what), price (what it
-- costs, in fen). Issuers and kinds of events grew, and SQLite changes a CHECK only by
-- copying the table. Other tables refer to these by name, so references are off meanwhile.
PRAGMA foreign_keys = OFF;

BEGIN IMMEDIATE;

CREATE TABLE campaigns_new (
    id           INTEGER NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    slug         TEXT    NOT NULL UNIQUE,
    status       TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'paused', 'ended', 'archived')),
    starts_at    INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    valid_until  INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    per_person   INTEGER NOT NULL CHECK (per_person >= 1),
    per_day      INTEGER NOT NULL CHECK (per_day >= 0),
    hold_ms      INTEGER NOT NULL CHECK (hold_ms > 0),
    issuer       TEXT    NOT NULL CHECK (issuer IN ('own_code', 'wechat_card', 'code_pool')),
    card_id      TEXT    NOT NULL,
    zone         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    pause_reason TEXT    NOT NULL,
    form         TEXT    NOT NULL, -- JSON
    texts        TEXT    NOT NULL, -- JSON
    share        TEXT    NOT NULL, -- JSON
    rules        TEXT    NOT NULL DEFAULT '{}', -- JSON
    design       TEXT    NOT NULL DEFAULT '{}', -- JSON
    redeeming    TEXT    NOT NULL DEFAULT '{}', -- JSON
    notices      TEXT    NOT NULL DEFAULT '{}', -- JSON
    price        TEXT    NOT NULL DEFAULT '{}', -- JSON
    CHECK (ends_at > starts_at)
) STRICT;
INSERT INTO campaigns_new (id, account_id, slug, status, starts_at, ends_at, valid_until, version, per_person, per_day, hold_ms, issuer, card_id,
  zone, created_at, updated_at, name, pause_reason, form, texts, share)
SELECT id, account_id, slug, status, starts_at, ends_at, valid_until, version, per_person, per_day, hold_ms, issuer, card_id,
  zone, created_at, updated_at, name, pause_reason, form, texts, share FROM campaigns;
DROP TABLE campaigns;
ALTER TABLE campaigns_new RENAME TO campaigns;
CREATE INDEX campaigns_account ON campaigns (account_id, status);

CREATE TABLE claims_new (
    id             INTEGER NOT NULL PRIMARY KEY,
    campaign_id    INTEGER NOT NULL REFERENCES campaigns (id),
    visitor_id     INTEGER NOT NULL REFERENCES visitors (id),
    account_id     TEXT    NOT NULL,
    ref            TEXT    NOT NULL UNIQUE,
    issuer         TEXT    NOT NULL CHECK (issuer IN ('own_code', 'wechat_card', 'code_pool')),
    state          TEXT    NOT NULL CHECK (state IN ('held', 'opened', 'reported', 'confirmed', 'redeemed',
                                                     'gifted', 'deleted', 'expired', 'voided', 'released')),
    code           TEXT    NOT NULL,
    idem_key       TEXT    NOT NULL CHECK (length(idem_key) BETWEEN 8 AND 64),
    channel        TEXT    NOT NULL,
    day            TEXT    NOT NULL,
    hold_until     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    opened_at      INTEGER NOT NULL DEFAULT 0,
    reported_at    INTEGER NOT NULL DEFAULT 0,
    confirmed_at   INTEGER NOT NULL DEFAULT 0,
    released_at    INTEGER NOT NULL DEFAULT 0,
    redeemed_at    INTEGER NOT NULL DEFAULT 0,
    release_reason TEXT    NOT NULL DEFAULT '',
    consent        TEXT    NOT NULL,
    holder_name    TEXT    NOT NULL, -- the first text answer, for searching
    holder_phone   TEXT    NOT NULL, -- the first mobile answer, for searching
    phone_tail     TEXT    NOT NULL, -- its last four digits
    answers        TEXT    NOT NULL, -- JSON
    gift_of        INTEGER NOT NULL DEFAULT 0,
    gifted_at      INTEGER NOT NULL DEFAULT 0,
    returned_at    INTEGER NOT NULL DEFAULT 0,
    deleted_at     INTEGER NOT NULL DEFAULT 0,
    restored_at    INTEGER NOT NULL DEFAULT 0,
    expired_at     INTEGER NOT NULL DEFAULT 0,
    voided_at      INTEGER NOT NULL DEFAULT 0,
    undone_at      INTEGER NOT NULL DEFAULT 0, -- a redemption that staff took back
    refunded_at    INTEGER NOT NULL DEFAULT 0, -- the price was paid back in full
    secret_code    TEXT    NOT NULL DEFAULT '', -- encrypted code that the wallet sheet handed over
    UNIQUE (visitor_id, campaign_id, idem_key)
) STRICT;
INSERT INTO claims_new (id, campaign_id, visitor_id, account_id, ref, issuer, state, code, idem_key, channel, day, hold_until, created_at,
  opened_at, reported_at, confirmed_at, released_at, redeemed_at, release_reason, consent, holder_name, holder_phone, phone_tail, answers,
  gift_of, gifted_at, returned_at, deleted_at, restored_at, expired_at, voided_at)
SELECT id, campaign_id, visitor_id, account_id, ref, issuer, state, code, idem_key, channel, day, hold_until, created_at,
  opened_at, reported_at, confirmed_at, released_at, redeemed_at, release_reason, consent, holder_name, holder_phone, phone_tail, answers,
  gift_of, gifted_at, returned_at, deleted_at, restored_at, expired_at, voided_at FROM claims;
DROP TABLE claims;
ALTER TABLE claims_new RENAME TO claims;
CREATE INDEX claims_campaign ON claims (campaign_id, id);
CREATE INDEX claims_campaign_state ON claims (campaign_id, state, id);
CREATE UNIQUE INDEX claims_code ON claims (code, account_id) WHERE code <> '';
CREATE INDEX claims_holds ON claims (hold_until) WHERE state IN ('held', 'opened', 'reported');
CREATE INDEX claims_name ON claims (holder_name, id) WHERE holder_name <> '';
CREATE INDEX claims_phone ON claims (holder_phone, id) WHERE holder_phone <> '';
CREATE INDEX claims_phone_tail ON claims (phone_tail, id) WHERE phone_tail <> '';
CREATE INDEX claims_gifts ON claims (gift_of) WHERE gift_of > 0;
CREATE INDEX claims_unsettled ON claims (id) WHERE issuer = 'wechat_card' AND code = '' AND state IN ('opened', 'reported', 'released');
CREATE INDEX claims_with_code ON claims (id) WHERE issuer = 'wechat_card' AND code <> '';
CREATE INDEX claims_channel ON claims (campaign_id, channel, confirmed_at) WHERE channel <> '' AND gift_of = 0;

CREATE TABLE claim_events_new (
    claim_id INTEGER NOT NULL REFERENCES claims (id),
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('held', 'opened', 'cancelled', 'reported', 'confirmed', 'released', 'redeemed', 'undone', 'gifted',
                                              'returned', 'deleted', 'restored', 'expired', 'voided', 'viewed', 'updated', 'paid', 'refunded')),
    source   TEXT    NOT NULL CHECK (source IN ('page', 'server', 'push', 'reconcile', 'staff', 'system')),
    detail   TEXT    NOT NULL,
    PRIMARY KEY (claim_id, at, kind, source)
) STRICT, WITHOUT ROWID;
INSERT INTO claim_events_new SELECT claim_id, at, kind, source, detail FROM claim_events;
DROP TABLE claim_events;
ALTER TABLE claim_events_new RENAME TO claim_events;

COMMIT;

PRAGMA foreign_keys = ON;
