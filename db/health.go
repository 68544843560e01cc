package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"kaquan/doctor"
	"kaquan/wechat"
)

var (
	_ doctor.Store   = (*DB)(nil)
	_ doctor.Fetches = (*DB)(nil)
	_ doctor.Pushes  = (*DB)(nil)
)

const (
	incidentColumns = `id, check_name, account, level, what, code, started_at, ended_at, seen`

	qSaveFinding = `INSERT INTO health_latest (check_name, account, at, finding) VALUES ($1, $2, $3, $4)
ON CONFLICT (check_name, account) DO UPDATE SET at = excluded.at, finding = excluded.finding`

	// Two checks within a minute keep the worse level.
	qSaveSample = `INSERT INTO health_samples (minute, check_name, account, level) VALUES ($1, $2, $3, $4)
ON CONFLICT (minute, check_name, account) DO UPDATE SET level = MAX(level, excluded.level)`

	qOpenIncident = `SELECT id, level, cause, started_at, seen FROM health_incidents WHERE check_name = $1 AND account = $2 AND ended_at = 0`

	qInsertIncident = `INSERT INTO health_incidents (id, check_name, account, level, cause, what, code, started_at, seen)
VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM health_incidents), $1, $2, $3, $4, $5, $6, $7, $8)`

	qUpdateIncident = `UPDATE health_incidents SET level = MAX(level, $2), what = $3, seen = $4 WHERE id = $1`
	qEndIncident    = `UPDATE health_incidents SET ended_at = $2 WHERE id = $1`

	// What this write did not touch is not checked any more, as of a removed account.
	qEndOtherIncidents = `UPDATE health_incidents SET ended_at = $1 WHERE ended_at = 0
AND NOT EXISTS (SELECT 1 FROM health_latest l WHERE l.check_name = health_incidents.check_name AND l.account = health_incidents.account AND l.at = $1)`
	qForgetOtherFindings = `DELETE FROM health_latest WHERE at <> $1`

	qLatestFindings = `SELECT finding FROM health_latest`

	qSamples = `SELECT check_name, account, minute - minute % $2 AS bucket, MAX(level) FROM health_samples
WHERE minute >= $1 GROUP BY check_name, account, bucket ORDER BY bucket`

	qIncidents = `SELECT ` + incidentColumns + ` FROM health_incidents ORDER BY ended_at = 0 DESC, started_at DESC, id DESC LIMIT $1`

	qInsertNote = `INSERT INTO health_reports (id, account, kind, at, code, detail, rid)
VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM health_reports), $1, $2, $3, $4, $5, $6)`

	qNotes = `SELECT at, code, detail, rid FROM health_reports WHERE account = $1 AND kind = $2 AND at >= $3 ORDER BY at DESC, id DESC LIMIT $4`

	qDropNotes = `DELETE FROM health_reports WHERE account = $1 AND kind = $2`

	qTrimSamples   = `DELETE FROM health_samples WHERE minute < $1`
	qTrimIncidents = `DELETE FROM health_incidents WHERE ended_at <> 0 AND ended_at < $1`
	qTrimNotes     = `DELETE FROM health_reports WHERE at < $1`

	qCountFetches = `SELECT source, COUNT(*) FROM token_fetches WHERE app_id = $1 AND at >= $2 GROUP BY source`

	qLastPush = `SELECT COALESCE(MAX(received_at), 0) FROM pushes WHERE account_id = $1`

	// The newest reported claim of each campaign, by the index on its state.
	qDemand = `SELECT COUNT(*), COALESCE(MAX((SELECT k.reported_at FROM claims k
  WHERE k.campaign_id = c.id AND k.state = 'reported' ORDER BY k.id DESC LIMIT 1)), 0)
FROM campaigns c WHERE c.account_id = $1 AND c.issuer = 'wechat_card' AND c.status = 'published'`
)

// SaveFindings implements doctor.Store.
func (d *DB) SaveFindings(ctx context.Context, now time.Time, findings []doctor.Finding, all bool) ([]doctor.Finding, error) {
	var saved []doctor.Finding
	err := d.Write(ctx, func(tx *Tx) error {
		saved = slices.Clone(findings) // a group that is rolled back runs again
		for i := range saved {
			f := &saved[i]
			if err := followIncident(tx, now, f); err != nil {
				return err
			}
			raw, err := json.Marshal(f)
			if err != nil {
				return err
			}
			if _, err := tx.exec(qSaveFinding, string(f.Check), f.Account, ms(now), string(raw)); err != nil {
				return err
			}
			if _, err := tx.exec(qSaveSample, ms(now.Truncate(time.Minute)), string(f.Check), f.Account, f.Level.Rank()); err != nil {
				return err
			}
		}
		if !all {
			return nil
		}
		if _, err := tx.exec(qEndOtherIncidents, ms(now)); err != nil {
			return err
		}
		_, err := tx.exec(qForgetOtherFindings, ms(now))
		return err
	})
	return saved, err
}

// followIncident opens, continues or ends the incident of a finding's check.
func followIncident(tx *Tx, now time.Time, f *doctor.Finding) error {
	if f.Level == doctor.Unknown {
		return nil
	}
	var (
		id, started int64
		level, seen int
		cause       string
	)
	err := tx.row(qOpenIncident, string(f.Check), f.Account).Scan(&id, &level, &cause, &started, &seen)
	open := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read incident: %w", err)
	}
	same := f.Level.Problem() && cause == f.What.Key+" "+strconv.Itoa(f.Code)
	if open && !same {
		if _, err := tx.exec(qEndIncident, id, ms(now)); err != nil {
			return err
		}
	}
	if !f.Level.Problem() {
		return nil
	}
	what, err := json.Marshal(f.What)
	if err != nil {
		return err
	}
	if !open || !same {
		if f.Since.IsZero() {
			f.Since = now
		}
		f.Count = max(f.Count, 1)
		_, err := tx.exec(qInsertIncident, string(f.Check), f.Account, f.Level.Rank(), f.What.Key+" "+strconv.Itoa(f.Code), string(what), f.Code, ms(f.Since), f.Count)
		return err
	}
	if f.Since.IsZero() {
		f.Since = at(started)
	}
	if f.Count == 0 {
		f.Count = seen + 1
	}
	_, err = tx.exec(qUpdateIncident, id, f.Level.Rank(), string(what), max(f.Count, seen))
	return err
}

// Latest implements doctor.Store.
func (d *DB) Latest(ctx context.Context) ([]doctor.Finding, error) {
	rows, err := d.rows(ctx, qLatestFindings)
	return collect(rows, err, func(row scanner) (doctor.Finding, error) {
		var (
			raw string
			f   doctor.Finding
		)
		if err := row.Scan(&raw); err != nil {
			return f, err
		}
		return f, json.Unmarshal([]byte(raw), &f)
	})
}

// Samples implements doctor.Store.
func (d *DB) Samples(ctx context.Context, since time.Time, step time.Duration) (map[doctor.Key][]doctor.Sample, error) {
	type line struct {
		key    doctor.Key
		sample doctor.Sample
	}
	rows, err := d.rows(ctx, qSamples, ms(since), max(step, time.Minute).Milliseconds())
	lines, err := collect(rows, err, func(row scanner) (line, error) {
		var (
			l    line
			rank int
		)
		err := row.Scan(&l.key.Check, &l.key.Account, (*instant)(&l.sample.At), &rank)
		l.sample.Level = doctor.LevelOf(rank)
		return l, err
	})
	all := map[doctor.Key][]doctor.Sample{}
	for _, l := range lines {
		all[l.key] = append(all[l.key], l.sample)
	}
	return all, err
}

// Incidents implements doctor.Store.
func (d *DB) Incidents(ctx context.Context, limit int) ([]doctor.Incident, error) {
	rows, err := d.rows(ctx, qIncidents, limit)
	return collect(rows, err, func(row scanner) (doctor.Incident, error) {
		var (
			i    doctor.Incident
			rank int
			what string
		)
		err := row.Scan(&i.ID, &i.Check, &i.Account, &rank, &what, &i.Code, (*instant)(&i.Start), (*instant)(&i.End), &i.Count)
		if err != nil {
			return i, err
		}
		i.Level = doctor.LevelOf(rank)
		return i, json.Unmarshal([]byte(what), &i.What)
	})
}

// AddReport implements doctor.Store.
func (d *DB) AddReport(ctx context.Context, r doctor.Report) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qInsertNote, r.Account, string(r.Kind), ms(r.At), r.Code, r.Detail, r.RID)
		return err
	})
}

// Reports implements doctor.Store.
func (d *DB) Reports(ctx context.Context, account string, kind doctor.ReportKind, since time.Time, limit int) ([]doctor.Report, error) {
	rows, err := d.rows(ctx, qNotes, account, string(kind), ms(since), limit)
	return collect(rows, err, func(row scanner) (doctor.Report, error) {
		r := doctor.Report{Account: account, Kind: kind}
		return r, row.Scan((*instant)(&r.At), &r.Code, &r.Detail, &r.RID)
	})
}

// DropReports implements doctor.Store.
func (d *DB) DropReports(ctx context.Context, account string, kind doctor.ReportKind) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(qDropNotes, account, string(kind))
		return err
	})
}

// TrimHealth implements doctor.Store.
func (d *DB) TrimHealth(ctx context.Context, samples, rest time.Time) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qTrimSamples, ms(samples)); err != nil {
			return err
		}
		if _, err := tx.exec(qTrimIncidents, ms(rest)); err != nil {
			return err
		}
		_, err := tx.exec(qTrimNotes, ms(rest))
		return err
	})
}

// FetchCounts implements doctor.Fetches.
func (d *DB) FetchCounts(ctx context.Context, app wechat.AppID, since time.Time) (map[string]int, error) {
	type line struct {
		source string
		count  int
	}
	rows, err := d.rows(ctx, qCountFetches, string(app), ms(since))
	lines, err := collect(rows, err, func(row scanner) (line, error) {
		var l line
		return l, row.Scan(&l.source, &l.count)
	})
	counts := map[string]int{}
	for _, l := range lines {
		counts[l.source] = l.count
	}
	return counts, err
}

// LastPush implements doctor.Pushes.
func (d *DB) LastPush(ctx context.Context, account string) (time.Time, error) {
	var last time.Time
	err := d.row(ctx, qLastPush, account).Scan((*instant)(&last))
	return last, err
}

// Demand implements doctor.Pushes.
func (d *DB) Demand(ctx context.Context, account string) (doctor.Demand, error) {
	var (
		need  doctor.Demand
		cards int
	)
	err := d.row(ctx, qDemand, account).Scan(&cards, (*instant)(&need.LastReported))
	need.Cards = cards > 0
	return need, err
}
