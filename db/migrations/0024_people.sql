-- +goose Up

-- The second step of a person's sign-in. Somebody invited has an empty password_hash until
-- they set a password, and cannot sign in.
CREATE TABLE two_steps (
    person_id    TEXT    NOT NULL PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    secret       BLOB    NOT NULL,           -- sealed
    started_at   INTEGER NOT NULL,           -- when the secret was made
    confirmed_at INTEGER NOT NULL DEFAULT 0, -- 0 = not yet; no code is asked for
    last_step    INTEGER NOT NULL DEFAULT 0  -- of the newest code that was taken
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    hash      BLOB NOT NULL, -- SHA-256 of the code
    PRIMARY KEY (person_id, hash)
) STRICT, WITHOUT ROWID;

-- +goose Down

DROP TABLE recovery_codes;
DROP TABLE two_steps;
