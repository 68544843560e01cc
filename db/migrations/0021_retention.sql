-- +goose Up

-- When staff ended the campaign, 0 = it ends by itself at ends_at.
ALTER TABLE campaigns ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
-- Which answers were deleted because their time was over; '' = none.
ALTER TABLE campaigns ADD COLUMN forgotten TEXT NOT NULL DEFAULT '';

UPDATE campaigns SET ended_at = COALESCE(
    (SELECT MIN(v.at) FROM campaign_versions v WHERE v.campaign_id = campaigns.id AND v.action = 'campaign.end'), updated_at)
WHERE status = 'ended' OR status = 'archived' AND ends_at > updated_at;

CREATE INDEX audit_object ON audit (object_id, id);

-- +goose Down

DROP INDEX audit_object;
ALTER TABLE campaigns DROP COLUMN forgotten;
ALTER TABLE campaigns DROP COLUMN ended_at;
