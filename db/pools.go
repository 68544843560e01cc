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
	poolColumns = `p.id, p.account_id, p.name, p.created_at, p.updated_at, (SELECT COUNT(*) FROM pool_codes x WHERE x.pool_id = p.id),
(SELECT COUNT(*) FROM pool_codes x WHERE x.pool_id = p.id) - (SELECT COUNT(*) FROM pool_codes x WHERE x.pool_id = p.id AND x.claim_id <= 0)`

	qInsertPool = `INSERT INTO code_pools (id, account_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)`

	qPool  = `SELECT ` + poolColumns + ` FROM code_pools p WHERE p.id = $1`
	qPools = `SELECT ` + poolColumns + ` FROM code_pools p WHERE p.account_id = $1 ORDER BY p.created_at DESC, p.id`

	qPoolAccount = `SELECT account_id FROM code_pools WHERE id = $1`

	qPoolOfCode = `SELECT pool_id FROM pool_codes WHERE account_id = $1 AND code = $2`

	qCodeOnCard = `SELECT EXISTS (SELECT 1 FROM claims WHERE code = $2 AND account_id = $1 AND code <> '')`

	qAddToPool = `INSERT INTO pool_codes (account_id, code, pool_id) VALUES ($1, $2, $3) ON CONFLICT (account_id, code) DO NOTHING`

	qTouchPool = `UPDATE code_pools SET updated_at = $2 WHERE id = $1`

	qDeletePoolCodes = `DELETE FROM pool_codes WHERE pool_id = $1 AND claim_id <= 0`
	qDeletePool      = `DELETE FROM code_pools WHERE id = $1`
)

func scanPool(row scanner) (p campaigns.Pool, err error) {
	err = row.Scan(&p.ID, &p.Account, &p.Name, (*instant)(&p.CreatedAt), (*instant)(&p.UpdatedAt), &p.Total, &p.Used)
	if errors.Is(err, sql.ErrNoRows) {
		return p, campaigns.ErrPoolNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read pool: %w", err)
	}
	return p, nil
}

// CreatePool implements campaigns.Pools.
func (d *DB) CreatePool(ctx context.Context, p campaigns.Pool, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertPool, string(p.ID), string(p.Account), p.Name, ms(p.CreatedAt), ms(p.UpdatedAt))
		if isDuplicate(err) {
			return campaigns.ErrPoolName.Because(err)
		}
		if err != nil {
			return err
		}
		return audit(tx, a, "pool", string(p.ID))
	})
}

// PoolByID implements campaigns.Pools.
func (d *DB) PoolByID(ctx context.Context, id campaigns.PoolID) (campaigns.Pool, error) {
	return scanPool(d.row(ctx, qPool, string(id)))
}

// Pools implements campaigns.Pools.
func (d *DB) Pools(ctx context.Context, account campaigns.AccountID) ([]campaigns.Pool, error) {
	rows, err := d.rows(ctx, qPools, string(account))
	return collect(rows, err, scanPool)
}

func poolAccount(row scanner, account *string) error {
	err := row.Scan(account)
	if errors.Is(err, sql.ErrNoRows) {
		return campaigns.ErrPoolNotFound
	}
	return err
}

// InPool implements campaigns.Pools.
func (d *DB) InPool(ctx context.Context, id campaigns.PoolID, codes []string) ([]campaigns.RowKnown, error) {
	var account string
	if err := poolAccount(d.row(ctx, qPoolAccount, string(id)), &account); err != nil {
		return nil, err
	}
	known := make([]campaigns.RowKnown, len(codes))
	for i, code := range codes {
		var where campaigns.PoolID
		err := d.row(ctx, qPoolOfCode, account, code).Scan(&where)
		switch {
		case err == nil && where == id:
			known[i] = campaigns.RowHere
			continue
		case err == nil:
			known[i] = campaigns.RowElsewhere
			continue
		case !errors.Is(err, sql.ErrNoRows):
			return nil, err
		}
		var onCard bool
		if err := d.row(ctx, qCodeOnCard, account, code).Scan(&onCard); err != nil {
			return nil, err
		}
		if onCard {
			known[i] = campaigns.RowOnCard
		}
	}
	return known, nil
}

// AddToPool implements campaigns.Pools.
func (d *DB) AddToPool(ctx context.Context, id campaigns.PoolID, codes []string, now time.Time) (added int, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		added = 0
		var account string
		if err := poolAccount(tx.row(qPoolAccount, string(id)), &account); err != nil {
			return err
		}
		if _, err := tx.exec(qTouchPool, string(id), ms(now)); err != nil {
			return err
		}
		for _, code := range codes {
			var onCard bool
			if err := tx.row(qCodeOnCard, account, code).Scan(&onCard); err != nil {
				return err
			}
			if onCard {
				continue
			}
			n, err := tx.exec(qAddToPool, account, code, string(id))
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

// DeletePool implements campaigns.Pools.
func (d *DB) DeletePool(ctx context.Context, id campaigns.PoolID, now time.Time, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		p, err := scanPool(tx.row(qPool, string(id)))
		if err != nil {
			return err
		}
		used, err := named(tx, p.Account, now, string(id))
		switch {
		case err != nil:
			return err
		case used || p.Used > 0:
			return campaigns.ErrPoolUsed
		}
		for _, query := range []string{qDeletePoolCodes, qDeletePool} {
			if _, err := tx.exec(query, string(id)); err != nil {
				return err
			}
		}
		return audit(tx, a, "pool", string(id))
	})
}
