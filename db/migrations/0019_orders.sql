-- +goose Up

-- The WeChat Pay account of an official account; keys are in the sealed part.
CREATE TABLE merchants (
    account_id TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (id),
    settings   TEXT    NOT NULL, -- JSON without keys
    keys       BLOB    NOT NULL, -- JSON, sealed
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one claim costs. Amounts are fen.
CREATE TABLE orders (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    TEXT    NOT NULL,
    campaign_id   INTEGER NOT NULL REFERENCES campaigns (id),
    claim_id      INTEGER NOT NULL UNIQUE REFERENCES claims (id),
    visitor_id    INTEGER NOT NULL REFERENCES visitors (id),
    number        TEXT    NOT NULL UNIQUE,
    merchant_id   TEXT    NOT NULL,
    app_id        TEXT    NOT NULL,
    openid        TEXT    NOT NULL,
    client        TEXT    NOT NULL CHECK (client IN ('page', 'mini')),
    description   TEXT    NOT NULL,
    fen           INTEGER NOT NULL CHECK (fen > 0),
    back_fen      INTEGER NOT NULL DEFAULT 0 CHECK (back_fen BETWEEN 0 AND fen),
    state         TEXT    NOT NULL CHECK (state IN ('created', 'prepaid', 'paid', 'refunding', 'refunded', 'closed')),
    prepay_id     TEXT    NOT NULL DEFAULT '',
    prepaid_until INTEGER NOT NULL DEFAULT 0,
    transaction_id TEXT   NOT NULL DEFAULT '',
    fee_milli     INTEGER NOT NULL DEFAULT 0, -- 1/1000 fen
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    paid_at       INTEGER NOT NULL DEFAULT 0,
    ended_at      INTEGER NOT NULL DEFAULT 0,
    next_at       INTEGER NOT NULL,
    tries         INTEGER NOT NULL DEFAULT 0,
    shipped_at    INTEGER NOT NULL DEFAULT 0,
    ship_at       INTEGER NOT NULL DEFAULT 0,
    reason        TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX orders_account ON orders (account_id, id);
CREATE INDEX orders_campaign ON orders (campaign_id, id);
CREATE INDEX orders_due ON orders (next_at) WHERE state IN ('created', 'prepaid');
CREATE INDEX orders_ship ON orders (ship_at) WHERE ship_at > 0;
CREATE INDEX orders_paid ON orders (account_id, paid_at) WHERE paid_at > 0;
CREATE UNIQUE INDEX orders_transaction ON orders (transaction_id) WHERE transaction_id <> '';

CREATE TABLE refunds (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT    NOT NULL,
    order_id   INTEGER NOT NULL REFERENCES orders (id),
    number     TEXT    NOT NULL UNIQUE,
    fen        INTEGER NOT NULL CHECK (fen > 0),
    whole      INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)),
    reason     TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('asked', 'approved', 'sent', 'back', 'rejected', 'failed', 'abnormal')),
    problem    TEXT    NOT NULL DEFAULT '',
    refund_no  TEXT    NOT NULL DEFAULT '',
    asked_by   TEXT    NOT NULL,
    by_id      TEXT    NOT NULL,
    said_by    TEXT    NOT NULL DEFAULT '',
    asked_at   INTEGER NOT NULL,
    said_at    INTEGER NOT NULL DEFAULT 0,
    back_at    INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL DEFAULT 0,
    tries      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX refunds_account ON refunds (account_id, id);
CREATE INDEX refunds_order ON refunds (order_id);
CREATE INDEX refunds_due ON refunds (next_at) WHERE state IN ('approved', 'sent');
CREATE INDEX refunds_back ON refunds (account_id, back_at) WHERE back_at > 0;

-- Notifications as they came, for some weeks.
CREATE TABLE pay_notices (
    id         INTEGER PRIMARY KEY,
    account_id TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('payment', 'refund')),
    result     TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    body       BLOB    NOT NULL -- sealed
) STRICT;

CREATE INDEX pay_notices_at ON pay_notices (at);
CREATE INDEX pay_notices_account ON pay_notices (account_id, at);

CREATE TABLE bill_runs (
    account_id TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    lines      INTEGER NOT NULL,
    paid_fen   INTEGER NOT NULL,
    back_fen   INTEGER NOT NULL,
    fee_fen    INTEGER NOT NULL,
    differs    INTEGER NOT NULL,
    PRIMARY KEY (account_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE bill_differences (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  TEXT    NOT NULL,
    day         TEXT    NOT NULL,
    what        TEXT    NOT NULL CHECK (what IN ('not_here', 'not_there', 'amount', 'state')),
    kind        TEXT    NOT NULL CHECK (kind IN ('payment', 'refund')),
    number      TEXT    NOT NULL,
    order_id    INTEGER NOT NULL,
    ours_fen    INTEGER NOT NULL,
    theirs_fen  INTEGER NOT NULL,
    found_at    INTEGER NOT NULL,
    resolved_at INTEGER NOT NULL DEFAULT 0,
    resolved_by TEXT    NOT NULL DEFAULT '',
    note        TEXT    NOT NULL DEFAULT '',
    UNIQUE (account_id, day, what, number)
) STRICT;

CREATE INDEX bill_differences_account ON bill_differences (account_id, id);
