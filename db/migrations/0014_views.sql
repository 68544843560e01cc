-- +goose Up

-- How people like their admin; it follows them to other browsers.
CREATE TABLE person_preferences (
    person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    name      TEXT NOT NULL CHECK (name IN ('language', 'theme', 'density', 'account', 'view')),
    value     TEXT NOT NULL CHECK (length(value) <= 64),
    PRIMARY KEY (person_id, name)
) STRICT, WITHOUT ROWID;

-- Filters of the campaign list under a name; query is the canonical text of the address.
CREATE TABLE saved_views (
    id         TEXT    NOT NULL PRIMARY KEY,
    person_id  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    query      TEXT    NOT NULL CHECK (length(query) <= 600),
    shared     INTEGER NOT NULL CHECK (shared IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (person_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_tags (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    tag         TEXT    NOT NULL CHECK (length(tag) BETWEEN 1 AND 20),
    PRIMARY KEY (campaign_id, tag)
) STRICT, WITHOUT ROWID;

-- Visits of claim pages: a number an hour, nothing about who.
CREATE TABLE campaign_visits (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    hour        INTEGER NOT NULL, -- milliseconds, a whole hour
    visits      INTEGER NOT NULL CHECK (visits > 0),
    PRIMARY KEY (campaign_id, hour)
) STRICT, WITHOUT ROWID;

-- What takes back a change to several campaigns. steps is JSON.
CREATE TABLE campaign_undos (
    id        TEXT    NOT NULL PRIMARY KEY,
    person_id TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    done_at   INTEGER NOT NULL DEFAULT 0,
    steps     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose campaign it is: whoever made it.
CREATE INDEX audit_made ON audit (object_id, actor_id, actor_name) WHERE action = 'campaign.create';

-- Claims per hour and day. A gift is the unit of its giver.
CREATE INDEX claims_confirmed ON claims (campaign_id, confirmed_at) WHERE gift_of = 0 AND confirmed_at > 0;
