package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"kaquan/campaigns"
)

const (
	// One of the share of a day, if there is one; $3 is the share.
	qTakeShare = `INSERT INTO campaign_days (campaign_id, day, taken) VALUES ($1, $2, 1)
ON CONFLICT (campaign_id, day) DO UPDATE SET taken = campaign_days.taken + 1
WHERE campaign_days.taken < $3`

	qMoveShare = `UPDATE campaign_days SET taken = CASE WHEN taken + $3 < 0 THEN 0 ELSE taken + $3 END WHERE campaign_id = $1 AND day = $2`

	qShare = `SELECT taken FROM campaign_days WHERE campaign_id = $1 AND day = $2`

	// An answer, if no other claim has it.
	qTakeUnique = `INSERT INTO claim_uniques (campaign_id, digest, claim_id) VALUES ($1, $2, $3)
ON CONFLICT (campaign_id, digest) DO UPDATE SET claim_id = excluded.claim_id WHERE claim_uniques.claim_id <= 0`

	qMoveUniques = `UPDATE claim_uniques SET claim_id = -claim_id WHERE claim_id = $1`

	// The indexes of claims on lists and pools hold the rows of claims alone: a statement uses
	// them when it says so, with claim_id <> 0.

	// An invitation code, if it is on the list and nobody has used it.
	qTakeInvitation = `UPDATE list_rows SET claim_id = $3 WHERE list_id = $1 AND digest = $2 AND claim_id <= 0`

	qMoveInvitation = `UPDATE list_rows SET claim_id = -claim_id WHERE claim_id = $1 AND claim_id <> 0`

	// The next free code of a pool that no card has by chance.
	qTakePoolCode = `UPDATE pool_codes SET claim_id = $2
WHERE pool_id = $1 AND claim_id <= 0
  AND code = (SELECT p.code FROM pool_codes p WHERE p.pool_id = $1 AND p.claim_id <= 0
    AND NOT EXISTS (SELECT 1 FROM claims k WHERE k.code = p.code AND k.account_id = p.account_id AND k.code <> '')
    ORDER BY p.code LIMIT 1)
RETURNING code`

	qMovePoolCode = `UPDATE pool_codes SET claim_id = -claim_id WHERE claim_id = $1 AND claim_id <> 0`

	qPoolCodeOf = `SELECT code FROM pool_codes WHERE claim_id = $1 AND claim_id <> 0`

	qSetClaimTakes = `UPDATE claims SET takes = $2, code = $3 WHERE id = $1`

	qListed = `SELECT EXISTS (SELECT 1 FROM list_rows WHERE list_id = $1 AND digest = $2)`

	qShareDiffers = `SELECT d.day, d.taken, COUNT(k.id) FROM campaign_days d
LEFT JOIN claims k ON k.campaign_id = d.campaign_id AND k.state <> 'released' AND k.takes <> '' AND substr(k.takes, 1, 10) = d.day
WHERE d.campaign_id = $1 GROUP BY d.day, d.taken HAVING d.taken <> COUNT(k.id)`

	// A card that arrived after its claim was given up may share what it took with the next
	// claim, as it may overdraw the stock: it is not counted as a difference.
	qUniquesDiffer = `SELECT
  (SELECT COUNT(*) FROM claim_uniques u WHERE u.campaign_id = $1 AND u.claim_id > 0
     AND NOT EXISTS (SELECT 1 FROM claims k WHERE k.id = u.claim_id AND k.state <> 'released'))
+ (SELECT COUNT(*) FROM claims k WHERE k.campaign_id = $1 AND k.state <> 'released' AND k.takes LIKE '%u%' AND k.released_at + k.refunded_at = 0
     AND NOT EXISTS (SELECT 1 FROM claim_uniques u WHERE u.claim_id = k.id))`

	qInvitationsDiffer = `SELECT
  (SELECT COUNT(*) FROM claims k WHERE k.campaign_id = $1 AND k.state <> 'released' AND k.takes LIKE '%c%' AND k.released_at + k.refunded_at = 0
     AND NOT EXISTS (SELECT 1 FROM list_rows r WHERE r.claim_id = k.id AND r.claim_id <> 0))
+ (SELECT COUNT(*) FROM claims k JOIN list_rows r ON r.claim_id = k.id AND r.claim_id <> 0 WHERE k.campaign_id = $1 AND k.state = 'released')`

	qPoolDiffers = `SELECT
  (SELECT COUNT(*) FROM claims k WHERE k.campaign_id = $1 AND k.state <> 'released' AND k.takes LIKE '%p%' AND k.released_at + k.refunded_at = 0
     AND NOT EXISTS (SELECT 1 FROM pool_codes p WHERE p.claim_id = k.id AND p.claim_id <> 0 AND (k.code = '' OR p.code = k.code)))
+ (SELECT COUNT(*) FROM claims k JOIN pool_codes p ON p.claim_id = k.id AND p.claim_id <> 0 WHERE k.campaign_id = $1 AND k.state = 'released' AND k.code = '')`
)

// The letters of claims.takes after the day of the share.
const (
	tookUnique     = "u"
	tookInvitation = "c"
	tookPoolCode   = "p"
)

const dayLength = len("2006-01-02")

// shareDay is the day whose share a claim took from; "" = none.
func shareDay(takes string) string {
	if len(takes) >= dayLength && takes[0] >= '0' && takes[0] <= '9' {
		return takes[:dayLength]
	}
	return ""
}

// digest is what stands for a fact: the kind belongs to it, so that a row of one kind never
// answers for another. 128 bits are far more than any list needs.
func digest(key []byte, f campaigns.Fact) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(string(f.Kind) + "\x00" + f.Value))
	return mac.Sum(nil)[:16]
}

// listKey keys the digests of lists and of answers that claim once.
func (d *DB) listKey() []byte { return d.Key("lists") }

// digests are those of the facts.
func (d *DB) digests(facts []campaigns.Fact) [][]byte {
	key, all := d.listKey(), make([][]byte, len(facts))
	for i, f := range facts {
		all[i] = digest(key, f)
	}
	return all
}

// admit checks the lists. The block list comes first, and the answer of both takes the same
// statements whoever asks.
func (d *DB) admit(tx *Tx, k *campaigns.Conditions) error {
	if k.Block == "" && k.Allow == "" {
		return nil
	}
	digests := d.digests(k.Facts)
	on := func(list campaigns.ListID) (bool, error) {
		found := false
		for _, sum := range digests {
			var one bool
			if err := tx.row(qListed, string(list), sum).Scan(&one); err != nil {
				return false, err
			}
			found = found || one
		}
		return found, nil
	}
	if k.Block != "" {
		if blocked, err := on(k.Block); err != nil || blocked {
			return errors.Join(err, refusedIf(blocked, campaigns.ErrBlocked))
		}
	}
	if k.Allow != "" {
		allowed, err := on(k.Allow)
		return errors.Join(err, refusedIf(err == nil && !allowed, campaigns.ErrNotOnList))
	}
	return nil
}

func refusedIf(yes bool, refusal error) error {
	if yes {
		return refusal
	}
	return nil
}

// take takes what the rules ask for besides the stock, each by a statement that refuses by
// itself, and writes down what it took. claim is brought up to date.
func (d *DB) take(tx *Tx, claim *campaigns.Claim, k *campaigns.Conditions) error {
	var takes strings.Builder
	if k.DayTotal > 0 {
		n, err := tx.exec(qTakeShare, int64(claim.Campaign), k.ShareDay, k.DayTotal)
		if err != nil || n == 0 {
			return errors.Join(err, refusedIf(err == nil, campaigns.ErrDayShare))
		}
		takes.WriteString(k.ShareDay)
	}
	for i, sum := range d.digests(k.Once) {
		n, err := tx.exec(qTakeUnique, int64(claim.Campaign), sum, int64(claim.ID))
		switch {
		case err != nil:
			return err
		case n == 0 && k.Once[i].Kind == campaigns.ListPlate:
			return campaigns.ErrOncePlate
		case n == 0:
			return campaigns.ErrOncePhone
		case i == 0:
			takes.WriteString(tookUnique)
		}
	}
	if k.Invitations != "" {
		sum := digest(d.listKey(), campaigns.Fact{Kind: campaigns.ListCode, Value: k.Invitation})
		n, err := tx.exec(qTakeInvitation, string(k.Invitations), sum, int64(claim.ID))
		if err != nil || n == 0 {
			return errors.Join(err, refusedIf(err == nil, campaigns.ErrInvitation))
		}
		takes.WriteString(tookInvitation)
	}
	if k.Pool != "" {
		var code campaigns.CardCode
		err := tx.row(qTakePoolCode, string(k.Pool), int64(claim.ID)).Scan(&code)
		if errors.Is(err, sql.ErrNoRows) {
			return campaigns.ErrSoldOut
		}
		if err != nil {
			return err
		}
		takes.WriteString(tookPoolCode)
		// A claim that is only held shows no code, and gives it back when it is released.
		if claim.State.Bucket() == campaigns.GivenOut {
			claim.Code = code
		}
	}
	if takes.Len() == 0 {
		return nil
	}
	claim.Takes = takes.String()
	_, err := tx.exec(qSetClaimTakes, int64(claim.ID), claim.Takes, string(claim.Code))
	if isDuplicate(err) { // a card that came from elsewhere has the code
		return campaigns.ErrCodeTaken.Because(err)
	}
	return err
}

// moveTaken gives back what a claim took, or takes it again when a card that was given up
// turns out to be in a wallet: that one is not refused any more.
func moveTaken(tx *Tx, claim *campaigns.Claim, from, to campaigns.Bucket) error {
	released := to == campaigns.Returned
	if claim.Takes == "" || !released && from != campaigns.Returned {
		return nil
	}
	whose, by := -int64(claim.ID), +1
	if released {
		whose, by = int64(claim.ID), -1
	}
	if day := shareDay(claim.Takes); day != "" {
		if _, err := tx.exec(qMoveShare, int64(claim.Campaign), day, by); err != nil {
			return err
		}
	}
	for _, part := range []struct{ letter, query string }{{tookUnique, qMoveUniques}, {tookInvitation, qMoveInvitation}, {tookPoolCode, qMovePoolCode}} {
		if !strings.Contains(claim.Takes, part.letter) || released && part.letter == tookPoolCode && claim.Code != "" {
			continue // a code that somebody saw stays theirs
		}
		if _, err := tx.exec(part.query, whose); err != nil {
			return err
		}
	}
	return nil
}

// poolCode is the code that waits for a claim which is about to be confirmed; "" for claims
// that have one or come from no pool.
func poolCode(tx *Tx, claim *campaigns.Claim, e campaigns.Event) (campaigns.CardCode, error) {
	if e.Kind != campaigns.EventConfirmed || e.Code != "" || claim.Code != "" || !strings.Contains(claim.Takes, tookPoolCode) {
		return e.Code, nil
	}
	var code campaigns.CardCode
	for _, whose := range []int64{int64(claim.ID), -int64(claim.ID)} {
		err := tx.row(qPoolCodeOf, whose).Scan(&code)
		if !errors.Is(err, sql.ErrNoRows) {
			return code, err
		}
	}
	return "", nil
}

// ShareTaken implements campaigns.Lists.
func (d *DB) ShareTaken(ctx context.Context, campaign campaigns.ID, day string) (taken int64, err error) {
	err = d.row(ctx, qShare, int64(campaign), day).Scan(&taken)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return taken, err
}

// CheckRules implements campaigns.Lists. Everything is read in one transaction.
func (d *DB) CheckRules(ctx context.Context, id campaigns.ID) ([]string, error) {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	var found []string
	rows, err := tx.QueryContext(ctx, qShareDiffers, int64(id))
	differing, err := collect(rows, err, func(row scanner) (string, error) {
		var (
			day            string
			taken, counted int64
		)
		err := row.Scan(&day, &taken, &counted)
		return fmt.Sprintf("share of %s: counter %d, claims %d", day, taken, counted), err
	})
	if err != nil {
		return nil, err
	}
	found = append(found, differing...)
	for _, check := range []struct{ name, query string }{
		{"answers that claim once", qUniquesDiffer}, {"invitation codes", qInvitationsDiffer}, {"codes of the pool", qPoolDiffers},
	} {
		var n int64
		if err := tx.QueryRowContext(ctx, check.query, int64(id)).Scan(&n); err != nil {
			return nil, err
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%s: %d differ", check.name, n))
		}
	}
	return found, nil
}

const (
	qStockMarks = `SELECT c.id FROM campaigns c
WHERE c.status = 'published' AND c.rules LIKE '%"low_stock"%' OR c.id IN (SELECT campaign_id FROM stock_notes)`

	qInsertStockNote = `INSERT INTO stock_notes (campaign_id, at, left_over, total, paused) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (campaign_id) DO NOTHING`

	qDeleteStockNote = `DELETE FROM stock_notes WHERE campaign_id = $1`

	qStockNote = `SELECT campaign_id, at, left_over, total, paused FROM stock_notes WHERE campaign_id = $1`
)

// StockMarks implements campaigns.LowStocks.
func (d *DB) StockMarks(ctx context.Context) ([]campaigns.ID, error) {
	rows, err := d.rows(ctx, qStockMarks)
	return collect(rows, err, func(row scanner) (id campaigns.ID, err error) {
		err = row.Scan(&id)
		return id, err
	})
}

// NoteLowStock implements campaigns.LowStocks.
func (d *DB) NoteLowStock(ctx context.Context, n campaigns.StockNote, pause *campaigns.Audit) (fresh bool, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		paused := 0
		if n.Paused {
			paused = 1
		}
		added, err := tx.exec(qInsertStockNote, int64(n.Campaign), ms(n.At), n.Left, n.Total, paused)
		fresh = added == 1
		if err != nil || !fresh || pause == nil {
			return err
		}
		moved, err := tx.exec(qSetStatus, int64(n.Campaign), string(campaigns.StatusPaused), campaigns.LowStockReason, ms(n.At), string(campaigns.StatusPublished))
		if err != nil || moved == 0 { // staff were faster
			return err
		}
		return noteStatus(tx, n.Campaign, *pause)
	})
	return fresh && err == nil, err
}

// ClearLowStock implements campaigns.LowStocks.
func (d *DB) ClearLowStock(ctx context.Context, id campaigns.ID) error {
	n, err := d.LowStockNote(ctx, id)
	if err != nil || n == nil {
		return err
	}
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qDeleteStockNote, int64(id))
		return err
	})
}

// LowStockNote implements campaigns.LowStocks.
func (d *DB) LowStockNote(ctx context.Context, id campaigns.ID) (*campaigns.StockNote, error) {
	var n campaigns.StockNote
	err := d.row(ctx, qStockNote, int64(id)).Scan(&n.Campaign, (*instant)(&n.At), &n.Left, &n.Total, &n.Paused)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &n, nil
}
