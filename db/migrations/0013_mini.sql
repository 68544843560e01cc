-- +goose Up

-- The mini program of an official account: an AppID and a secret of its own.
CREATE TABLE mini_programs (
    account_id TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (id),
    app_id     TEXT    NOT NULL UNIQUE,
    secret     BLOB    NOT NULL, -- sealed
    api_url    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A person in a mini program. After an erasure openid is a digest that finds the limits
-- that were used up, and nothing else is left.
CREATE TABLE mini_identities (
    id         INTEGER NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    app_id     TEXT    NOT NULL,
    openid     TEXT    NOT NULL,
    unionid    TEXT    NOT NULL,
    visitor_id INTEGER NOT NULL REFERENCES visitors (id),
    phone      BLOB    NOT NULL, -- sealed
    phone_at   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (app_id, openid)
) STRICT;

CREATE INDEX mini_identities_visitor ON mini_identities (visitor_id);

CREATE INDEX visitors_unionid ON visitors (account_id, unionid) WHERE unionid <> '';

-- Sign-ins. The token is known by its SHA-256 alone.
CREATE TABLE mini_sessions (
    hash        BLOB    NOT NULL PRIMARY KEY,
    identity_id INTEGER NOT NULL REFERENCES mini_identities (id),
    session_key BLOB    NOT NULL, -- sealed; empty once revoked
    issued_at   INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX mini_sessions_identity ON mini_sessions (identity_id, issued_at);
CREATE INDEX mini_sessions_end ON mini_sessions (expires_at);

-- Pictures that people uploaded, one each, under names that nobody guesses.
CREATE TABLE mini_avatars (
    visitor_id INTEGER NOT NULL PRIMARY KEY REFERENCES visitors (id),
    name       TEXT    NOT NULL UNIQUE,
    body       BLOB    NOT NULL, -- JPEG
    created_at INTEGER NOT NULL
) STRICT;
