package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
	"kaquan/redemption"
)

const (
	// Whose money came: their card goes with it, by way of the order.
	qPaidOrderOf = `SELECT o.id FROM orders o WHERE o.claim_id = $1 AND o.state IN ('paid', 'refunding', 'refunded')`

	qSetBlocked = `UPDATE visitors SET blocked_at = $2 WHERE id = $1 AND (blocked_at = 0) = ($2 > 0)`
)

// mayVoid says why a claim cannot be made void.
func mayVoid(r reader, claim *campaigns.Claim, now time.Time) error {
	if claim.State != campaigns.Confirmed {
		return campaigns.ErrVoidState
	}
	rows, err := r.rows(qPaidOrderOf, int64(claim.ID))
	paid, err := collect(rows, err, func(row scanner) (id int64, err error) { return id, row.Scan(&id) })
	if err != nil {
		return err
	}
	if len(paid) > 0 {
		refusal := *campaigns.ErrVoidPaid
		refusal.Args = map[string]any{"order": paid[0]}
		return &refusal
	}
	switch _, err := scanRedemption(r.row(qRedemptionOf, int64(claim.ID))); {
	case err == nil:
		return campaigns.ErrVoidPending
	case !errors.Is(err, redemption.ErrNotFound):
		return err
	}
	c, err := scanCampaign(r.row(qCampaignByID, int64(claim.Campaign)))
	if err == nil && !c.ValidUntil.IsZero() && now.After(c.ValidUntil) {
		return campaigns.ErrVoidState
	}
	return err
}

// CheckVoid implements campaigns.VoidStore.
func (d *DB) CheckVoid(ctx context.Context, id campaigns.ClaimID, now time.Time) error {
	claim, err := d.ClaimByID(ctx, id)
	if err != nil {
		return err
	}
	return mayVoid(reader{
		row:  func(query string, args ...any) scanner { return d.row(ctx, query, args...) },
		rows: func(query string, args ...any) (*sql.Rows, error) { return d.rows(ctx, query, args...) },
	}, claim, now)
}

// VoidClaim implements campaigns.VoidStore.
func (d *DB) VoidClaim(ctx context.Context, id campaigns.ClaimID, e campaigns.Event, accepted bool, a campaigns.Audit) (claim *campaigns.Claim, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		if claim, err = scanClaim(tx.row(qClaimByID, int64(id))); err != nil {
			return err
		}
		if !accepted {
			if claim.State == campaigns.Voided {
				return nil
			}
			if err := mayVoid(reader{tx.row, tx.rows}, claim, e.At); err != nil {
				return err
			}
		}
		if err := record(tx, claim, e); err != nil {
			return err
		}
		return audit(tx, a, "claim", id.String())
	})
	if err != nil {
		return nil, err
	}
	return claim, nil
}

// SetBlocked implements campaigns.BlockStore.
func (d *DB) SetBlocked(ctx context.Context, people []campaigns.VisitorID, at time.Time, a campaigns.Audit) (changed []campaigns.VisitorID, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		changed = nil
		for _, id := range people {
			n, err := tx.exec(qSetBlocked, int64(id), ms(at))
			if err != nil {
				return fmt.Errorf("block: %w", err)
			}
			if n == 0 {
				continue
			}
			if err := audit(tx, a, "visitor", id.String()); err != nil {
				return err
			}
			changed = append(changed, id)
		}
		return nil
	})
	return changed, err
}
