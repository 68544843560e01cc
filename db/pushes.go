package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	qInsertPush = `INSERT INTO pushes (dedupe, account_id, event, person, card_id, code, old_code, result, happened_at, received_at, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (dedupe) DO NOTHING`

	qRepeatPush = `UPDATE pushes SET repeats = repeats + 1, repeated_at = $2 WHERE dedupe = $1`

	qSettlePush = `UPDATE pushes SET claim_id = $2, result = $3 WHERE dedupe = $1`

	qTimePush = `UPDATE pushes SET took_us = $2 WHERE dedupe = $1`

	qClaimByCode = `SELECT ` + claimColumns + ` FROM claims k WHERE k.code = $1 AND k.account_id = $2 AND k.code <> ''`

	// outer_str is not signed, so the person and the card must fit as well. A claim that has
	// another code is about another card.
	qClaimByRefOf = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE k.ref = $1 AND k.account_id = $2 AND v.openid = $3 AND c.card_id = $4 AND k.code IN ('', $5)`

	// Without a usable reference: the person's newest claim of this card that waits for one.
	qClaimWaiting = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE v.account_id = $1 AND v.openid = $2 AND c.card_id = $3 AND k.code = ''
  AND k.state IN ('held', 'opened', 'reported', 'released')
ORDER BY k.id DESC LIMIT 1`

	// Messages that came before the claim they are about was known by its code.
	qWaitingPushes = `SELECT dedupe, received_at, raw FROM pushes WHERE code = $1 AND account_id = $2 AND code <> '' AND result = 'unmatched'
UNION
SELECT dedupe, received_at, raw FROM pushes WHERE old_code = $1 AND account_id = $2 AND old_code <> '' AND result = 'unmatched'`

	qPushToReplay = `SELECT dedupe, account_id, received_at, raw FROM pushes WHERE id = $1`

	qInsertGift = `INSERT INTO claims (id, campaign_id, visitor_id, account_id, ref, issuer, state, code, idem_key, channel, day, hold_until,
  created_at, consent, holder_name, holder_phone, phone_tail, answers, gift_of)
VALUES ($1, $2, $3, $4, $5, $6, 'held', '', $7, 'gift', $8, $9, $9, '', '', '', '', '{}', $10)`

	qSaveCardNote = `INSERT INTO card_notes (account_id, card_id, kind, at, detail) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, card_id, kind) DO UPDATE SET at = excluded.at, detail = excluded.detail
WHERE excluded.at > card_notes.at OR excluded.at = card_notes.at AND excluded.detail > card_notes.detail`
)

// RecordPush implements campaigns.Store.
func (d *DB) RecordPush(ctx context.Context, p campaigns.Push) (campaigns.PushResult, error) {
	start := time.Now()
	var result campaigns.PushResult
	err := d.Write(ctx, func(tx *Tx) error {
		result = campaigns.PushKept
		if p.Broken {
			result = campaigns.PushFailed
		}
		n, err := tx.exec(qInsertPush, p.Dedupe, string(p.Account), p.Event, d.person(p.Account, p.OpenID), string(p.CardID), string(p.Code),
			string(p.OldCode), string(result), ms(p.At), ms(p.Received), p.Raw)
		if err != nil {
			return err
		}
		if n == 0 {
			result = campaigns.PushDuplicate
			_, err = tx.exec(qRepeatPush, p.Dedupe, ms(p.Received))
			return err
		}
		if !p.Broken {
			if result, err = d.apply(tx, p); err != nil {
				return err
			}
		}
		_, err = tx.exec(qTimePush, p.Dedupe, time.Since(start).Microseconds())
		return err
	})
	return result, err
}

// person is what stands for an openid in the inbox: it finds the person's messages, but
// names nobody.
func (d *DB) person(account campaigns.AccountID, openID wechat.OpenID) string {
	if openID == "" {
		return ""
	}
	return strings.TrimPrefix(d.digest(account, openID), "erased:")
}

// ReplayPush implements campaigns.Store.
func (d *DB) ReplayPush(ctx context.Context, id int64, mint campaigns.Mint, a campaigns.Audit) (campaigns.PushResult, error) {
	var result campaigns.PushResult
	err := d.Write(ctx, func(tx *Tx) error {
		var (
			stored  storedPush
			account campaigns.AccountID
		)
		err := tx.row(qPushToReplay, id).Scan(&stored.dedupe, &account, (*instant)(&stored.received), &stored.raw)
		if isNoRows(err) {
			return campaigns.ErrPushNotFound
		}
		if err != nil {
			return err
		}
		p, ok := stored.read(account, mint)
		if !ok {
			return campaigns.ErrPushGone
		}
		if result, err = d.apply(tx, p); err != nil {
			return err
		}
		if result == campaigns.PushKept { // it may have failed before
			if _, err := tx.exec(qSettlePush, p.Dedupe, 0, string(result)); err != nil {
				return err
			}
		}
		return audit(tx, a, "push", fmt.Sprint(id))
	})
	return result, err
}

// storedPush is a message that is read again.
type storedPush struct {
	dedupe   string
	received time.Time
	raw      []byte
}

// read says anew what the message means; not ok when its text was erased.
func (s storedPush) read(account campaigns.AccountID, mint campaigns.Mint) (p campaigns.Push, ok bool) {
	e, err := wechat.ParseEvent(s.raw)
	if err != nil {
		return p, false
	}
	p = campaigns.Interpret(account, e, s.raw, s.received)
	p.Dedupe, p.Mint = s.dedupe, mint
	return p, true
}

// apply does what a stored message means and settles it.
func (d *DB) apply(tx *Tx, p campaigns.Push) (campaigns.PushResult, error) {
	if p.Note != nil {
		n := p.Note
		if _, err := tx.exec(qSaveCardNote, string(n.Account), string(n.CardID), string(n.Kind), ms(n.At), n.Detail); err != nil {
			return "", err
		}
		_, err := tx.exec(qSettlePush, p.Dedupe, 0, string(campaigns.PushApplied))
		return campaigns.PushApplied, err
	}
	if p.Apply == nil {
		return campaigns.PushKept, nil
	}
	result, id := campaigns.PushApplied, campaigns.ClaimID(0)
	claims, err := d.claimsOfPush(tx, p)
	switch {
	case errors.Is(err, campaigns.ErrNotFound):
		result = campaigns.PushUnmatched
	case err != nil:
		return "", err
	default:
		id = claims[0].ID
	}
	// Settled before anything that follows from it, which may look for waiting messages.
	if _, err := tx.exec(qSettlePush, p.Dedupe, int64(id), string(result)); err != nil {
		return "", err
	}
	for i, claim := range claims {
		e := *p.Apply
		if i > 0 {
			e = campaigns.Event{Kind: campaigns.EventGifted, Source: e.Source, At: e.At}
		}
		if err := d.follow(tx, claim, e, p.Mint); err != nil {
			return "", err
		}
		// Late news about somebody who erased their data counts, but is not kept.
		if gone, err := erased(tx, claim.Visitor); err != nil {
			return "", err
		} else if gone {
			if _, err = tx.exec(qRedactMessage, p.Dedupe); err != nil {
				return "", err
			}
		}
	}
	return result, nil
}

// follow records an event and then applies the messages that waited for the claim's code.
func (d *DB) follow(tx *Tx, claim *campaigns.Claim, e campaigns.Event, mint campaigns.Mint) error {
	before := claim.Code
	if err := record(tx, claim, e); err != nil || claim.Code == before {
		return err
	}
	rows, err := tx.rows(qWaitingPushes, string(claim.Code), string(claim.Account))
	waiting, err := collect(rows, err, func(row scanner) (s storedPush, err error) {
		err = row.Scan(&s.dedupe, (*instant)(&s.received), &s.raw)
		return s, err
	})
	if err != nil {
		return err
	}
	for _, s := range waiting {
		if p, ok := s.read(claim.Account, mint); ok {
			if _, err := d.apply(tx, p); err != nil {
				return err
			}
		}
	}
	if len(waiting) > 0 {
		// They may have been about this very claim.
		fresh, err := scanClaim(tx.row(qClaimByID, int64(claim.ID)))
		if err != nil {
			return err
		}
		*claim = *fresh
	}
	return nil
}

// claimsOfPush finds the claim a message is about, also of a person whose openid is a
// digest by now. For a gift it is the receiver's, and the giver's comes second.
func (d *DB) claimsOfPush(tx *Tx, p campaigns.Push) ([]*campaigns.Claim, error) {
	if p.Gift {
		return d.claimsOfGift(tx, p)
	}
	claim, err := claimOfPush(tx, p)
	if errors.Is(err, campaigns.ErrNotFound) && p.OpenID != "" {
		p.OpenID = wechat.OpenID(d.digest(p.Account, p.OpenID))
		claim, err = claimOfPush(tx, p)
	}
	if err != nil {
		return nil, err
	}
	return []*campaigns.Claim{claim}, nil
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
		claim, err := scanClaim(tx.row(qClaimByRefOf, string(p.Ref), string(p.Account), string(p.OpenID), string(p.CardID), string(p.Code)))
		if !errors.Is(err, campaigns.ErrNotFound) {
			return claim, err
		}
	}
	if p.Apply.Kind != campaigns.EventConfirmed {
		return nil, campaigns.ErrNotFound
	}
	return scanClaim(tx.row(qClaimWaiting, string(p.Account), string(p.OpenID), string(p.CardID)))
}

// claimsOfGift finds the claims of receiver and giver by the two codes. The receiver's is
// made when it is not there yet: it takes no stock, for the card is the giver's unit.
func (d *DB) claimsOfGift(tx *Tx, p campaigns.Push) ([]*campaigns.Claim, error) {
	if p.Code == "" || p.OldCode == "" || p.Code == p.OldCode || p.OpenID == "" {
		return nil, campaigns.ErrNotFound
	}
	giver, err := scanClaim(tx.row(qClaimByCode, string(p.OldCode), string(p.Account)))
	if err != nil {
		return nil, err
	}
	receiver, err := scanClaim(tx.row(qClaimByCode, string(p.Code), string(p.Account)))
	if errors.Is(err, campaigns.ErrNotFound) {
		receiver, err = d.insertGift(tx, giver, p)
	}
	if err != nil {
		return nil, err
	}
	return []*campaigns.Claim{receiver, giver}, nil
}

func (d *DB) insertGift(tx *Tx, giver *campaigns.Claim, p campaigns.Push) (*campaigns.Claim, error) {
	campaign, err := scanCampaign(tx.row(qCampaignByID, int64(giver.Campaign)))
	if err != nil {
		return nil, err
	}
	visitorID, id, ref := p.Mint()
	visitor, err := d.touch(tx, campaigns.Visitor{
		ID: visitorID, Account: p.Account, OpenID: p.OpenID, UnionID: p.UnionID, FirstSeen: p.Received, LastSeen: p.Received,
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(p.Code))
	if _, err := tx.exec(qInsertGift, int64(id), int64(giver.Campaign), int64(visitor.ID), string(giver.Account), string(ref), string(giver.Issuer),
		"gift-"+hex.EncodeToString(sum[:16]), campaign.Day(p.At), ms(p.At), int64(giver.ID)); err != nil {
		return nil, err
	}
	return scanClaim(tx.row(qClaimByID, int64(id)))
}
