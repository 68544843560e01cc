-- +goose Up

-- The newest finding of every check, of an account or ('') of the program.
CREATE TABLE health_latest (
    check_name TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    finding    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (check_name, account)
) STRICT, WITHOUT ROWID;

-- One row for each minute in which a check was made.
CREATE TABLE health_samples (
    minute     INTEGER NOT NULL, -- milliseconds, a whole minute
    check_name TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    level      INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3), -- 0 unknown, 1 ok, 2 warn, 3 fail
    PRIMARY KEY (minute, check_name, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE health_incidents (
    id         INTEGER NOT NULL PRIMARY KEY,
    check_name TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    level      INTEGER NOT NULL CHECK (level BETWEEN 2 AND 3), -- the worst it was
    cause      TEXT    NOT NULL, -- key of the sentence and code: another cause is another incident
    what       TEXT    NOT NULL, -- JSON
    code       INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL DEFAULT 0, -- 0 while it lasts
    seen       INTEGER NOT NULL CHECK (seen >= 1)
) STRICT;

CREATE UNIQUE INDEX health_incidents_open ON health_incidents (check_name, account) WHERE ended_at = 0;
CREATE INDEX health_incidents_started ON health_incidents (started_at);

-- What other parts of the program saw: pushes verified or refused, failures of visitors.
CREATE TABLE health_reports (
    id      INTEGER NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('push_verified', 'push_refused', 'oauth_failed', 'signature_bad')),
    at      INTEGER NOT NULL,
    code    INTEGER NOT NULL,
    detail  TEXT    NOT NULL,
    rid     TEXT    NOT NULL
) STRICT;

CREATE INDEX health_reports_account ON health_reports (account, kind, at);
CREATE INDEX health_reports_at ON health_reports (at);
