package db

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
)

const (
	// What is stored is newer than any table.
	qAddNewcomer = `INSERT INTO visitors (` + visitorColumns + `, sex)
VALUES ($1, $2, $3, '', $4, $5, $6, $6, $7)
ON CONFLICT (account_id, openid) DO UPDATE SET
  nickname = CASE WHEN visitors.nickname <> '' THEN visitors.nickname ELSE excluded.nickname END,
  avatar = CASE WHEN visitors.avatar <> '' THEN visitors.avatar ELSE excluded.avatar END,
  sex = CASE WHEN visitors.sex <> 0 THEN visitors.sex ELSE excluded.sex END
RETURNING id`

	qAnybodyErased = `SELECT EXISTS (SELECT 1 FROM visitors WHERE account_id = $1 AND openid >= 'erased:' AND openid < 'erased;')`

	// Units of stock, if there are as many. The cards were taken elsewhere, so the campaign
	// need not be open at this moment.
	qTakeImportStock = `UPDATE campaign_stock SET confirmed = confirmed + $2
WHERE campaign_id = $1 AND held + confirmed + $2 <= total
  AND EXISTS (SELECT 1 FROM campaigns WHERE id = $1 AND status IN ('published', 'paused', 'ended'))`

	qImportEvents = `INSERT INTO claim_events (claim_id, at, kind, source, detail)
VALUES ($1, $2, 'held', 'system', $3), ($1, $2, 'confirmed', 'system', $3)`
)

// newcomerBatch is how many openids one look takes.
const newcomerBatch = 400

// newcomersText looks many openids up; missing ones are empty texts.
var newcomersText = func() string {
	marks := make([]string, newcomerBatch)
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+3)
	}
	return `SELECT v.openid, v.id, v.nickname, v.avatar, v.sex,
  EXISTS (SELECT 1 FROM claims k WHERE k.visitor_id = v.id AND k.campaign_id = $2 AND k.idem_key = 'import:' || v.openid)
FROM visitors v WHERE v.account_id = $1 AND v.openid IN (` + strings.Join(marks, ", ") + ")"
}()

// reader is a store or a transaction of it.
type reader struct {
	row  func(query string, args ...any) scanner
	rows func(query string, args ...any) (*sql.Rows, error)
}

// newcomer is what is stored about an openid.
type newcomer struct {
	openID           string
	id               campaigns.VisitorID
	nickname, avatar string
	sex              campaigns.Sex
	card             bool
}

func scanNewcomer(row scanner) (n newcomer, err error) {
	err = row.Scan(&n.openID, &n.id, &n.nickname, &n.avatar, &n.sex, &n.card)
	return n, err
}

// known looks the people up, those too who erased their data: by their digests, which is
// only done where somebody did.
func (d *DB) known(r reader, account campaigns.AccountID, campaign campaigns.ID, people []campaigns.Newcomer) ([]campaigns.NewcomerKnown, error) {
	var anybody bool
	if err := r.row(qAnybodyErased, string(account)).Scan(&anybody); err != nil {
		return nil, err
	}
	found := make(map[string]newcomer, len(people))
	look := func(openIDs []string) error {
		args := make([]any, 2, newcomerBatch+2)
		args[0], args[1] = string(account), int64(campaign)
		for i := range newcomerBatch {
			id := ""
			if i < len(openIDs) {
				id = openIDs[i]
			}
			args = append(args, id)
		}
		rows, err := r.rows(newcomersText, args...)
		list, err := collect(rows, err, scanNewcomer)
		for _, n := range list {
			found[n.openID] = n
		}
		return err
	}
	digests := make([]string, len(people))
	var openIDs []string
	for i := range people {
		openIDs = append(openIDs, string(people[i].OpenID))
		if anybody {
			digests[i] = d.digest(account, people[i].OpenID)
			openIDs = append(openIDs, digests[i])
		}
		if len(openIDs) > newcomerBatch-2 || i == len(people)-1 {
			if err := look(openIDs); err != nil {
				return nil, err
			}
			openIDs = openIDs[:0]
		}
	}
	known := make([]campaigns.NewcomerKnown, len(people))
	for i := range people {
		p, k := &people[i], &known[i]
		n, there := found[string(p.OpenID)]
		if !there && anybody {
			_, k.Erased = found[digests[i]]
		}
		k.Visitor, k.Card = n.id, n.card
		if n.nickname == "" {
			k.Lacks.Nickname = p.Nickname
		}
		if n.avatar == "" {
			k.Lacks.Avatar = p.Avatar
		}
		if n.sex == 0 {
			k.Lacks.Sex = p.Sex
		}
	}
	return known, nil
}

// KnownPeople implements campaigns.PeopleImports.
func (d *DB) KnownPeople(ctx context.Context, account campaigns.AccountID, campaign campaigns.ID, people []campaigns.Newcomer) ([]campaigns.NewcomerKnown, error) {
	return d.known(reader{
		row:  func(query string, args ...any) scanner { return d.row(ctx, query, args...) },
		rows: func(query string, args ...any) (*sql.Rows, error) { return d.rows(ctx, query, args...) },
	}, account, campaign, people)
}

// AddPeople implements campaigns.PeopleImports.
func (d *DB) AddPeople(ctx context.Context, account campaigns.AccountID, campaign campaigns.ID, limits campaigns.Limits, people []campaigns.Newcomer, now time.Time) ([]campaigns.NewcomerResult, error) {
	results := make([]campaigns.NewcomerResult, len(people))
	err := d.Write(ctx, func(tx *Tx) error {
		// Again, inside: somebody may have come or gone since the look.
		known, err := d.known(reader{
			row:  func(query string, args ...any) scanner { return tx.row(query, args...) },
			rows: func(query string, args ...any) (*sql.Rows, error) { return tx.rows(query, args...) },
		}, account, campaign, people)
		if err != nil {
			return err
		}
		wanted := 0
		for i := range people {
			if people[i].Claim != nil && !known[i].Erased && !known[i].Card {
				wanted++
			}
		}
		units, err := takeImportStock(tx, campaign, wanted)
		if err != nil {
			return err
		}
		for i := range people {
			n, r := &people[i], &results[i]
			*r = campaigns.NewcomerResult{}
			if known[i].Erased {
				r.Refused = campaigns.ErrVisitorErased
				continue
			}
			var id campaigns.VisitorID
			if err := tx.row(qAddNewcomer, int64(n.Visitor), string(account), string(n.OpenID), n.Nickname, n.Avatar, ms(now), int(n.Sex)).Scan(&id); err != nil {
				return err
			}
			r.New = id == n.Visitor
			switch {
			case n.Claim == nil || known[i].Card:
				continue
			case units == 0:
				r.Refused = campaigns.ErrSoldOut
				continue
			}
			n.Claim.Visitor = id
			if r.Refused, err = giveImported(tx, n.Claim, limits); err != nil {
				return err
			}
			if r.Given = r.Refused == nil; r.Given {
				units--
			}
		}
		if units > 0 { // whose persons had their share already
			_, err = tx.exec(qMoveStock, int64(campaign), 0, -units)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// takeImportStock takes as many units as there are, up to wanted.
func takeImportStock(tx *Tx, campaign campaigns.ID, wanted int) (int, error) {
	for wanted > 0 {
		n, err := tx.exec(qTakeImportStock, int64(campaign), wanted)
		if err != nil || n > 0 {
			return wanted, err
		}
		var s campaigns.Stock
		if err := tx.row(qStock, int64(campaign)).Scan(&s.Total, &s.Held, &s.Confirmed); err != nil {
			return 0, err
		}
		if s.Left() >= int64(wanted) {
			return 0, nil // the campaign is none that cards may be imported into
		}
		wanted = int(max(0, s.Left()))
	}
	return 0, nil
}

// giveImported gives a card that was taken elsewhere, out of a unit that was taken.
func giveImported(tx *Tx, c *campaigns.Claim, limits campaigns.Limits) (refused *fault.Error, err error) {
	// A day's limit is about what is taken here.
	n, err := tx.exec(qTakeQuota, int64(c.Visitor), int64(c.Campaign), c.Day, limits.PerPerson, 0)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return campaigns.ErrLimit, nil
	}
	_, err = tx.exec(qInsertClaim, int64(c.ID), int64(c.Campaign), int64(c.Visitor), string(c.Account), string(c.Ref), string(c.Issuer), string(c.State),
		string(c.Code), c.Key, c.Channel, c.Day, ms(c.HoldUntil), ms(c.CreatedAt), ms(c.ConfirmedAt), "", "", "", "", "{}")
	if isDuplicate(err) {
		return nil, campaigns.ErrCodeTaken.Because(err)
	}
	if err == nil {
		_, err = tx.exec(qImportEvents, int64(c.ID), ms(c.CreatedAt), campaigns.ImportChannel)
	}
	return nil, err
}
