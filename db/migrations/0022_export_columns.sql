-- +goose Up

-- What an export can be grows: it chooses its columns and how long its file stays, it can be
-- cancelled and retried, it says why it failed and who fetched it last. A CHECK cannot be
-- changed, so the table is made anew.
CREATE TABLE export_jobs_new (
    id         TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL, -- '' = of all accounts
    kind       TEXT    NOT NULL CHECK (kind IN ('claims', 'users', 'campaigns')),
    format     TEXT    NOT NULL CHECK (format IN ('xlsx', 'csv', 'csv_utf8')),
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'working', 'ready', 'failed', 'cancelled', 'expired')),
    owner_kind TEXT    NOT NULL CHECK (owner_kind IN ('person', 'api_token')),
    owner_id   TEXT    NOT NULL,
    owner_name TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    filter     TEXT    NOT NULL, -- JSON
    columns    TEXT    NOT NULL DEFAULT '', -- names with blanks between, '' = all
    masked     INTEGER NOT NULL CHECK (masked IN (0, 1)),
    life       INTEGER NOT NULL DEFAULT 86400000, -- ms that the file stays
    created_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL, -- grows while it works, so that a dead process is noticed
    done_at    INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL DEFAULT 0,
    rows       INTEGER NOT NULL DEFAULT 0,
    total      INTEGER NOT NULL DEFAULT 0, -- rows that it will have, 0 = not known
    size       INTEGER NOT NULL DEFAULT 0, -- bytes
    sha256     TEXT    NOT NULL DEFAULT '',
    problem    TEXT    NOT NULL DEFAULT '' CHECK (problem IN ('', 'stopped', 'slow', 'disk', 'broken')),
    retried    INTEGER NOT NULL DEFAULT 0 CHECK (retried IN (0, 1)), -- another was made in its place
    taken      INTEGER NOT NULL DEFAULT 0, -- downloads
    taken_by   TEXT    NOT NULL DEFAULT '',
    taken_at   INTEGER NOT NULL DEFAULT 0  -- the last one
) STRICT;

INSERT INTO export_jobs_new (id, account_id, kind, format, state, owner_kind, owner_id, owner_name, reason, filter, masked, created_at, updated_at, done_at,
    expires_at, rows, total, size, sha256, taken)
SELECT id, account_id, kind, format, state, owner_kind, owner_id, owner_name, reason, filter, masked, created_at, updated_at, done_at,
    expires_at, rows, total, size, sha256, taken
FROM export_jobs;

DROP TABLE export_jobs;
ALTER TABLE export_jobs_new RENAME TO export_jobs;

CREATE INDEX export_jobs_made ON export_jobs (created_at);
CREATE INDEX export_jobs_open ON export_jobs (owner_kind, owner_id, created_at) WHERE state IN ('waiting', 'working');
CREATE INDEX export_jobs_ready ON export_jobs (expires_at) WHERE state = 'ready';
