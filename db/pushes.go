package db

import (
	"context"
	"errors"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	qInsertPush = `INSERT INTO pushes (dedupe, account_id, event, claim_id, result, happened_at, received_at, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (dedupe) DO NOTHING`

	qRepeatPush = `UPDATE pushes SET repeats = repeats + 1 WHERE dedupe = $1`

	qSettlePush = `UPDATE pushes SET claim_id = $2, result = $3 WHERE dedupe = $1`

	qClaimByCode = `SELECT ` + claimColumns + ` FROM claims k WHERE k.code = $1 AND k.account_id = $2 AND k.code <> ''`

	// outer_str is not signed, so the person and the card must fit as well.
	qClaimByRefOf = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE k.ref = $1 AND k.account_id = $2 AND v.openid = $3 AND c.card_id = $4`

	// Without a usable reference: the person's newest claim of this card that waits for one.
	qClaimWaiting = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE v.account_id = $1 AND v.openid = $2 AND c.card_id = $3 AND k.code = ''
  AND k.state IN ('held', 'opened', 'reported', 'released')
ORDER BY k.id DESC LIMIT 1`
)

// RecordPush implements campaigns.Store.
func (d *DB) RecordPush(ctx context.Context, p campaigns.Push) (campaigns.PushResult, error) {
	var result campaigns.PushResult
	err := d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qInsertPush, p.Dedupe, string(p.Account), p.Event, 0, string(campaigns.PushKept), ms(p.At), ms(p.Received), p.Raw)
		if err != nil {
			return err
		}
		if n == 0 {
			result = campaigns.PushDuplicate
			_, err = tx.exec(qRepeatPush, p.Dedupe)
			return err
		}
		if p.Apply == nil {
			result = campaigns.PushKept
			return nil
		}
		claim, err := claimOfPush(tx, p)
		if errors.Is(err, campaigns.ErrNotFound) && p.OpenID != "" {
			p.OpenID = wechat.OpenID(d.digest(p.Account, p.OpenID))
			claim, err = claimOfPush(tx, p)
		}
		if errors.Is(err, campaigns.ErrNotFound) {
			result = campaigns.PushUnmatched
			_, err = tx.exec(qSettlePush, p.Dedupe, 0, string(result))
			return err
		}
		if err != nil {
			return err
		}
		result = campaigns.PushApplied
		if err := record(tx, claim, *p.Apply); err != nil {
			return err
		}
		if _, err = tx.exec(qSettlePush, p.Dedupe, int64(claim.ID), string(result)); err != nil {
			return err
		}
		// Late news about somebody who erased their data counts, but is not kept.
		if gone, err := erased(tx, claim.Visitor); err != nil || !gone {
			return err
		}
		_, err = tx.exec(qRedactMessage, p.Dedupe)
		return err
	})
	return result, err
}

// claimOfPush finds the claim a message is about: by its code once it has one, then by
// the reference that travelled with the card, then by person and card.
func claimOfPush(tx *Tx, p campaigns.Push) (*campaigns.Claim, error) {
	if p.Code != "" {
		claim, err := scanClaim(tx.row(qClaimByCode, string(p.Code), string(p.Account)))
		if !errors.Is(err, campaigns.ErrNotFound) {
			return claim, err
		}
	}
	if p.Ref != "" {
		claim, err := scanClaim(tx.row(qClaimByRefOf, string(p.Ref), string(p.Account), string(p.OpenID), string(p.CardID)))
		if !errors.Is(err, campaigns.ErrNotFound) {
			return claim, err
		}
	}
	if p.Apply.Kind != campaigns.EventConfirmed {
		return nil, campaigns.ErrNotFound
	}
	return scanClaim(tx.row(qClaimWaiting, string(p.Account), string(p.OpenID), string(p.CardID)))
}
