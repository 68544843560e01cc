-- +goose Up

-- Pictures that answer messages; media_id is WeChat's name for 3 days from media_at on.
CREATE TABLE reply_pictures (
    id         INTEGER PRIMARY KEY,
    account    TEXT    NOT NULL REFERENCES accounts (id),
    digest     TEXT    NOT NULL,
    content    BLOB    NOT NULL,
    media_id   TEXT    NOT NULL DEFAULT '',
    media_at   INTEGER NOT NULL DEFAULT 0,
    try_at     INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (account, digest)
) STRICT;

CREATE TABLE reply_rules (
    id          INTEGER PRIMARY KEY,
    account     TEXT    NOT NULL REFERENCES accounts (id),
    name        TEXT    NOT NULL,
    occasion    TEXT    NOT NULL CHECK (occasion IN ('keyword', 'follow', 'scene', 'click', 'else')),
    contains    INTEGER NOT NULL CHECK (contains IN (0, 1)),
    words       TEXT    NOT NULL, -- JSON list
    kind        TEXT    NOT NULL CHECK (kind IN ('text', 'picture', 'campaign')),
    body        TEXT    NOT NULL,
    campaign_id INTEGER NOT NULL, -- 0 = none
    channel     TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    image       TEXT    NOT NULL,
    picture_id  INTEGER NOT NULL, -- 0 = none
    priority    INTEGER NOT NULL,
    enabled     INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    hits        INTEGER NOT NULL DEFAULT 0,
    last_hit    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX reply_rules_account ON reply_rules (account);

CREATE TABLE scenes (
    account    TEXT    NOT NULL REFERENCES accounts (id),
    scene      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    ticket     TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    permanent  INTEGER NOT NULL CHECK (permanent IN (0, 1)),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, scene)
) STRICT, WITHOUT ROWID;

-- One row a scan. person is a keyed digest of the openid: it tells people apart, no more.
CREATE TABLE scene_scans (
    dedupe  TEXT    NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL,
    scene   TEXT    NOT NULL,
    person  BLOB    NOT NULL,
    follows INTEGER NOT NULL CHECK (follows IN (0, 1)),
    first   INTEGER NOT NULL CHECK (first IN (0, 1)), -- followed through a code for the first time
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX scene_scans_scene ON scene_scans (account, scene, at);
CREATE INDEX scene_scans_person ON scene_scans (account, person);

CREATE TABLE menus (
    account      TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (id),
    draft        TEXT    NOT NULL DEFAULT '{}',
    draft_at     INTEGER NOT NULL DEFAULT 0,
    draft_by     TEXT    NOT NULL DEFAULT '',
    published    TEXT    NOT NULL DEFAULT '{}',
    published_at INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Changes of stock at WeChat, by the key of the form, so that none is made twice.
CREATE TABLE stock_changes (
    key     TEXT    NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL,
    card_id TEXT    NOT NULL,
    delta   INTEGER NOT NULL,
    by_name TEXT    NOT NULL,
    outcome TEXT    NOT NULL CHECK (outcome IN ('pending', 'changed', 'refused', 'unknown')),
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
