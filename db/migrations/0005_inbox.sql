-- +goose Up

-- A claim is the sum of these times too. gift_of > 0: the card came from another claim,
-- whose unit of stock it is. Of pairs (gifted and returned, deleted and restored) the
-- newer one counts.
ALTER TABLE claims ADD COLUMN gift_of     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN gifted_at   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN returned_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN deleted_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN restored_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN expired_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN voided_at   INTEGER NOT NULL DEFAULT 0;

UPDATE claims SET
  gifted_at  = COALESCE((SELECT MAX(at) FROM claim_events e WHERE e.claim_id = claims.id AND e.kind = 'gifted'), 0),
  deleted_at = COALESCE((SELECT MAX(at) FROM claim_events e WHERE e.claim_id = claims.id AND e.kind = 'deleted'), 0),
  expired_at = COALESCE((SELECT MIN(at) FROM claim_events e WHERE e.claim_id = claims.id AND e.kind = 'expired'), 0),
  voided_at  = COALESCE((SELECT MIN(at) FROM claim_events e WHERE e.claim_id = claims.id AND e.kind = 'voided'), 0)
WHERE state IN ('gifted', 'deleted', 'expired', 'voided', 'redeemed');

CREATE INDEX claims_gifts ON claims (gift_of) WHERE gift_of > 0;
-- What reconciliation asks WeChat about: taken into the wallet, maybe, and not confirmed.
CREATE INDEX claims_unsettled ON claims (id) WHERE issuer = 'wechat_card' AND code = '' AND state IN ('opened', 'reported', 'released');
CREATE INDEX claims_with_code ON claims (id) WHERE issuer = 'wechat_card' AND code <> '';

CREATE TABLE claim_events_all (
    claim_id INTEGER NOT NULL REFERENCES claims (id),
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('held', 'opened', 'cancelled', 'reported', 'confirmed', 'released', 'redeemed', 'gifted',
                                              'returned', 'deleted', 'restored', 'expired', 'voided', 'viewed', 'updated', 'paid')),
    source   TEXT    NOT NULL CHECK (source IN ('page', 'server', 'push', 'reconcile', 'staff', 'system')),
    detail   TEXT    NOT NULL,
    PRIMARY KEY (claim_id, at, kind, source)
) STRICT, WITHOUT ROWID;
INSERT INTO claim_events_all SELECT claim_id, at, kind, source, detail FROM claim_events;
DROP TABLE claim_events;
ALTER TABLE claim_events_all RENAME TO claim_events;

-- What WeChat sent, once per dedupe key, in the order of arrival. person is a keyed digest
-- of the openid: it can be searched for, and outlives an erasure without naming anybody.
CREATE TABLE pushes_all (
    id          INTEGER NOT NULL PRIMARY KEY,
    dedupe      TEXT    NOT NULL UNIQUE,
    account_id  TEXT    NOT NULL,
    event       TEXT    NOT NULL, -- of messages their type
    person      TEXT    NOT NULL,
    card_id     TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    old_code    TEXT    NOT NULL,
    claim_id    INTEGER NOT NULL DEFAULT 0,
    result      TEXT    NOT NULL CHECK (result IN ('applied', 'unmatched', 'kept', 'failed')),
    repeats     INTEGER NOT NULL DEFAULT 0,
    repeated_at INTEGER NOT NULL DEFAULT 0,
    happened_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    took_us     INTEGER NOT NULL DEFAULT 0, -- microseconds
    raw         BLOB    NOT NULL
) STRICT;
INSERT INTO pushes_all (dedupe, account_id, event, person, card_id, code, old_code, claim_id, result, repeats, happened_at, received_at, raw)
SELECT dedupe, account_id, event, '', '', '', '', claim_id, result, repeats, happened_at, received_at, raw FROM pushes ORDER BY received_at, dedupe;
DROP TABLE pushes;
ALTER TABLE pushes_all RENAME TO pushes;

CREATE INDEX pushes_received ON pushes (account_id, received_at);
CREATE INDEX pushes_event ON pushes (event, id);
CREATE INDEX pushes_claim ON pushes (claim_id) WHERE claim_id > 0;
CREATE INDEX pushes_code ON pushes (code, account_id) WHERE code <> '';
CREATE INDEX pushes_old_code ON pushes (old_code, account_id) WHERE old_code <> '';
CREATE INDEX pushes_person ON pushes (person) WHERE person <> '';
CREATE INDEX pushes_open ON pushes (result, id) WHERE result IN ('unmatched', 'failed');

-- What WeChat says about the cards of an account, the newest of each kind.
CREATE TABLE card_notes (
    account_id TEXT    NOT NULL,
    card_id    TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('low_stock', 'approved', 'refused')),
    at         INTEGER NOT NULL,
    detail     TEXT    NOT NULL,
    PRIMARY KEY (account_id, card_id, kind)
) STRICT, WITHOUT ROWID;

-- When to ask WeChat about a claim again.
CREATE TABLE claim_checks (
    claim_id INTEGER NOT NULL PRIMARY KEY,
    next_at  INTEGER NOT NULL,
    tries    INTEGER NOT NULL
) STRICT;

CREATE TABLE reconcile_runs (
    id         INTEGER NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('recent', 'nightly', 'manual')),
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    checked    INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    repaired   INTEGER NOT NULL,
    differing  INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    stopped    TEXT    NOT NULL -- why it ended early, or ''
) STRICT;

CREATE INDEX reconcile_runs_kind ON reconcile_runs (kind, started_at);

CREATE TABLE reconcile_differences (
    id       INTEGER NOT NULL PRIMARY KEY,
    run_id   INTEGER NOT NULL,
    claim_id INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    was      TEXT    NOT NULL, -- our state before
    became   TEXT    NOT NULL, -- and after; the same when nothing could be repaired
    found    TEXT    NOT NULL  -- what WeChat said
) STRICT;

CREATE INDEX reconcile_differences_run ON reconcile_differences (run_id, id);
