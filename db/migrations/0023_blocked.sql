-- +goose Up

-- When staff blocked the person, who then claims nothing; 0 = not. The row of somebody who
-- erased their data keeps it, and gives it to the one that they come back with.
ALTER TABLE visitors ADD COLUMN blocked_at INTEGER NOT NULL DEFAULT 0;

CREATE INDEX visitors_blocked ON visitors (id) WHERE blocked_at > 0;

-- For the webhooks that are told.
CREATE INDEX claims_voided ON claims (campaign_id, voided_at) WHERE voided_at > 0;

-- +goose Down

DROP INDEX claims_voided;
DROP INDEX visitors_blocked;
ALTER TABLE visitors DROP COLUMN blocked_at;
