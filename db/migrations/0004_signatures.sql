-- +goose Up

-- What pages told about signatures that WeChat refused, one row per hour and kind of
-- report. Addresses and messages carry no secrets and nothing about persons.
CREATE TABLE signature_reports (
    digest     TEXT    NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL,
    slug       TEXT    NOT NULL,
    which      TEXT    NOT NULL CHECK (which IN ('page', 'card')),
    href       TEXT    NOT NULL,
    signed_url TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    agent      TEXT    NOT NULL CHECK (agent IN ('ios', 'android', 'other')),
    ticket_age INTEGER NOT NULL, -- milliseconds
    count      INTEGER NOT NULL CHECK (count >= 1),
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX signature_reports_account ON signature_reports (account_id, last_at);

-- Files that prove to WeChat whose domain this is, served at the root.
CREATE TABLE verify_files (
    name      TEXT    NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 5 AND 40),
    content   BLOB    NOT NULL CHECK (length(content) BETWEEN 1 AND 4096),
    added_by  TEXT    NOT NULL,
    added_at  INTEGER NOT NULL,
    served_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
