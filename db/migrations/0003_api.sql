-- +goose Up

-- Lists are JSON arrays of texts.
CREATE TABLE api_tokens (
    id           TEXT    NOT NULL PRIMARY KEY,
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the token
    tail         TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    accounts     TEXT    NOT NULL,
    ips          TEXT    NOT NULL,
    origins      TEXT    NOT NULL,
    hosts        TEXT    NOT NULL,
    rate         INTEGER NOT NULL CHECK (rate > 0),
    created_by   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER NOT NULL DEFAULT 0,
    last_used_at INTEGER NOT NULL DEFAULT 0,
    uses         INTEGER NOT NULL DEFAULT 0
) STRICT;
