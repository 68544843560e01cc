-- +goose Up

-- From where the order was placed first: WeChat wants a repeated order to be the same in
-- every field. Gone as soon as the order is paid or closed.
ALTER TABLE orders ADD COLUMN client_ip TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE orders DROP COLUMN client_ip;
