-- +goose Up

-- What a visitor agreed to show besides nickname and picture; WeChat mostly leaves it
-- empty. erased_at > 0: the person's data is gone and openid is a digest.
ALTER TABLE visitors ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE visitors ADD COLUMN sex INTEGER NOT NULL DEFAULT 0 CHECK (sex IN (0, 1, 2));
ALTER TABLE visitors ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;

-- What visitors agreed to besides the forms of campaigns.
CREATE TABLE visitor_consents (
    visitor_id   INTEGER NOT NULL REFERENCES visitors (id),
    kind         TEXT    NOT NULL CHECK (kind IN ('profile')),
    version      TEXT    NOT NULL, -- of the wording that was shown
    what         TEXT    NOT NULL, -- names of the data, by commas
    at           INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (visitor_id, kind, at)
) STRICT, WITHOUT ROWID;
