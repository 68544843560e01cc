package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
)

const (
	listColumns = `l.id, l.account_id, l.kind, l.name, l.created_at, l.updated_at,
(SELECT COUNT(*) FROM list_rows r WHERE r.list_id = l.id), (SELECT COUNT(*) FROM list_rows r WHERE r.list_id = l.id AND r.claim_id > 0)`

	qInsertList = `INSERT INTO lists (id, account_id, kind, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)`

	qList  = `SELECT ` + listColumns + ` FROM lists l WHERE l.id = $1`
	qLists = `SELECT ` + listColumns + ` FROM lists l WHERE l.account_id = $1 ORDER BY l.created_at DESC, l.id`

	qAddToList = `INSERT INTO list_rows (list_id, digest, tail) VALUES ($1, $2, $3) ON CONFLICT (list_id, digest) DO NOTHING`

	qTouchList = `UPDATE lists SET updated_at = $2 WHERE id = $1`

	qListTails = `SELECT tail FROM list_rows WHERE list_id = $1 LIMIT $2`

	// Rules are JSON in which an id stands in quotes; ids are drawn, so none is part of another.
	qNamedByCampaign = `SELECT EXISTS (SELECT 1 FROM campaigns
WHERE account_id = $1 AND status IN ('published', 'paused') AND ends_at > $2 AND rules LIKE '%"' || $3 || '"%')`

	qDeleteListRows = `DELETE FROM list_rows WHERE list_id = $1`
	qDeleteList     = `DELETE FROM lists WHERE id = $1`
)

func scanList(row scanner) (l campaigns.List, err error) {
	err = row.Scan(&l.ID, &l.Account, &l.Kind, &l.Name, (*instant)(&l.CreatedAt), (*instant)(&l.UpdatedAt), &l.Rows, &l.Used)
	if errors.Is(err, sql.ErrNoRows) {
		return l, campaigns.ErrListNotFound
	}
	if err != nil {
		return l, fmt.Errorf("read list: %w", err)
	}
	return l, nil
}

// CreateList implements campaigns.Lists.
func (d *DB) CreateList(ctx context.Context, l campaigns.List, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertList, string(l.ID), string(l.Account), string(l.Kind), l.Name, ms(l.CreatedAt), ms(l.UpdatedAt))
		if isDuplicate(err) {
			return campaigns.ErrListName.Because(err)
		}
		if err != nil {
			return err
		}
		return audit(tx, a, "list", string(l.ID))
	})
}

// ListByID implements campaigns.Lists.
func (d *DB) ListByID(ctx context.Context, id campaigns.ListID) (campaigns.List, error) {
	return scanList(d.row(ctx, qList, string(id)))
}

// Lists implements campaigns.Lists.
func (d *DB) Lists(ctx context.Context, account campaigns.AccountID) ([]campaigns.List, error) {
	rows, err := d.rows(ctx, qLists, string(account))
	return collect(rows, err, scanList)
}

// OnList implements campaigns.Lists.
func (d *DB) OnList(ctx context.Context, id campaigns.ListID, facts []campaigns.Fact) ([]bool, error) {
	found := make([]bool, len(facts))
	for i, sum := range d.digests(facts) {
		if err := d.row(ctx, qListed, string(id), sum).Scan(&found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// AddToList implements campaigns.Lists.
func (d *DB) AddToList(ctx context.Context, id campaigns.ListID, facts []campaigns.Fact, now time.Time) (added int, err error) {
	digests := d.digests(facts)
	err = d.Write(ctx, func(tx *Tx) error {
		added = 0
		n, err := tx.exec(qTouchList, string(id), ms(now))
		if err != nil || n == 0 {
			return errors.Join(err, refusedIf(err == nil, campaigns.ErrListNotFound))
		}
		for i, sum := range digests {
			n, err := tx.exec(qAddToList, string(id), sum, campaigns.Tail(facts[i].Value))
			if err != nil {
				return err
			}
			added += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// ListTails implements campaigns.Lists.
func (d *DB) ListTails(ctx context.Context, id campaigns.ListID, limit int) ([]string, error) {
	rows, err := d.rows(ctx, qListTails, string(id), limit)
	return collect(rows, err, scanText)
}

func scanText(row scanner) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}

// NoteImport implements campaigns.Lists.
func (d *DB) NoteImport(ctx context.Context, kind, id string, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error { return audit(tx, a, kind, id) })
}

// DeleteList implements campaigns.Lists.
func (d *DB) DeleteList(ctx context.Context, id campaigns.ListID, now time.Time, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		l, err := scanList(tx.row(qList, string(id)))
		if err != nil {
			return err
		}
		switch used, err := named(tx, l.Account, now, string(id)); {
		case err != nil:
			return err
		case used:
			return campaigns.ErrListUsed
		}
		for _, query := range []string{qDeleteListRows, qDeleteList} {
			if _, err := tx.exec(query, string(id)); err != nil {
				return err
			}
		}
		return audit(tx, a, "list", string(id))
	})
}

// named reports whether the rules of a live campaign name the id.
func named(tx *Tx, account campaigns.AccountID, now time.Time, id string) (used bool, err error) {
	err = tx.row(qNamedByCampaign, string(account), ms(now), id).Scan(&used)
	return used, err
}
