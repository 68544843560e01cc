-- +goose Up

-- A campaign as it was from each change on. body is the draft as JSON. Rows of autosaves are
-- thinned out later; what somebody saved, and the end of a sitting, stays.
CREATE TABLE campaign_versions (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    version     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    actor_id    TEXT    NOT NULL,
    actor_name  TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    note        TEXT    NOT NULL DEFAULT '',
    auto        INTEGER NOT NULL DEFAULT 0 CHECK (auto IN (0, 1)),
    body        TEXT    NOT NULL,
    PRIMARY KEY (campaign_id, version)
) STRICT, WITHOUT ROWID;

-- What somebody typed and has not saved yet: one per campaign and person.
CREATE TABLE campaign_drafts (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    person_id   TEXT    NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    base        INTEGER NOT NULL, -- the version that it was typed over
    body        TEXT    NOT NULL CHECK (length(body) <= 200000),
    at          INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, person_id)
) STRICT, WITHOUT ROWID;

INSERT INTO campaign_versions (campaign_id, version, at, actor_id, actor_name, action, body)
SELECT c.id, c.version, c.updated_at, '', '', 'campaign.edit', json_object(
    'account', c.account_id, 'slug', c.slug, 'name', c.name, 'starts_at', c.starts_at, 'ends_at', c.ends_at,
    'valid_until', c.valid_until, 'zone', c.zone, 'total', s.total, 'per_person', c.per_person, 'per_day', c.per_day,
    'hold', c.hold_ms, 'issuer', c.issuer, 'card_id', c.card_id, 'form', json(c.form), 'texts', json(c.texts),
    'share', json(c.share), 'rules', json(c.rules), 'design', json(c.design), 'redeeming', json(c.redeeming),
    'notices', json(c.notices), 'price', json(c.price))
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id;
