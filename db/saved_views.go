package db

import (
	"context"

	"kaquan/campaigns"
)

const (
	qInsertView = `INSERT INTO saved_views (id, person_id, name, query, shared, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	qCountViews = `SELECT count(*) FROM saved_views WHERE person_id = $1`
	qUpdateView = `UPDATE saved_views SET query = $3, updated_at = $4 WHERE id = $1 AND person_id = $2`
	qDeleteView = `DELETE FROM saved_views WHERE id = $1 AND person_id = $2`
	qViews      = `SELECT id, person_id, name, query, shared, created_at, updated_at FROM saved_views WHERE person_id = $1 OR shared = 1 ORDER BY name, id`
)

// AddView implements campaigns.SavedViews.
func (d *DB) AddView(ctx context.Context, v campaigns.SavedView, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		var n int
		if err := tx.row(qCountViews, v.Person).Scan(&n); err != nil {
			return err
		}
		if n >= campaigns.MaxViews {
			return campaigns.ErrViewsFull
		}
		_, err := tx.exec(qInsertView, v.ID, v.Person, v.Name, v.Query, v.Shared, ms(v.CreatedAt), ms(v.UpdatedAt))
		if isDuplicate(err) {
			return campaigns.ErrViewTaken.Because(err)
		}
		if err != nil {
			return err
		}
		return audit(tx, a, "view", v.ID)
	})
}

// changeView runs a statement that must find the view.
func (d *DB) changeView(ctx context.Context, a campaigns.Audit, query, id string, args ...any) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(query, append([]any{id}, args...)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return campaigns.ErrViewNotFound
		}
		return audit(tx, a, "view", id)
	})
}

// UpdateView implements campaigns.SavedViews.
func (d *DB) UpdateView(ctx context.Context, id, person, query string, a campaigns.Audit) error {
	return d.changeView(ctx, a, qUpdateView, id, person, query, ms(a.At))
}

// DeleteView implements campaigns.SavedViews.
func (d *DB) DeleteView(ctx context.Context, id, person string, a campaigns.Audit) error {
	return d.changeView(ctx, a, qDeleteView, id, person)
}

// Views implements campaigns.SavedViews.
func (d *DB) Views(ctx context.Context, person string) ([]campaigns.SavedView, error) {
	rows, err := d.rows(ctx, qViews, person)
	return collect(rows, err, func(row scanner) (v campaigns.SavedView, err error) {
		err = row.Scan(&v.ID, &v.Person, &v.Name, &v.Query, &v.Shared, (*instant)(&v.CreatedAt), (*instant)(&v.UpdatedAt))
		return v, err
	})
}
