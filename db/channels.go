package db

import (
	"context"
	"database/sql"
	"errors"

	"kaquan/campaigns"
)

const (
	channelColumns = `h.campaign_id, h.code, h.short, h.name, h.note, h.cost, h.disabled, h.created_at`
	// A gift is the unit of its giver; it counts once.
	channelNumbers = `coalesce((SELECT sum(s.scans) FROM channel_scans s WHERE s.campaign_id = h.campaign_id AND s.code = h.code), 0),
coalesce((SELECT max(s.last_at) FROM channel_scans s WHERE s.campaign_id = h.campaign_id AND s.code = h.code), 0),
(SELECT count(*) FROM claims k WHERE k.campaign_id = h.campaign_id AND k.channel = h.code AND k.channel <> '' AND k.gift_of = 0 AND k.confirmed_at > 0)`

	qChannels       = `SELECT ` + channelColumns + `, ` + channelNumbers + ` FROM channels h WHERE h.campaign_id = $1 ORDER BY h.created_at DESC, h.name`
	qChannel        = `SELECT ` + channelColumns + `, ` + channelNumbers + ` FROM channels h WHERE h.campaign_id = $1 AND h.code = $2`
	qChannelByShort = `SELECT ` + channelColumns + `, c.slug FROM channels h JOIN campaigns c ON c.id = h.campaign_id WHERE h.short = $1`
	qCountChannels  = `SELECT count(*) FROM channels WHERE campaign_id = $1`
	qChannelName    = `SELECT 1 FROM channels WHERE campaign_id = $1 AND name = $2 AND code <> $3`
	qChannelCode    = `SELECT 1 FROM channels WHERE campaign_id = $1 AND code = $2`
	qInsertChannel  = `INSERT INTO channels (campaign_id, code, short, name, note, cost, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	qUpdateChannel  = `UPDATE channels SET name = $3, note = $4, cost = $5 WHERE campaign_id = $1 AND code = $2`
	qSwitchChannel  = `UPDATE channels SET disabled = $3 WHERE campaign_id = $1 AND code = $2`
	qDeleteChannel  = `DELETE FROM channels WHERE campaign_id = $1 AND code = $2
AND NOT EXISTS (SELECT 1 FROM claims WHERE campaign_id = $1 AND channel = $2)`
	qDeleteScans      = `DELETE FROM channel_scans WHERE campaign_id = $1 AND code = $2`
	qDisabledChannels = `SELECT campaign_id, code FROM channels WHERE disabled = 1`
	qAddScans         = `INSERT INTO channel_scans (campaign_id, code, day, scans, last_at)
SELECT $1, $2, $3, $4, $5 WHERE EXISTS (SELECT 1 FROM channels WHERE campaign_id = $1 AND code = $2)
ON CONFLICT (campaign_id, code, day) DO UPDATE SET scans = scans + excluded.scans, last_at = max(last_at, excluded.last_at)`
	qScanDays      = `SELECT day, scans, last_at FROM channel_scans WHERE campaign_id = $1 AND code = $2 ORDER BY day DESC LIMIT $3`
	qLooseChannels = `SELECT k.channel, count(*) FROM claims k WHERE k.campaign_id = $1 AND k.channel <> '' AND k.gift_of = 0 AND k.confirmed_at > 0
AND NOT EXISTS (SELECT 1 FROM channels h WHERE h.campaign_id = $1 AND h.code = k.channel)
GROUP BY k.channel ORDER BY count(*) DESC, k.channel LIMIT $2`
)

func scanChannel(row scanner, more ...any) (c campaigns.Channel, err error) {
	err = row.Scan(append([]any{&c.Campaign, &c.Code, &c.Short, &c.Name, &c.Note, &c.Cost, &c.Disabled, (*instant)(&c.CreatedAt)}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = campaigns.ErrChannelNotFound
	}
	return c, err
}

func scanChannelStats(row scanner) (s campaigns.ChannelStats, err error) {
	s.Channel, err = scanChannel(row, &s.Scans, (*instant)(&s.LastScan), &s.Claims)
	return s, err
}

// Channels implements campaigns.Channels.
func (d *DB) Channels(ctx context.Context, campaign campaigns.ID) ([]campaigns.ChannelStats, error) {
	rows, err := d.rows(ctx, qChannels, int64(campaign))
	return collect(rows, err, scanChannelStats)
}

// Channel implements campaigns.Channels.
func (d *DB) Channel(ctx context.Context, campaign campaigns.ID, code string) (campaigns.ChannelStats, error) {
	return scanChannelStats(d.row(ctx, qChannel, int64(campaign), code))
}

// ChannelByShort implements campaigns.Channels.
func (d *DB) ChannelByShort(ctx context.Context, short string) (c campaigns.Channel, slug campaigns.Slug, err error) {
	c, err = scanChannel(d.row(ctx, qChannelByShort, short), &slug)
	return c, slug, err
}

// AddChannels implements campaigns.Channels.
func (d *DB) AddChannels(ctx context.Context, campaign campaigns.ID, list []campaigns.Channel, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var n int
		if err := tx.row(qStatus, int64(campaign)).Scan(new(string)); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return campaigns.ErrCampaignNotFound
			}
			return err
		}
		if err := tx.row(qCountChannels, int64(campaign)).Scan(&n); err != nil {
			return err
		}
		if n+len(list) > campaigns.MaxChannels {
			return campaigns.ErrChannelsFull
		}
		for i := range list {
			c := &list[i]
			if err := taken(tx.row(qChannelCode, int64(campaign), c.Code), campaigns.ErrChannelCode); err != nil {
				return err
			}
			if err := taken(tx.row(qChannelName, int64(campaign), c.Name, c.Code), campaigns.ErrChannelName); err != nil {
				return err
			}
			if _, err := tx.exec(qInsertChannel, int64(campaign), c.Code, c.Short, c.Name, c.Note, c.Cost, ms(c.CreatedAt)); err != nil {
				return err
			}
		}
		return audit(tx, a, "campaign", campaign.String())
	})
}

// taken is refusal when the row exists.
func taken(row scanner, refusal error) error {
	err := row.Scan(new(int))
	switch {
	case err == nil:
		return refusal
	case errors.Is(err, sql.ErrNoRows):
		return nil
	}
	return err
}

// UpdateChannel implements campaigns.Channels.
func (d *DB) UpdateChannel(ctx context.Context, c campaigns.Channel, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		if err := taken(tx.row(qChannelName, int64(c.Campaign), c.Name, c.Code), campaigns.ErrChannelName); err != nil {
			return err
		}
		n, err := tx.exec(qUpdateChannel, int64(c.Campaign), c.Code, c.Name, c.Note, c.Cost)
		if err == nil && n == 0 {
			err = campaigns.ErrChannelNotFound
		}
		if err != nil {
			return err
		}
		return audit(tx, a, "campaign", c.Campaign.String())
	})
}

// SwitchChannel implements campaigns.Channels.
func (d *DB) SwitchChannel(ctx context.Context, key campaigns.ChannelKey, disabled bool, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qSwitchChannel, int64(key.Campaign), key.Code, disabled)
		if err == nil && n == 0 {
			err = campaigns.ErrChannelNotFound
		}
		if err != nil {
			return err
		}
		return audit(tx, a, "campaign", key.Campaign.String())
	})
}

// DeleteChannel implements campaigns.Channels.
func (d *DB) DeleteChannel(ctx context.Context, campaign campaigns.ID, code string, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qDeleteChannel, int64(campaign), code)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := taken(tx.row(qChannelCode, int64(campaign), code), campaigns.ErrChannelUsed); err != nil {
				return err
			}
			return campaigns.ErrChannelNotFound
		}
		if _, err := tx.exec(qDeleteScans, int64(campaign), code); err != nil {
			return err
		}
		return audit(tx, a, "campaign", campaign.String())
	})
}

// DisabledChannels implements campaigns.Channels.
func (d *DB) DisabledChannels(ctx context.Context) ([]campaigns.ChannelKey, error) {
	rows, err := d.rows(ctx, qDisabledChannels)
	return collect(rows, err, func(row scanner) (k campaigns.ChannelKey, err error) {
		err = row.Scan(&k.Campaign, &k.Code)
		return k, err
	})
}

// AddScans implements campaigns.Channels.
func (d *DB) AddScans(ctx context.Context, list []campaigns.DayScans) error {
	return d.Write(ctx, func(tx *Tx) error {
		for _, s := range list {
			if _, err := tx.exec(qAddScans, int64(s.Campaign), s.Code, s.Day, s.Scans, ms(s.Last)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ScanDays implements campaigns.Channels.
func (d *DB) ScanDays(ctx context.Context, key campaigns.ChannelKey, limit int) ([]campaigns.DayScans, error) {
	rows, err := d.rows(ctx, qScanDays, int64(key.Campaign), key.Code, limit)
	return collect(rows, err, func(row scanner) (campaigns.DayScans, error) {
		s := campaigns.DayScans{ChannelKey: key}
		err := row.Scan(&s.Day, &s.Scans, (*instant)(&s.Last))
		return s, err
	})
}

// LooseChannels implements campaigns.Channels.
func (d *DB) LooseChannels(ctx context.Context, campaign campaigns.ID, limit int) ([]campaigns.ChannelStats, error) {
	rows, err := d.rows(ctx, qLooseChannels, int64(campaign), limit)
	return collect(rows, err, func(row scanner) (s campaigns.ChannelStats, err error) {
		s.Campaign = campaign
		err = row.Scan(&s.Code, &s.Claims)
		return s, err
	})
}
