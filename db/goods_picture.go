package db

import (
	"context"

	"kaquan/stores"
)

const (
	qGoodsPicture      = `SELECT picture FROM goods WHERE id = $1`
	qSavePicture       = `INSERT INTO goods_pictures (name, content) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	qSetGoodsPicture   = `UPDATE goods SET picture = $2, updated_at = $3 WHERE id = $1`
	qDropLonelyPicture = `DELETE FROM goods_pictures WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM goods WHERE picture = $1 AND picture <> '')`
	qPicture           = `SELECT content FROM goods_pictures WHERE name = $1`
)

// SetPicture implements stores.Store.
func (d *DB) SetPicture(ctx context.Context, id stores.GoodsID, name string, content []byte, a stores.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var old string
		if err := tx.row(qGoodsPicture, int64(id)).Scan(&old); err != nil {
			return none(err, stores.ErrGoodsNotFound)
		}
		if old == name {
			return nil
		}
		if name != "" {
			if _, err := tx.exec(qSavePicture, name, content); err != nil {
				return err
			}
		}
		if _, err := tx.exec(qSetGoodsPicture, int64(id), name, ms(a.At)); err != nil {
			return err
		}
		if _, err := tx.exec(qDropLonelyPicture, old); err != nil {
			return err
		}
		return note(tx, a, "goods", id.String())
	})
}

// Picture implements stores.Store.
func (d *DB) Picture(ctx context.Context, name string) (content []byte, err error) {
	err = d.row(ctx, qPicture, name).Scan(&content)
	return content, none(err, stores.ErrPictureNotFound)
}
