-- +goose Up

-- Stores and warehouses of an account, as a tree.
CREATE TABLE places (
    id         INTEGER PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    parent_id  INTEGER NOT NULL DEFAULT 0, -- 0 = at the root
    kind       TEXT    NOT NULL CHECK (kind IN ('store', 'warehouse')),
    code       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at INTEGER NOT NULL,
    UNIQUE (account_id, code),
    UNIQUE (account_id, name)
) STRICT;

CREATE TABLE staff (
    id           INTEGER PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    place_id     INTEGER NOT NULL REFERENCES places (id),
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('staff', 'manager', 'stockkeeper')),
    pin_hash     TEXT    NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0,
    visitor_id   INTEGER NOT NULL DEFAULT 0, -- the bound WeChat identity, 0 = none
    disabled     INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (place_id, name)
) STRICT;

CREATE INDEX staff_account ON staff (account_id, id);
CREATE UNIQUE INDEX staff_visitor ON staff (visitor_id) WHERE visitor_id <> 0;

-- Tokens are known by their SHA-256 only.
CREATE TABLE staff_sessions (
    hash       BLOB    NOT NULL PRIMARY KEY,
    staff_id   INTEGER NOT NULL REFERENCES staff (id),
    csrf       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ip         TEXT    NOT NULL,
    agent      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id, expires_at);
CREATE INDEX staff_sessions_end ON staff_sessions (expires_at);

CREATE TABLE staff_binds (
    staff_id   INTEGER NOT NULL PRIMARY KEY REFERENCES staff (id),
    hash       BLOB    NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE goods (
    id         INTEGER PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    barcode    TEXT    NOT NULL CHECK (length(barcode) BETWEEN 1 AND 40),
    name       TEXT    NOT NULL,
    unit       TEXT    NOT NULL,
    price      INTEGER NOT NULL CHECK (price >= 0), -- fen
    minimum    INTEGER NOT NULL CHECK (minimum >= 0), -- of all places; 0 = none
    picture    TEXT    NOT NULL,
    stock      INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0), -- of all places: the sum of the levels
    archived   INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, barcode)
) STRICT;

CREATE INDEX goods_name ON goods (account_id, archived, name, id);
CREATE INDEX goods_low ON goods (account_id, archived, name, id) WHERE minimum > stock;

CREATE INDEX goods_picture ON goods (picture) WHERE picture <> '';

-- Pictures of goods, named by the SHA-256 of their content.
CREATE TABLE goods_pictures (
    name    TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL CHECK (length(content) <= 524288)
) STRICT;

-- The stock: always the sum of the movements below, and never negative.
CREATE TABLE stock_levels (
    goods_id INTEGER NOT NULL REFERENCES goods (id),
    place_id INTEGER NOT NULL REFERENCES places (id),
    quantity INTEGER NOT NULL CHECK (quantity >= 0),
    PRIMARY KEY (goods_id, place_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX stock_levels_place ON stock_levels (place_id, goods_id, quantity);

-- The log: rows are added, never changed.
CREATE TABLE movements (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT    NOT NULL,
    place_id   INTEGER NOT NULL REFERENCES places (id),
    goods_id   INTEGER NOT NULL REFERENCES goods (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('in', 'out', 'transfer_out', 'transfer_in', 'count', 'redeem', 'undo')),
    quantity   INTEGER NOT NULL CHECK (quantity <> 0),
    before     INTEGER NOT NULL,
    after      INTEGER NOT NULL CHECK (after = before + quantity AND after >= 0),
    reason     TEXT    NOT NULL,
    staff_id   INTEGER NOT NULL, -- 0 = somebody in the admin
    by_name    TEXT    NOT NULL,
    claim_id   INTEGER NOT NULL DEFAULT 0,
    peer_id    INTEGER NOT NULL DEFAULT 0, -- the other place of a transfer
    undoes_id  INTEGER NOT NULL DEFAULT 0,
    key        TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    UNIQUE (account_id, key)
) STRICT;

CREATE INDEX movements_at ON movements (account_id, at, id);
CREATE INDEX movements_kind ON movements (account_id, kind, at, id);
CREATE INDEX movements_place ON movements (place_id, at, id);
CREATE INDEX movements_goods ON movements (goods_id, place_id, quantity);
CREATE INDEX movements_goods_at ON movements (goods_id, at, id);
CREATE INDEX movements_by ON movements (account_id, by_name, at, id);
CREATE INDEX movements_claim ON movements (claim_id) WHERE claim_id <> 0;
CREATE UNIQUE INDEX movements_undoes ON movements (undoes_id) WHERE undoes_id <> 0;

-- +goose StatementBegin
CREATE TRIGGER movements_stay BEFORE UPDATE ON movements BEGIN SELECT RAISE(ABORT, 'movements are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER movements_kept BEFORE DELETE ON movements BEGIN SELECT RAISE(ABORT, 'movements are never removed'); END;
-- +goose StatementEnd

-- Counting what is at a place; one at a time.
CREATE TABLE counts (
    id         INTEGER PRIMARY KEY,
    account_id TEXT    NOT NULL,
    place_id   INTEGER NOT NULL REFERENCES places (id),
    state      TEXT    NOT NULL CHECK (state IN ('open', 'closed', 'cancelled')),
    by_name    TEXT    NOT NULL,
    opened_at  INTEGER NOT NULL,
    closed_at  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX counts_account ON counts (account_id, id);
CREATE UNIQUE INDEX counts_open ON counts (place_id) WHERE state = 'open';

CREATE TABLE count_lines (
    count_id INTEGER NOT NULL REFERENCES counts (id),
    goods_id INTEGER NOT NULL REFERENCES goods (id),
    expected INTEGER NOT NULL,
    seen     INTEGER NOT NULL CHECK (seen >= 0),
    at       INTEGER NOT NULL,
    PRIMARY KEY (count_id, goods_id)
) STRICT, WITHOUT ROWID;
