package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kaquan/campaigns"
)

const (
	versionColumns = `campaign_id, version, at, actor_id, actor_name, action, note, auto, body`

	// The newest is shown too when it is an autosave.
	qVersions = `SELECT ` + versionColumns + ` FROM campaign_versions v
WHERE campaign_id = $1 AND (auto = 0 OR version = (SELECT MAX(version) FROM campaign_versions WHERE campaign_id = $1))
ORDER BY version DESC LIMIT $2`

	qVersionsAfter = `SELECT ` + versionColumns + ` FROM campaign_versions
WHERE campaign_id = $1 AND version > $2 ORDER BY version DESC LIMIT $3`

	qVersionAt = `SELECT ` + versionColumns + ` FROM campaign_versions
WHERE campaign_id = $1 AND version <= $2 ORDER BY version DESC LIMIT 1`

	qLastVersion = `SELECT actor_id, at, auto FROM campaign_versions WHERE campaign_id = $1 ORDER BY version DESC LIMIT 1`

	qInsertVersion = `INSERT INTO campaign_versions (campaign_id, version, at, actor_id, actor_name, action, note, auto, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	qKeepVersion = `UPDATE campaign_versions SET auto = 0 WHERE campaign_id = $1 AND version = $2 AND auto = 1`

	// Whoever else is editing may have opened one of the last of them.
	qThinVersions = `DELETE FROM campaign_versions WHERE campaign_id = $1 AND auto = 1 AND version < $2`

	qSaveWork = `INSERT INTO campaign_drafts (campaign_id, person_id, base, body, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (campaign_id, person_id) DO UPDATE SET base = excluded.base, body = excluded.body, at = excluded.at`

	qWork = `SELECT base, body, at FROM campaign_drafts WHERE campaign_id = $1 AND person_id = $2`

	qDropWork = `DELETE FROM campaign_drafts WHERE campaign_id = $1 AND person_id = $2`

	qHolders = `SELECT COUNT(DISTINCT visitor_id) FROM claims WHERE campaign_id = $1 AND state <> 'released'`
)

// keptAutosaves is how many of the newest autosaves of a campaign stay.
const keptAutosaves = 30

// writeVersion writes what c is from this change on. It reports whether an autosave only
// goes on with a sitting, which the audit then has already.
func writeVersion(tx *Tx, c *campaigns.Campaign, number int64, a campaigns.Audit) (goesOn bool, err error) {
	auto := a.Action == campaigns.AutosaveAction
	var (
		last    string
		lastAt  time.Time
		wasAuto bool
	)
	err = tx.row(qLastVersion, int64(c.ID)).Scan(&last, (*instant)(&lastAt), &wasAuto)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("last version: %w", err)
	}
	sameSitting := wasAuto && last == a.Actor.ID && a.At.Sub(lastAt) < campaigns.Sitting
	if wasAuto && !sameSitting {
		if _, err := tx.exec(qKeepVersion, int64(c.ID), number-1); err != nil {
			return false, err
		}
	}
	var why struct {
		Reason  string `json:"reason"`
		Version int64  `json:"version"`
	}
	note := ""
	if json.Unmarshal([]byte(a.Detail), &why) == nil {
		if note = why.Reason; why.Version != 0 {
			note = fmt.Sprint(why.Version)
		}
	}
	if _, err := tx.exec(qInsertVersion, int64(c.ID), number, ms(a.At), a.Actor.ID, a.Actor.Name, a.Action, note, auto, jsonText(campaigns.DraftOf(c))); err != nil {
		return false, err
	}
	if auto {
		_, err = tx.exec(qThinVersions, int64(c.ID), number-keptAutosaves)
	} else {
		err = nil
	}
	return auto && sameSitting, err
}

// noteStatus writes the version and the audit line of a change of the status that was just
// made.
func noteStatus(tx *Tx, id campaigns.ID, a campaigns.Audit) error {
	c, err := scanCampaign(tx.row(qCampaignByID, int64(id)))
	if err != nil {
		return err
	}
	if _, err := writeVersion(tx, c, c.Version, a); err != nil {
		return err
	}
	return audit(tx, a, "campaign", id.String())
}

func scanVersion(row scanner) (v campaigns.Version, err error) {
	err = row.Scan(&v.Campaign, &v.Number, (*instant)(&v.At), &v.Actor.ID, &v.Actor.Name, &v.Action, &v.Note, &v.Auto, stored{&v.Draft})
	if errors.Is(err, sql.ErrNoRows) {
		return v, campaigns.ErrVersionNotFound
	}
	v.Draft.Version = v.Number
	return v, err
}

// Versions implements campaigns.Versions.
func (d *DB) Versions(ctx context.Context, id campaigns.ID, limit int) ([]campaigns.Version, error) {
	rows, err := d.rows(ctx, qVersions, int64(id), limit)
	return collect(rows, err, scanVersion)
}

// VersionsAfter implements campaigns.Versions.
func (d *DB) VersionsAfter(ctx context.Context, id campaigns.ID, number int64, limit int) ([]campaigns.Version, error) {
	rows, err := d.rows(ctx, qVersionsAfter, int64(id), number, limit)
	return collect(rows, err, scanVersion)
}

// VersionAt implements campaigns.Versions.
func (d *DB) VersionAt(ctx context.Context, id campaigns.ID, number int64) (campaigns.Version, error) {
	return scanVersion(d.row(ctx, qVersionAt, int64(id), number))
}

// KeepVersion implements campaigns.Versions.
func (d *DB) KeepVersion(ctx context.Context, id campaigns.ID, number int64, a campaigns.Audit) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qKeepVersion, int64(id), number)
		if err != nil || n == 0 {
			return err
		}
		return audit(tx, a, "campaign", id.String())
	})
}

// SaveWork implements campaigns.Versions.
func (d *DB) SaveWork(ctx context.Context, w campaigns.Work) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qSaveWork, int64(w.Campaign), w.Person, w.Base, string(w.Body), ms(w.At))
		return err
	})
}

// Work implements campaigns.Versions.
func (d *DB) Work(ctx context.Context, id campaigns.ID, person string) (campaigns.Work, bool, error) {
	w := campaigns.Work{Campaign: id, Person: person}
	var body string
	err := d.row(ctx, qWork, int64(id), person).Scan(&w.Base, &body, (*instant)(&w.At))
	if errors.Is(err, sql.ErrNoRows) {
		return w, false, nil
	}
	if err != nil {
		return w, false, fmt.Errorf("unsaved work: %w", err)
	}
	w.Body = json.RawMessage(body)
	return w, true, nil
}

// DropWork implements campaigns.Versions.
func (d *DB) DropWork(ctx context.Context, id campaigns.ID, person string) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qDropWork, int64(id), person)
		return err
	})
}

// Holders implements campaigns.Versions.
func (d *DB) Holders(ctx context.Context, id campaigns.ID) (n int, err error) {
	if err = d.row(ctx, qHolders, int64(id)).Scan(&n); err != nil {
		return 0, fmt.Errorf("holders: %w", err)
	}
	return n, nil
}
