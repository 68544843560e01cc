package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/reach"
	"kaquan/wechat"
)

var _ reach.Store = (*DB)(nil)

const (
	ruleColumns = `r.id, r.account, r.name, r.occasion, r.contains, r.words, r.kind, r.body, r.campaign_id, r.channel, r.title, r.detail, r.image,
r.picture_id, r.priority, r.enabled, r.hits, r.last_hit, coalesce(p.media_id, ''), coalesce(p.media_at, 0)
FROM reply_rules r LEFT JOIN reply_pictures p ON p.id = r.picture_id AND p.account = r.account`

	qReplyRules      = `SELECT ` + ruleColumns + ` WHERE r.account = $1 ORDER BY r.id LIMIT 1000`
	qReplyRule       = `SELECT ` + ruleColumns + ` WHERE r.account = $1 AND r.id = $2`
	qCountReplyRules = `SELECT count(*) FROM reply_rules WHERE account = $1`
	qInsertReplyRule = `INSERT INTO reply_rules (account, name, occasion, contains, words, kind, body, campaign_id, channel, title, detail, image, picture_id, priority, enabled, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`
	qUpdateReplyRule = `UPDATE reply_rules SET name = $2, occasion = $3, contains = $4, words = $5, kind = $6, body = $7, campaign_id = $8, channel = $9,
title = $10, detail = $11, image = $12, picture_id = $13, priority = $14, enabled = $15 WHERE account = $1 AND id = $16`
	qSwitchReplyRule = `UPDATE reply_rules SET enabled = $3 WHERE account = $1 AND id = $2`
	qDeleteReplyRule = `DELETE FROM reply_rules WHERE account = $1 AND id = $2`
	qHitReplyRule    = `UPDATE reply_rules SET hits = hits + 1, last_hit = max(last_hit, $2) WHERE id = $1`

	pictureColumns      = `p.id, p.account, p.content, p.digest, p.media_id, p.media_at, p.created_at FROM reply_pictures p`
	qInsertReplyPicture = `INSERT INTO reply_pictures (account, digest, content, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (account, digest) DO UPDATE SET try_at = 0 RETURNING id`
	qReplyPicture = `SELECT ` + pictureColumns + ` WHERE p.account = $1 AND p.id = $2`
	qDuePictures  = `SELECT ` + pictureColumns + ` WHERE p.media_at < $1 AND p.try_at <= $2
AND EXISTS (SELECT 1 FROM reply_rules r WHERE r.account = p.account AND r.picture_id = p.id AND r.kind = 'picture' AND r.enabled = 1) ORDER BY p.id LIMIT $3`
	qPictureSent    = `UPDATE reply_pictures SET media_id = $2, media_at = $3, try_at = 0 WHERE id = $1`
	qPictureFailed  = `UPDATE reply_pictures SET try_at = $2 WHERE id = $1`
	qUnusedPictures = `DELETE FROM reply_pictures WHERE account = $1 AND created_at < $2 AND id NOT IN (SELECT picture_id FROM reply_rules WHERE account = $1)`

	sceneColumns = `s.account, s.scene, s.name, s.channel, s.ticket, s.url, s.permanent, s.created_at, s.expires_at`
	qScenes      = `SELECT ` + sceneColumns + `, count(x.at), coalesce(sum(x.first), 0), coalesce(max(x.at), 0)
FROM scenes s LEFT JOIN scene_scans x ON x.account = s.account AND x.scene = s.scene
WHERE s.account = $1 GROUP BY s.account, s.scene ORDER BY s.created_at DESC, s.scene LIMIT 1000`
	qScene     = `SELECT ` + sceneColumns + `, 0, 0, 0 FROM scenes s WHERE s.account = $1 AND s.scene = $2`
	qSaveScene = `INSERT INTO scenes (account, scene, name, channel, ticket, url, permanent, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (account, scene) DO UPDATE SET name = excluded.name, channel = excluded.channel, ticket = excluded.ticket, url = excluded.url,
permanent = excluded.permanent, created_at = excluded.created_at, expires_at = excluded.expires_at`
	qDeleteScene = `DELETE FROM scenes WHERE account = $1 AND scene = $2`
	qSceneScan   = `INSERT INTO scene_scans (dedupe, account, scene, person, follows, first, at) VALUES ($1, $2, $3, $4, $5,
$5 = 1 AND NOT EXISTS (SELECT 1 FROM scene_scans WHERE account = $2 AND person = $4 AND follows = 1), $6) ON CONFLICT (dedupe) DO NOTHING`

	qMenu      = `SELECT draft, draft_at, draft_by, published, published_at FROM menus WHERE account = $1`
	qMenuDraft = `INSERT INTO menus (account, draft, draft_at, draft_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (account) DO UPDATE SET draft = excluded.draft, draft_at = excluded.draft_at, draft_by = excluded.draft_by`
	qMenuPublished = `INSERT INTO menus (account, published, published_at) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET published = excluded.published, published_at = excluded.published_at`

	qBeginStock   = `INSERT INTO stock_changes (key, account, card_id, delta, by_name, outcome, at) VALUES ($1, $2, $3, $4, $5, 'pending', $6) ON CONFLICT (key) DO NOTHING`
	qStockOutcome = `SELECT outcome FROM stock_changes WHERE key = $1`
	qEndStock     = `UPDATE stock_changes SET outcome = $2 WHERE key = $1`
)

// ReachCampaign implements reach.Store.
func (d *DB) ReachCampaign(ctx context.Context, account string, id int64) (reach.Campaign, error) {
	c, err := d.CampaignByID(ctx, campaigns.ID(id))
	if err != nil {
		return reach.Campaign{}, err
	}
	if string(c.Account) != account {
		return reach.Campaign{}, campaigns.ErrCampaignNotFound
	}
	out := reach.Campaign{
		ID: id, Name: c.Name, Slug: string(c.Slug), Title: c.Share.Title, Detail: c.Share.Desc, Image: c.Share.Image,
		Public: c.Status != campaigns.StatusDraft && c.Status != campaigns.StatusArchived,
	}
	if out.Title == "" {
		out.Title = c.Texts.Benefit
	}
	if out.Detail == "" {
		out.Detail = c.Texts.Intro
	}
	return out, nil
}

// ReplyRules implements reach.Store.
func (d *DB) ReplyRules(ctx context.Context, account string) ([]reach.Rule, error) {
	rows, err := d.rows(ctx, qReplyRules, account)
	return collect(rows, err, scanRule)
}

// ReplyRule implements reach.Store.
func (d *DB) ReplyRule(ctx context.Context, account string, id int64) (reach.Rule, error) {
	r, err := scanRule(d.row(ctx, qReplyRule, account, id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, reach.ErrRuleNotFound
	}
	return r, err
}

func scanRule(row scanner) (reach.Rule, error) {
	var (
		r     reach.Rule
		words string
	)
	err := row.Scan(&r.ID, &r.Account, &r.Name, &r.Trigger, &r.Contains, &words, &r.Kind, &r.Text, &r.Campaign, &r.Channel, &r.Title, &r.Detail, &r.Image,
		&r.Picture, &r.Priority, &r.Enabled, &r.Hits, (*instant)(&r.LastHit), &r.Media.ID, (*instant)(&r.Media.CreatedAt))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(words), &r.Words)
}

// SaveReplyRule implements reach.Store.
func (d *DB) SaveReplyRule(ctx context.Context, r reach.Rule, now time.Time) (int64, error) {
	words, err := json.Marshal(r.Words)
	if err != nil {
		return 0, err
	}
	id := r.ID
	err = d.Write(ctx, func(tx *Tx) error {
		args := []any{
			r.Account, r.Name, string(r.Trigger), r.Contains, string(words), string(r.Kind), r.Text, r.Campaign, r.Channel,
			r.Title, r.Detail, r.Image, r.Picture, r.Priority, r.Enabled,
		}
		if r.ID != 0 {
			n, err := tx.exec(qUpdateReplyRule, append(args, r.ID)...)
			if err == nil && n == 0 {
				err = reach.ErrRuleNotFound
			}
			return err
		}
		var there int
		if err := tx.row(qCountReplyRules, r.Account).Scan(&there); err != nil {
			return err
		}
		if there >= reach.MaxRules {
			return reach.ErrTooManyRules
		}
		return tx.row(qInsertReplyRule, append(args, ms(now))...).Scan(&id)
	})
	return id, err
}

// SwitchReplyRule implements reach.Store.
func (d *DB) SwitchReplyRule(ctx context.Context, account string, id int64, on bool) error {
	return d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qSwitchReplyRule, account, id, on)
		if err == nil && n == 0 {
			err = reach.ErrRuleNotFound
		}
		return err
	})
}

// DeleteReplyRule implements reach.Store. Pictures that no rule uses go along, except the
// newest: somebody may be writing their rule.
func (d *DB) DeleteReplyRule(ctx context.Context, account string, id int64) error {
	return d.Write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(qDeleteReplyRule, account, id); err != nil {
			return err
		}
		_, err := tx.exec(qUnusedPictures, account, ms(time.Now().Add(-time.Hour)))
		return err
	})
}

// HitReplyRule implements reach.Store.
func (d *DB) HitReplyRule(ctx context.Context, id int64, now time.Time) error {
	return d.do(ctx, qHitReplyRule, id, ms(now))
}

// do runs one statement in a write of its own.
func (d *DB) do(ctx context.Context, query string, args ...any) error {
	return d.Write(ctx, func(tx *Tx) error {
		_, err := tx.exec(query, args...)
		return err
	})
}

// SaveReplyPicture implements reach.Store.
func (d *DB) SaveReplyPicture(ctx context.Context, p reach.Picture) (int64, error) {
	var id int64
	err := d.Write(ctx, func(tx *Tx) error {
		return tx.row(qInsertReplyPicture, p.Account, p.Digest, p.Content, ms(p.CreatedAt)).Scan(&id)
	})
	return id, err
}

// ReplyPicture implements reach.Store.
func (d *DB) ReplyPicture(ctx context.Context, account string, id int64) (reach.Picture, error) {
	p, err := scanPicture(d.row(ctx, qReplyPicture, account, id))
	if errors.Is(err, sql.ErrNoRows) {
		return p, reach.ErrPictureNotFound
	}
	return p, err
}

// DueReplyPictures implements reach.Store.
func (d *DB) DueReplyPictures(ctx context.Context, before, now time.Time, limit int) ([]reach.Picture, error) {
	rows, err := d.rows(ctx, qDuePictures, ms(before), ms(now), limit)
	return collect(rows, err, scanPicture)
}

func scanPicture(row scanner) (reach.Picture, error) {
	var p reach.Picture
	return p, row.Scan(&p.ID, &p.Account, &p.Content, &p.Digest, &p.Media.ID, (*instant)(&p.Media.CreatedAt), (*instant)(&p.CreatedAt))
}

// ReplyPictureSent implements reach.Store.
func (d *DB) ReplyPictureSent(ctx context.Context, id int64, m wechat.Media) error {
	return d.do(ctx, qPictureSent, id, m.ID, ms(m.CreatedAt))
}

// ReplyPictureFailed implements reach.Store.
func (d *DB) ReplyPictureFailed(ctx context.Context, id int64, next time.Time) error {
	return d.do(ctx, qPictureFailed, id, ms(next))
}

// Scenes implements reach.Store.
func (d *DB) Scenes(ctx context.Context, account string) ([]reach.Scene, error) {
	rows, err := d.rows(ctx, qScenes, account)
	return collect(rows, err, scanScene)
}

// Scene implements reach.Store; the counts stay zero.
func (d *DB) Scene(ctx context.Context, account, scene string) (sc reach.Scene, found bool, err error) {
	sc, err = scanScene(d.row(ctx, qScene, account, scene))
	if errors.Is(err, sql.ErrNoRows) {
		return sc, false, nil
	}
	return sc, err == nil, err
}

func scanScene(row scanner) (reach.Scene, error) {
	var s reach.Scene
	return s, row.Scan(&s.Account, &s.Scene, &s.Name, &s.Channel, &s.Ticket, &s.URL, &s.Permanent, (*instant)(&s.CreatedAt), (*instant)(&s.ExpiresAt),
		&s.Scans, &s.Followers, (*instant)(&s.LastScan))
}

// SaveScene implements reach.Store.
func (d *DB) SaveScene(ctx context.Context, s reach.Scene) error {
	return d.do(ctx, qSaveScene, s.Account, s.Scene, s.Name, s.Channel, s.Ticket, s.URL, s.Permanent, ms(s.CreatedAt), ms(s.ExpiresAt))
}

// DeleteScene implements reach.Store.
func (d *DB) DeleteScene(ctx context.Context, account, scene string) error {
	return d.do(ctx, qDeleteScene, account, scene)
}

// SceneScanned implements reach.Store.
func (d *DB) SceneScanned(ctx context.Context, s reach.Scan) error {
	mac := hmac.New(sha256.New, d.Key("people who scan"))
	mac.Write([]byte(s.Account + " " + string(s.OpenID)))
	return d.do(ctx, qSceneScan, s.Dedupe, s.Account, s.Scene, mac.Sum(nil), s.Follows, ms(s.At))
}

// MenuState implements reach.Store.
func (d *DB) MenuState(ctx context.Context, account string) (reach.MenuState, error) {
	var (
		m                reach.MenuState
		draft, published string
	)
	err := d.row(ctx, qMenu, account).Scan(&draft, (*instant)(&m.DraftAt), &m.DraftBy, &published, (*instant)(&m.PublishedAt))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return m, nil
	case err != nil:
		return m, err
	}
	return m, errors.Join(json.Unmarshal([]byte(draft), &m.Draft), json.Unmarshal([]byte(published), &m.Published))
}

// SaveMenuDraft implements reach.Store.
func (d *DB) SaveMenuDraft(ctx context.Context, account string, m wechat.Menu, by string, now time.Time) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return d.do(ctx, qMenuDraft, account, string(text), ms(now), by)
}

// SavePublishedMenu implements reach.Store.
func (d *DB) SavePublishedMenu(ctx context.Context, account string, m wechat.Menu, now time.Time) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return d.do(ctx, qMenuPublished, account, string(text), ms(now))
}

// BeginStockChange implements reach.Store.
func (d *DB) BeginStockChange(ctx context.Context, c reach.StockChange) (first bool, earlier reach.Outcome, err error) {
	err = d.Write(ctx, func(tx *Tx) error {
		n, err := tx.exec(qBeginStock, c.Key, c.Account, string(c.Card), c.Delta, c.By, ms(c.At))
		if err != nil || n == 1 {
			first = n == 1
			return err
		}
		return tx.row(qStockOutcome, c.Key).Scan(&earlier)
	})
	return first, earlier, err
}

// EndStockChange implements reach.Store.
func (d *DB) EndStockChange(ctx context.Context, key string, o reach.Outcome) error {
	return d.do(ctx, qEndStock, key, string(o))
}
