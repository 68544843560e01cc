-- +goose Up

-- Files that somebody asked for. The file goes at its expiry; the row stays. What was
-- searched for may be somebody's number, so filter only says that there was a search.
CREATE TABLE export_jobs (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL, -- '' = of all accounts
    kind       TEXT    NOT NULL CHECK (kind IN ('claims', 'users', 'campaigns')),
    format     TEXT    NOT NULL CHECK (format IN ('xlsx', 'csv')),
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'working', 'ready', 'failed', 'expired')),
    owner_kind TEXT    NOT NULL CHECK (owner_kind IN ('person', 'api_token')),
    owner_id   TEXT    NOT NULL,
    owner_name TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    filter     TEXT    NOT NULL, -- JSON
    masked     INTEGER NOT NULL CHECK (masked IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, -- grows while it works, so that a dead process is noticed
    done_at    INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL DEFAULT 0,
    rows       INTEGER NOT NULL DEFAULT 0,
    total      INTEGER NOT NULL DEFAULT 0, -- rows that it will have, 0 = not known
    size       INTEGER NOT NULL DEFAULT 0, -- bytes
    sha256     TEXT    NOT NULL DEFAULT '',
    taken      INTEGER NOT NULL DEFAULT 0  -- downloads
) STRICT;

CREATE INDEX export_jobs_made ON export_jobs (created_at);
CREATE INDEX export_jobs_open ON export_jobs (state, updated_at) WHERE state IN ('waiting', 'working', 'ready');
