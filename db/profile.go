package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
	"kaquan/wechat"
)

const (
	qDescribeVisitor = `UPDATE visitors SET nickname = $2, avatar = $3, unionid = CASE WHEN $4 <> '' THEN $4 ELSE unionid END, region = $5, sex = $6
WHERE id = $1 AND erased_at = 0`

	qInsertConsent = `INSERT INTO visitor_consents (visitor_id, kind, version, what, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (visitor_id, kind, at) DO NOTHING`

	qWithdrawConsents = `UPDATE visitor_consents SET withdrawn_at = $2 WHERE visitor_id = $1 AND withdrawn_at = 0`

	qConsentsOf = `SELECT kind, version, what, at, withdrawn_at FROM visitor_consents WHERE visitor_id = $1 ORDER BY at DESC`

	qVisitorDetails = `SELECT region, sex, erased_at FROM visitors WHERE id = $1`

	qProfileClaims = `SELECT ` + claimColumns + `, c.slug, c.name, c.form, c.zone
FROM claims k
JOIN campaigns c ON c.id = k.campaign_id
WHERE k.visitor_id = $1
ORDER BY k.id DESC`

	// A message names its person only inside; events of cards also through the claim.
	qMessagesOf = `SELECT event, happened_at, raw FROM pushes
WHERE account_id = $1 AND (instr(raw, $2) > 0 OR claim_id IN (SELECT id FROM claims WHERE visitor_id = $3))
ORDER BY received_at DESC`

	qMessageKeys = `SELECT dedupe FROM pushes WHERE account_id = $1 AND raw <> x'' AND instr(raw, $2) > 0`

	qRedactMessage = `UPDATE pushes SET raw = x'' WHERE dedupe = $1`

	// What came after the keys were read.
	qRedactNewMessages = `UPDATE pushes SET raw = x'' WHERE account_id = $1 AND received_at >= $2 AND instr(raw, $3) > 0`

	qRedactClaimMessages = `UPDATE pushes SET raw = x'' WHERE account_id = $1 AND raw <> x'' AND claim_id IN (SELECT id FROM claims WHERE visitor_id = $2)`

	qForgetAnswers = `UPDATE claims SET holder_name = '', holder_phone = '', phone_tail = '', answers = '{}' WHERE visitor_id = $1`

	qForgetVisitor = `UPDATE visitors SET openid = $2, unionid = '', nickname = '', avatar = '', region = '', sex = 0, erased_at = $3 WHERE id = $1`

	// Somebody whose mini program still knows them stays who they are, without a profile.
	qForgetProfile = `UPDATE visitors SET nickname = '', avatar = '', region = '', sex = 0 WHERE id = $1`

	qHasMini = `SELECT EXISTS (SELECT 1 FROM mini_identities WHERE visitor_id = $1 AND openid NOT LIKE 'erased:%')`

	qSetLeft = `UPDATE visitors SET left_at = $2 WHERE id = $1`
	qLeft    = `SELECT left_at > 0 FROM visitors WHERE id = $1`

	// Whoever came back and erased again keeps the newest count of their limits.
	qForgetTwin = `UPDATE visitors SET openid = 'erased:' || id WHERE account_id = $1 AND openid = $2`

	qOpenClaimsOf = `SELECT ` + claimColumns + ` FROM claims k WHERE k.visitor_id = $1 AND k.state IN ('held', 'opened')`

	qVisitorByOpenID = `SELECT ` + visitorRead + ` FROM visitors WHERE account_id = $1 AND openid = $2`

	qInheritQuotas = `INSERT INTO visitor_quotas (visitor_id, campaign_id, taken, day, day_taken)
SELECT $1, campaign_id, taken, day, day_taken FROM visitor_quotas WHERE visitor_id = $2
ON CONFLICT (visitor_id, campaign_id) DO NOTHING`

	qStanding = `SELECT erased_at > 0, blocked_at > 0 FROM visitors WHERE id = $1`
)

// digest stands for an openid that was erased: the same person gives the same digest, but
// without the key file nobody finds the person behind it, nor tests a guess.
func (d *DB) digest(account campaigns.AccountID, openID wechat.OpenID) string {
	mac := hmac.New(sha256.New, d.Key("erased visitors"))
	mac.Write([]byte(string(account) + "\x00" + string(openID)))
	return "erased:" + hex.EncodeToString(mac.Sum(nil))
}

// inherit gives a visitor who was just inserted the used-up limits of the row that holds
// the digest of their openid, if they erased their data before, and its being blocked. Who
// only stopped following has their cards back.
func (d *DB) inherit(tx *Tx, v campaigns.Visitor) error {
	twin, err := scanVisitor(tx.row(qVisitorByOpenID, string(v.Account), d.digest(v.Account, v.OpenID)))
	if errors.Is(err, campaigns.ErrVisitorNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !twin.BlockedAt.IsZero() {
		if _, err := tx.exec(qSetBlocked, int64(v.ID), ms(twin.BlockedAt)); err != nil {
			return err
		}
	}
	var left bool
	if err := tx.row(qLeft, int64(twin.ID)).Scan(&left); err != nil {
		return err
	}
	if left {
		return moveVisitor(tx, twin.ID, v.ID, v.LastSeen)
	}
	_, err = tx.exec(qInheritQuotas, int64(v.ID), int64(twin.ID))
	return err
}

// touch is TouchVisitor inside a transaction.
func (d *DB) touch(tx *Tx, v campaigns.Visitor) (campaigns.Visitor, error) {
	stored, err := scanVisitor(tx.row(qTouchVisitor, int64(v.ID), string(v.Account), string(v.OpenID), v.UnionID, v.Nickname, v.Avatar, ms(v.FirstSeen), ms(v.LastSeen)))
	if err == nil && stored.ID == v.ID {
		err = d.inherit(tx, stored)
	}
	return stored, err
}

// AgreeVisitor implements campaigns.Profiles.
func (d *DB) AgreeVisitor(ctx context.Context, v campaigns.Visitor, details campaigns.Details, c campaigns.Consent) (campaigns.Visitor, error) {
	err := d.Write(ctx, func(tx *Tx) error {
		stored, err := d.touch(tx, v)
		if err != nil {
			return err
		}
		// Unlike a touch, this is what WeChat says now: a name that is gone is gone here too.
		if _, err := tx.exec(qDescribeVisitor, int64(stored.ID), v.Nickname, v.Avatar, v.UnionID, details.Region, int(details.Sex)); err != nil {
			return err
		}
		if _, err := tx.exec(qWithdrawConsents, int64(stored.ID), ms(c.At)); err != nil {
			return err
		}
		if _, err := tx.exec(qInsertConsent, int64(stored.ID), c.Kind, c.Version, c.What, ms(c.At)); err != nil {
			return err
		}
		stored.Nickname, stored.Avatar = v.Nickname, v.Avatar
		v = stored
		return nil
	})
	return v, err
}

// Profile implements campaigns.Profiles.
func (d *DB) Profile(ctx context.Context, id campaigns.VisitorID, messages bool) (*campaigns.Profile, error) {
	v, err := d.VisitorByID(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &campaigns.Profile{Visitor: v}
	if err := d.row(ctx, qVisitorDetails, int64(id)).Scan(&p.Region, &p.Sex, (*instant)(&p.Erased)); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	if !p.Erased.IsZero() {
		return nil, campaigns.ErrVisitorNotFound
	}
	rows, err := d.rows(ctx, qProfileClaims, int64(id))
	if p.Claims, err = collect(rows, err, d.scanProfileClaim); err != nil {
		return nil, err
	}
	rows, err = d.rows(ctx, qConsentsOf, int64(id))
	p.Consents, err = collect(rows, err, func(row scanner) (c campaigns.Consent, err error) {
		err = row.Scan(&c.Kind, &c.Version, &c.What, (*instant)(&c.At), (*instant)(&c.Withdrawn))
		return c, err
	})
	if err != nil || !messages {
		return p, err
	}
	for i := range p.Claims {
		if p.Claims[i].Events, err = d.History(ctx, p.Claims[i].ID); err != nil {
			return nil, err
		}
	}
	rows, err = d.rows(ctx, qMessagesOf, string(v.Account), []byte(v.OpenID), int64(id))
	p.Messages, err = collect(rows, err, func(row scanner) (m campaigns.Message, err error) {
		err = row.Scan(&m.Event, (*instant)(&m.At), &m.Raw)
		return m, err
	})
	return p, err
}

func (d *DB) scanProfileClaim(row scanner) (c campaigns.ProfileClaim, err error) {
	var form, place string
	if err = row.Scan(append(claimTargets(&c.Claim), &c.Slug, &c.CampaignName, &form, &place)...); err != nil {
		return c, fmt.Errorf("read claim: %w", err)
	}
	d.openAnswers(&c.Claim)
	if err = json.Unmarshal([]byte(form), &c.Form); err != nil {
		return c, fmt.Errorf("read form: %w", err)
	}
	c.Zone, err = zone(place)
	return c, err
}

// EraseVisitor implements campaigns.Profiles.
func (d *DB) EraseVisitor(ctx context.Context, id campaigns.VisitorID, a campaigns.Audit) error {
	v, err := d.VisitorByID(ctx, id)
	if err != nil {
		return err
	}
	return d.erase(ctx, v, a, false)
}

// EraseFollower implements campaigns.Profiles.
func (d *DB) EraseFollower(ctx context.Context, account campaigns.AccountID, person wechat.OpenID, left time.Time, a campaigns.Audit) error {
	v, err := scanVisitor(d.row(ctx, qVisitorByOpenID, string(account), string(person)))
	if errors.Is(err, campaigns.ErrVisitorNotFound) || err == nil && v.LastSeen.After(left) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.erase(ctx, v, a, true)
}

// erase is both. left says that WeChat asks for it, for a person who may come back.
func (d *DB) erase(ctx context.Context, v campaigns.Visitor, a campaigns.Audit, left bool) error {
	id := v.ID
	// The messages are searched before, on a reader: there may be very many of them, and
	// the writer has other people waiting.
	since := a.At.Add(-time.Minute)
	rows, err := d.rows(ctx, qMessageKeys, string(v.Account), []byte(v.OpenID))
	keys, err := collect(rows, err, func(row scanner) (key string, err error) { return key, row.Scan(&key) })
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *Tx) error {
		// An openid that is a digest already would be digested again: read it here, not before.
		v, err := scanVisitor(tx.row(qVisitorByID, int64(id)))
		if err != nil {
			return err
		}
		if gone, _, err := standing(tx, id); err != nil || gone {
			return err
		}
		for _, key := range keys {
			if _, err := tx.exec(qRedactMessage, key); err != nil {
				return err
			}
		}
		steps := []step{
			{qRedactNewMessages, []any{string(v.Account), ms(since), []byte(v.OpenID)}},
			{qRedactClaimMessages, []any{string(v.Account), int64(id)}},
			{qForgetAnswers, []any{int64(id)}},
			{qWithdrawConsents, []any{int64(id), ms(a.At)}},
		}
		stays := false
		if left {
			if err := tx.row(qHasMini, int64(id)).Scan(&stays); err != nil {
				return err
			}
		}
		if stays {
			steps = append(steps, step{qForgetProfile, []any{int64(id)}})
		} else {
			if err := returnHolds(tx, id, a.At); err != nil {
				return err
			}
			if err := d.forgetMinis(tx, id, a.At); err != nil {
				return err
			}
			twin := d.digest(v.Account, v.OpenID)
			steps = append(steps, step{qForgetTwin, []any{string(v.Account), twin}}, step{qForgetVisitor, []any{int64(id), twin, ms(a.At)}})
		}
		if left && !stays {
			steps = append(steps, step{qSetLeft, []any{int64(id), ms(a.At)}})
		}
		for _, s := range steps {
			if _, err := tx.exec(s.query, s.args...); err != nil {
				return err
			}
		}
		return audit(tx, a, "visitor", id.String())
	})
}

// step is one statement of several.
type step struct {
	query string
	args  []any
}

// returnHolds gives back what the visitor has set aside: nobody can finish it any more.
// A claim that the wallet has reported stays, for its card may be there.
func returnHolds(tx *Tx, id campaigns.VisitorID, now time.Time) error {
	rows, err := tx.rows(qOpenClaimsOf, int64(id))
	open, err := collect(rows, err, scanClaim)
	if err != nil {
		return err
	}
	for _, claim := range open {
		e := campaigns.Event{Kind: campaigns.EventReleased, Source: campaigns.FromPage, At: now, Detail: campaigns.ReasonErased}
		if err := record(tx, claim, e); err != nil {
			return err
		}
	}
	return nil
}

// standing reports whether the visitor's data is gone, or never was there, and whether
// staff keep them from claiming.
func standing(tx *Tx, id campaigns.VisitorID) (gone, blocked bool, err error) {
	err = tx.row(qStanding, int64(id)).Scan(&gone, &blocked)
	if errors.Is(err, sql.ErrNoRows) {
		return true, false, nil
	}
	return gone, blocked, err
}
