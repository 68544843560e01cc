-- +goose Up

-- The keys that sign the passes of our own codes.
CREATE TABLE pass_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    private    BLOB    NOT NULL, -- sealed
    public     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One use of one card. At most one row of a claim is pending or done.
CREATE TABLE redemptions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  TEXT    NOT NULL,
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    claim_id    INTEGER NOT NULL REFERENCES claims (id),
    code        TEXT    NOT NULL,
    place_id    INTEGER NOT NULL REFERENCES places (id),
    place_name  TEXT    NOT NULL,
    staff_id    INTEGER NOT NULL REFERENCES staff (id),
    staff_name  TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'undone', 'failed')),
    reason      TEXT    NOT NULL DEFAULT '',
    offline     INTEGER NOT NULL CHECK (offline IN (0, 1)),
    wechat      INTEGER NOT NULL CHECK (wechat IN (0, 1)),
    at          INTEGER NOT NULL,
    booked_at   INTEGER NOT NULL,
    undone_at   INTEGER NOT NULL DEFAULT 0,
    undone_by   TEXT    NOT NULL DEFAULT '',
    goods_id    INTEGER NOT NULL DEFAULT 0,
    quantity    INTEGER NOT NULL DEFAULT 0,
    movement_id INTEGER NOT NULL DEFAULT 0,
    key         TEXT    NOT NULL,
    UNIQUE (account_id, key)
) STRICT;

CREATE UNIQUE INDEX redemptions_claim ON redemptions (claim_id) WHERE state IN ('pending', 'done');
CREATE INDEX redemptions_account ON redemptions (account_id, id);
CREATE INDEX redemptions_place ON redemptions (place_id, id);
CREATE INDEX redemptions_staff ON redemptions (staff_id, id);
CREATE INDEX redemptions_campaign ON redemptions (campaign_id, id);
CREATE INDEX redemptions_booked ON redemptions (account_id, booked_at);
CREATE INDEX redemptions_code ON redemptions (code, account_id);
CREATE INDEX redemptions_waiting ON redemptions (id) WHERE state = 'pending';

-- What a till accepted without network and could not be booked.
CREATE TABLE redemption_conflicts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  TEXT    NOT NULL,
    place_id    INTEGER NOT NULL REFERENCES places (id),
    place_name  TEXT    NOT NULL,
    staff_id    INTEGER NOT NULL REFERENCES staff (id),
    staff_name  TEXT    NOT NULL,
    claim_id    INTEGER NOT NULL, -- 0 = no such card
    code        TEXT    NOT NULL,
    verdict     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    booked_at   INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    resolved_at INTEGER NOT NULL DEFAULT 0,
    resolved_by TEXT    NOT NULL DEFAULT '',
    note        TEXT    NOT NULL DEFAULT '',
    UNIQUE (account_id, key)
) STRICT;

CREATE INDEX redemption_conflicts_place ON redemption_conflicts (account_id, place_id, id);
