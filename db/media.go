package db

import (
	"context"

	"kaquan/media"
)

const (
	qMediaKnown = `SELECT EXISTS (SELECT 1 FROM media WHERE digest = $1)`
	qCountMedia = `SELECT COUNT(*) FROM media WHERE account_id = $1`
	qSaveMedia  = `INSERT INTO media (digest, kind, width, height, bytes, account_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	qMedia      = `SELECT digest, kind, width, height, bytes, account_id, created_at FROM media WHERE digest = $1`
)

var _ media.Store = (*DB)(nil)

// SaveMedia implements media.Store.
func (d *DB) SaveMedia(ctx context.Context, p *media.Picture) error {
	return d.Write(ctx, func(tx *Tx) error {
		var known bool
		if err := tx.row(qMediaKnown, p.Digest).Scan(&known); err != nil || known {
			return err
		}
		var n int
		if err := tx.row(qCountMedia, p.Account).Scan(&n); err != nil {
			return err
		}
		if n >= media.MaxStored {
			return media.ErrMany
		}
		_, err := tx.exec(qSaveMedia, p.Digest, string(p.Kind), p.Width, p.Height, p.Content, p.Account, ms(p.Created))
		return err
	})
}

// Media implements media.Store.
func (d *DB) Media(ctx context.Context, digest string) (*media.Picture, error) {
	var p media.Picture
	err := d.row(ctx, qMedia, digest).Scan(&p.Digest, &p.Kind, &p.Width, &p.Height, &p.Content, &p.Account, (*instant)(&p.Created))
	if err != nil {
		return nil, none(err, media.ErrNotFound)
	}
	return &p, nil
}
