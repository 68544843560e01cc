-- +goose Up

-- Times are milliseconds since 1970 in UTC, 0 = never. Ids of campaigns, visitors and
-- claims are made by the program and grow with time.

CREATE TABLE accounts (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 40),
    name        TEXT    NOT NULL,
    app_id      TEXT    NOT NULL,
    secret      BLOB    NOT NULL, -- sealed
    push_token  BLOB    NOT NULL, -- sealed
    aes_key     BLOB    NOT NULL, -- sealed
    token_mode  TEXT    NOT NULL CHECK (token_mode IN ('stable', 'classic')),
    api_url     TEXT    NOT NULL DEFAULT '',
    open_url    TEXT    NOT NULL DEFAULT '',
    js_url      TEXT    NOT NULL DEFAULT '',
    sandbox     INTEGER NOT NULL DEFAULT 0 CHECK (sandbox IN (0, 1)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE campaigns (
    id           INTEGER NOT NULL PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES accounts (id),
    slug         TEXT    NOT NULL UNIQUE,
    status       TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'paused', 'ended', 'archived')),
    starts_at    INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    valid_until  INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    per_person   INTEGER NOT NULL CHECK (per_person >= 1),
    per_day      INTEGER NOT NULL CHECK (per_day >= 0),
    hold_ms      INTEGER NOT NULL CHECK (hold_ms > 0),
    issuer       TEXT    NOT NULL CHECK (issuer IN ('own_code', 'wechat_card')),
    card_id      TEXT    NOT NULL,
    zone         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    pause_reason TEXT    NOT NULL,
    form         TEXT    NOT NULL, -- JSON
    texts        TEXT    NOT NULL, -- JSON
    share        TEXT    NOT NULL, -- JSON
    CHECK (ends_at > starts_at)
) STRICT;

CREATE INDEX campaigns_account ON campaigns (account_id, status);

-- The counters that claims are guarded by, apart from the wide row of the campaign.
-- confirmed may exceed total by late confirmations; a new hold may not.
CREATE TABLE campaign_stock (
    campaign_id INTEGER NOT NULL PRIMARY KEY REFERENCES campaigns (id),
    total       INTEGER NOT NULL CHECK (total >= 1),
    held        INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    confirmed   INTEGER NOT NULL DEFAULT 0 CHECK (confirmed >= 0)
) STRICT;

CREATE TABLE visitors (
    id         INTEGER NOT NULL PRIMARY KEY,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    openid     TEXT    NOT NULL,
    unionid    TEXT    NOT NULL,
    nickname   TEXT    NOT NULL,
    avatar     TEXT    NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    UNIQUE (account_id, openid)
) STRICT;

CREATE INDEX visitors_nickname ON visitors (nickname);

-- How much of a person's limits is used up; the guarded upsert on it is the limit.
CREATE TABLE visitor_quotas (
    visitor_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    taken       INTEGER NOT NULL CHECK (taken >= 0),
    day         TEXT    NOT NULL,
    day_taken   INTEGER NOT NULL CHECK (day_taken >= 0),
    PRIMARY KEY (visitor_id, campaign_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    id             INTEGER NOT NULL PRIMARY KEY,
    campaign_id    INTEGER NOT NULL REFERENCES campaigns (id),
    visitor_id     INTEGER NOT NULL REFERENCES visitors (id),
    account_id     TEXT    NOT NULL,
    ref            TEXT    NOT NULL UNIQUE,
    issuer         TEXT    NOT NULL CHECK (issuer IN ('own_code', 'wechat_card')),
    state          TEXT    NOT NULL CHECK (state IN ('held', 'opened', 'reported', 'confirmed', 'redeemed',
                                                     'gifted', 'deleted', 'expired', 'voided', 'released')),
    code           TEXT    NOT NULL,
    idem_key       TEXT    NOT NULL CHECK (length(idem_key) BETWEEN 8 AND 64),
    channel        TEXT    NOT NULL,
    day            TEXT    NOT NULL,
    hold_until     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    opened_at      INTEGER NOT NULL DEFAULT 0,
    reported_at    INTEGER NOT NULL DEFAULT 0,
    confirmed_at   INTEGER NOT NULL DEFAULT 0,
    released_at    INTEGER NOT NULL DEFAULT 0,
    redeemed_at    INTEGER NOT NULL DEFAULT 0,
    release_reason TEXT    NOT NULL DEFAULT '',
    consent        TEXT    NOT NULL,
    holder_name    TEXT    NOT NULL, -- the first text answer, for searching
    holder_phone   TEXT    NOT NULL, -- the first mobile answer, for searching
    phone_tail     TEXT    NOT NULL, -- its last four digits
    answers        TEXT    NOT NULL, -- JSON
    UNIQUE (visitor_id, campaign_id, idem_key)
) STRICT;

CREATE INDEX claims_campaign ON claims (campaign_id, id);
CREATE INDEX claims_campaign_state ON claims (campaign_id, state, id);
CREATE UNIQUE INDEX claims_code ON claims (code, account_id) WHERE code <> '';
CREATE INDEX claims_holds ON claims (hold_until) WHERE state IN ('held', 'opened', 'reported');
CREATE INDEX claims_name ON claims (holder_name, id) WHERE holder_name <> '';
CREATE INDEX claims_phone ON claims (holder_phone, id) WHERE holder_phone <> '';
CREATE INDEX claims_phone_tail ON claims (phone_tail, id) WHERE phone_tail <> '';

CREATE TABLE claim_events (
    claim_id INTEGER NOT NULL REFERENCES claims (id),
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('held', 'opened', 'cancelled', 'reported', 'confirmed', 'released',
                                              'redeemed', 'gifted', 'deleted', 'expired', 'voided')),
    source   TEXT    NOT NULL CHECK (source IN ('page', 'server', 'push', 'reconcile', 'staff', 'system')),
    detail   TEXT    NOT NULL,
    PRIMARY KEY (claim_id, at, kind, source)
) STRICT, WITHOUT ROWID;

-- What WeChat sent, once per dedupe key.
CREATE TABLE pushes (
    dedupe      TEXT    NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL,
    event       TEXT    NOT NULL,
    claim_id    INTEGER NOT NULL DEFAULT 0,
    result      TEXT    NOT NULL CHECK (result IN ('applied', 'unmatched', 'kept')),
    repeats     INTEGER NOT NULL DEFAULT 0,
    happened_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    raw         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX pushes_received ON pushes (account_id, received_at);

CREATE TABLE tokens (
    app_id     TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('access_token', 'jsapi_ticket', 'wx_card_ticket')),
    value      BLOB    NOT NULL, -- sealed
    source     TEXT    NOT NULL,
    fetched_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    owner      TEXT    NOT NULL,
    until_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE token_fetches (
    id       INTEGER NOT NULL PRIMARY KEY,
    app_id   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    took_ms  INTEGER NOT NULL,
    ok       INTEGER NOT NULL CHECK (ok IN (0, 1)),
    errcode  INTEGER NOT NULL,
    message  TEXT    NOT NULL,
    rid      TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    reason   TEXT    NOT NULL
) STRICT;

CREATE INDEX token_fetches_app ON token_fetches (app_id, at);

CREATE TABLE people (
    id            TEXT    NOT NULL PRIMARY KEY,
    login         TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the token
    person_id  TEXT    NOT NULL REFERENCES people (id),
    csrf       TEXT    NOT NULL,
    ip         TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_person ON sessions (person_id);

CREATE TABLE one_time_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    person_id  TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id          TEXT    NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor_id    TEXT    NOT NULL,
    actor_name  TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    object_kind TEXT    NOT NULL,
    object_id   TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    ip          TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_at ON audit (at);
