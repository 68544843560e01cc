-- +goose Up

-- When the person stopped following the account, whose platform then wants their data gone;
-- 0 = not. Unlike one who erased their data, whoever comes back has their cards again.
ALTER TABLE visitors ADD COLUMN left_at INTEGER NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE visitors DROP COLUMN left_at;
