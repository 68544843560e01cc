package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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

	// outer_str is not signed, so the person and the card must fit as well; people of the mini
	// program have another openid there. A claim that has another code is about another card.
	qClaimByRefOf = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE k.ref = $1 AND k.account_id = $2 AND (v.openid = $3 OR v.unionid = $6 AND v.unionid <> '') AND c.card_id = $4 AND k.code IN ('', $5)`

	// Of somebody whom only the mini program knows: reconciliation finds out whose it is.
	qMiniClaimByRef = `SELECT COUNT(*) FROM claims k JOIN visitors v ON v.id = k.visitor_id
WHERE k.ref = $1 AND k.account_id = $2 AND k.code = '' AND v.openid LIKE 'mini:%'`

	// Without a usable reference: the person's newest claim of this card that waits for one.
	qClaimWaiting = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE v.account_id = $1 AND v.openid = $2 AND c.card_id = $3 AND k.code = ''
  AND k.state IN ('held', 'opened', 'reported', 'released')
ORDER BY k.id DESC LIMIT 1`

	// The campaign that a card belongs to which nobody took on its page: one that ran at the
	// moment $3, or the newest.
	qCampaignOfCard = `SELECT ` + campaignColumns + `
FROM campaigns c JOIN campaign_stock s ON s.campaign_id = c.id
WHERE c.account_id = $1 AND c.card_id = $2 AND c.issuer = 'wechat_card' AND c.status <> 'draft'
ORDER BY c.starts_at <= $3 AND c.ends_at > $3 AND (c.ended_at = 0 OR c.ended_at > $3) DESC, c.status = 'published' DESC, c.id DESC LIMIT 1`

	// Whoever erased their data after the moment $3 and has not come back.
	qErasedSince = `SELECT ` + visitorRead + ` FROM visitors WHERE account_id = $1 AND openid = $2 AND erased_at >= $3
  AND NOT EXISTS (SELECT 1 FROM visitors WHERE account_id = $1 AND openid = $4)`

	// One of the person's limits, whatever they are; late news leave the newest day alone.
	qCountTaken = `INSERT INTO visitor_quotas (visitor_id, campaign_id, taken, day, day_taken)
VALUES ($1, $2, 1, $3, 1)
ON CONFLICT (visitor_id, campaign_id) DO UPDATE SET
  taken = visitor_quotas.taken + 1,
  day_taken = CASE WHEN visitor_quotas.day = $3 THEN visitor_quotas.day_taken + 1 WHEN visitor_quotas.day > $3 THEN visitor_quotas.day_taken ELSE 1 END,
  day = max(visitor_quotas.day, $3)`

	// The card that somebody most likely gave away, when the message names no code of theirs.
	qGiverOf = `SELECT ` + claimColumns + `
FROM claims k
JOIN visitors v ON v.id = k.visitor_id
JOIN campaigns c ON c.id = k.campaign_id
WHERE v.account_id = $1 AND v.openid = $2 AND c.card_id = $3 AND k.state IN ('confirmed', 'gifted') AND k.code <> ''
  AND NOT EXISTS (SELECT 1 FROM claims g WHERE g.gift_of = k.id AND g.gift_of > 0)
ORDER BY k.state = 'gifted' DESC, k.id DESC LIMIT 1`

	qGiveUpCode = `UPDATE claims SET code = '' WHERE id = $1`

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
	// The giver comes first: what waits for the receiver's code may be about either.
	for i, claim := range slices.Backward(claims) {
		e := *p.Apply
		if i > 0 {
			e = campaigns.Event{Kind: campaigns.EventGifted, Source: e.Source, At: e.At}
		}
		if e.Kind == campaigns.EventConfirmed && strings.HasPrefix(claim.Key, organicKey) {
			e.Detail = campaigns.DetailOrganic
		}
		if claim.Code == "" && e.Code != "" && !claim.GiftedAt.IsZero() {
			var n int
			if err := tx.row(qCodeTaken, string(e.Code), string(claim.Account)).Scan(&n); err != nil {
				return "", err
			}
			if n > 0 { // it went on with the card
				e.Code = ""
			}
		}
		if err := d.follow(tx, claim, e, p.Mint); err != nil {
			return "", err
		}
		// Late news about somebody who erased their data counts, but is not kept.
		if gone, _, err := standing(tx, claim.Visitor); err != nil {
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
// digest by now, or makes one for a card that was not taken on our page. For a gift it is
// the receiver's, and the giver's comes second.
func (d *DB) claimsOfPush(tx *Tx, p campaigns.Push) ([]*campaigns.Claim, error) {
	if p.Gift {
		return d.claimsOfGift(tx, p)
	}
	claim, err := d.claimOfPush(tx, p)
	if errors.Is(err, campaigns.ErrNotFound) && p.OpenID != "" {
		gone := p
		gone.OpenID = wechat.OpenID(d.digest(p.Account, p.OpenID))
		claim, err = d.claimOfPush(tx, gone)
	}
	if errors.Is(err, campaigns.ErrNotFound) {
		claim, err = d.insertOrganic(tx, p)
	}
	if err != nil {
		return nil, err
	}
	return []*campaigns.Claim{claim}, nil
}

// claimOfPush finds the claim a message is about: by its code once it has one, then by
// the reference that travelled with the card, then by person and card.
func (d *DB) claimOfPush(tx *Tx, p campaigns.Push) (*campaigns.Claim, error) {
	if p.Code != "" {
		claim, err := scanClaim(tx.row(qClaimByCode, string(p.Code), string(p.Account)))
		if err == nil {
			return d.claimOfSender(tx, claim, p)
		}
		if !errors.Is(err, campaigns.ErrNotFound) {
			return nil, err
		}
	}
	if p.Ref != "" {
		claim, err := scanClaim(tx.row(qClaimByRefOf, string(p.Ref), string(p.Account), string(p.OpenID), string(p.CardID), string(p.Code), p.UnionID))
		if !errors.Is(err, campaigns.ErrNotFound) {
			return claim, err
		}
	}
	if p.Apply.Kind != campaigns.EventConfirmed {
		return nil, campaigns.ErrNotFound
	}
	return scanClaim(tx.row(qClaimWaiting, string(p.Account), string(p.OpenID), string(p.CardID)))
}

// claimOfSender is the claim with the code when the sender holds the card, or theirs when
// they gave the card away and its code went with it. Anybody else's message waits: they
// are about to get the card.
func (d *DB) claimOfSender(tx *Tx, claim *campaigns.Claim, p campaigns.Push) (*campaigns.Claim, error) {
	for {
		v, err := scanVisitor(tx.row(qVisitorByID, int64(claim.Visitor)))
		switch {
		case err != nil:
			return nil, err
		case p.OpenID == "" || d.same(v, p.OpenID, p.UnionID) || nameless(v):
			return claim, nil
		case claim.GiftOf == 0:
			return nil, campaigns.ErrNotFound
		}
		if claim, err = scanClaim(tx.row(qClaimByID, int64(claim.GiftOf))); err != nil {
			return nil, err
		}
		if claim.Code != "" { // and is another card
			return nil, campaigns.ErrNotFound
		}
	}
}

// same reports whether the visitor is the person, maybe after they erased their data.
func (d *DB) same(v campaigns.Visitor, openID wechat.OpenID, unionID string) bool {
	return v.OpenID == openID || string(v.OpenID) == d.digest(v.Account, openID) || unionID != "" && v.UnionID == unionID
}

// nameless reports whether the visitor has no openid of the account's: they came through
// the mini program, or are gone.
func nameless(v campaigns.Visitor) bool { return strings.Contains(string(v.OpenID), ":") }

// organicKey begins the idempotency keys of cards that were not taken on our page.
const organicKey = "organic-"

// insertOrganic makes the claim of a card that somebody took elsewhere: in a chat, from a
// code of WeChat's, by a friend's hint. The card is real, so it counts beyond the stock and
// beyond the person's limits. A card of no published campaign is ErrNotFound.
func (d *DB) insertOrganic(tx *Tx, p campaigns.Push) (*campaigns.Claim, error) {
	if p.Apply.Kind != campaigns.EventConfirmed || p.Code == "" || p.OpenID == "" || p.CardID == "" {
		return nil, campaigns.ErrNotFound
	}
	var taken, mini int
	if err := tx.row(qCodeTaken, string(p.Code), string(p.Account)).Scan(&taken); err != nil {
		return nil, err
	}
	if err := tx.row(qMiniClaimByRef, string(p.Ref), string(p.Account)).Scan(&mini); err != nil {
		return nil, err
	}
	if taken+mini > 0 {
		return nil, campaigns.ErrNotFound
	}
	campaign, err := scanCampaign(tx.row(qCampaignOfCard, string(p.Account), string(p.CardID), ms(p.At)))
	if errors.Is(err, campaigns.ErrCampaignNotFound) {
		return nil, campaigns.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	visitorID, id, ref := p.Mint()
	// Taking a card is something new that a person does, who so comes back. Late news of
	// before they erased their data is not.
	visitor, err := scanVisitor(tx.row(qErasedSince, string(p.Account), d.digest(p.Account, p.OpenID), ms(p.At), string(p.OpenID)))
	if errors.Is(err, campaigns.ErrVisitorNotFound) {
		visitor, err = d.touch(tx, sender(p, visitorID))
	}
	if err != nil {
		return nil, err
	}
	key, day := organicKey+keyOf(string(p.Code)), campaign.Day(p.At)
	n, err := tx.exec(qInsertClaim, int64(id), int64(campaign.ID), int64(visitor.ID), string(p.Account), string(ref), string(campaign.Issuer),
		string(campaigns.Held), "", key, "", day, ms(p.At), ms(p.At), 0, "", "", "", "", "{}")
	if err != nil {
		return nil, err
	}
	if n > 0 {
		if _, err := tx.exec(qMoveStock, int64(campaign.ID), 1, 0); err != nil {
			return nil, err
		}
		if _, err := tx.exec(qCountTaken, int64(visitor.ID), int64(campaign.ID), day); err != nil {
			return nil, err
		}
	}
	return scanClaim(tx.row(qClaimByKey, int64(visitor.ID), int64(campaign.ID), key))
}

// sender is the visitor whom a message is from.
func sender(p campaigns.Push, id campaigns.VisitorID) campaigns.Visitor {
	return campaigns.Visitor{ID: id, Account: p.Account, OpenID: p.OpenID, UnionID: p.UnionID, FirstSeen: p.Received, LastSeen: p.Received}
}

// keyOf is the part of an idempotency key that stands for a text.
func keyOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// claimsOfGift finds the claims of receiver and giver. The giver's is the one with the old
// code; where the message has none, or where the card keeps its code, the one that has the
// code now, or else the friend's newest claim of this card, which must be known by then:
// such a message waits for the inbox. The receiver's is made when it is not there yet: it
// takes no stock, for the card is the giver's unit.
func (d *DB) claimsOfGift(tx *Tx, p campaigns.Push) ([]*campaigns.Claim, error) {
	if p.Code == "" || p.OpenID == "" {
		return nil, campaigns.ErrNotFound
	}
	receiver, err := scanClaim(tx.row(qClaimByCode, string(p.Code), string(p.Account)))
	known := err == nil
	if err != nil && !errors.Is(err, campaigns.ErrNotFound) {
		return nil, err
	}
	var giver *campaigns.Claim
	switch {
	case p.OldCode != "" && p.OldCode != p.Code:
		giver, err = scanClaim(tx.row(qClaimByCode, string(p.OldCode), string(p.Account)))
	case known:
		return d.passOn(tx, receiver, p)
	case p.OldCode == "":
		giver, err = d.giverOf(tx, p)
	}
	if err != nil {
		return nil, err
	}
	if !known {
		if receiver, err = d.insertGift(tx, giver, p, "gift-"+keyOf(string(p.Code))); err != nil {
			return nil, err
		}
	}
	return []*campaigns.Claim{receiver, giver}, nil
}

// passOn moves a code that does not change from the giver's claim to a new one of the
// receiver's. It may have done so before.
func (d *DB) passOn(tx *Tx, claim *campaigns.Claim, p campaigns.Push) ([]*campaigns.Claim, error) {
	v, err := scanVisitor(tx.row(qVisitorByID, int64(claim.Visitor)))
	if err != nil {
		return nil, err
	}
	if d.same(v, p.OpenID, p.UnionID) {
		if claim.GiftOf == 0 { // theirs in their own right
			return nil, campaigns.ErrNotFound
		}
		giver, err := scanClaim(tx.row(qClaimByID, int64(claim.GiftOf)))
		return []*campaigns.Claim{claim, giver}, err
	}
	if friend := friendOf(p); friend == "" || !d.same(v, friend, "") && !nameless(v) {
		return nil, campaigns.ErrNotFound // it is not with the giver yet
	}
	if _, err := tx.exec(qGiveUpCode, int64(claim.ID)); err != nil {
		return nil, err
	}
	claim.Code = ""
	// The same card may come to the same person again.
	receiver, err := d.insertGift(tx, claim, p, "gift-"+keyOf(string(p.Code)+"\x00"+claim.ID.String()))
	return []*campaigns.Claim{receiver, claim}, err
}

// giverOf finds the claim of a giver of whom only the openid is known.
func (d *DB) giverOf(tx *Tx, p campaigns.Push) (*campaigns.Claim, error) {
	friend := friendOf(p)
	if friend == "" {
		return nil, campaigns.ErrNotFound
	}
	giver, err := scanClaim(tx.row(qGiverOf, string(p.Account), string(friend), string(p.CardID)))
	if errors.Is(err, campaigns.ErrNotFound) {
		giver, err = scanClaim(tx.row(qGiverOf, string(p.Account), d.digest(p.Account, friend), string(p.CardID)))
	}
	return giver, err
}

// friendOf is the giver that a message names.
func friendOf(p campaigns.Push) wechat.OpenID {
	e, err := wechat.ParseEvent(p.Raw)
	if err != nil {
		return ""
	}
	return wechat.OpenID(e.FriendUserName)
}

func (d *DB) insertGift(tx *Tx, giver *campaigns.Claim, p campaigns.Push, key string) (*campaigns.Claim, error) {
	campaign, err := scanCampaign(tx.row(qCampaignByID, int64(giver.Campaign)))
	if err != nil {
		return nil, err
	}
	visitorID, id, ref := p.Mint()
	visitor, err := d.touch(tx, sender(p, visitorID))
	if err != nil {
		return nil, err
	}
	if _, err := tx.exec(qInsertGift, int64(id), int64(giver.Campaign), int64(visitor.ID), string(giver.Account), string(ref), string(giver.Issuer),
		key, campaign.Day(p.At), ms(p.At), int64(giver.ID)); err != nil {
		return nil, err
	}
	return scanClaim(tx.row(qClaimByID, int64(id)))
}
