package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
)

var templateTime = time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)

func TestATemplateComesBackAsItWasSaved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return templateTime })
	draft := dbtest.Draft(templateTime, "winter", 70, campaigns.WeChatCard)
	draft.Form, draft.ValidUntil = campaigns.ClassicForm(), draft.EndsAt.Add(48*time.Hour)
	c, err := s.Create(ctx, campaigns.Actor{Name: "test"}, draft)
	ok(t, err)
	ok(t, s.SaveTemplate(ctx, campaigns.Actor{}, c.ID, " 冬天 "))
	if err := s.SaveTemplate(ctx, campaigns.Actor{}, c.ID, "冬天"); !errors.Is(err, campaigns.ErrTemplateTaken) {
		t.Errorf("the same name again: %v", err)
	}
	list, err := s.Templates(ctx)
	ok(t, err)
	must(t, len(list) == 1 && list[0].Name == "冬天" && list[0].CreatedAt.Equal(templateTime), "%+v", list)
	found, err := s.Template(ctx, list[0].ID)
	ok(t, err)
	again := campaigns.Draft{Account: c.Account, Slug: c.Slug, StartsAt: draft.StartsAt, Zone: draft.Zone}
	found.Fill(&again)
	again.Name, again.Version = draft.Name, 0
	if want := draft; fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", want) {
		t.Errorf("the template makes\n%+v, want\n%+v", again, want)
	}
	ok(t, s.DeleteTemplate(ctx, campaigns.Actor{}, list[0].ID))
	ok(t, s.DeleteTemplate(ctx, campaigns.Actor{}, list[0].ID))
	if _, err := s.Template(ctx, list[0].ID); !errors.Is(err, campaigns.ErrTemplateNotFound) {
		t.Errorf("a deleted template: %v", err)
	}
	for n := range campaigns.MaxTemplates {
		ok(t, s.SaveTemplate(ctx, campaigns.Actor{}, c.ID, fmt.Sprint("template ", n)))
	}
	if err := s.SaveTemplate(ctx, campaigns.Actor{}, c.ID, "one more"); !errors.Is(err, campaigns.ErrTemplatesFull) {
		t.Errorf("one template too many: %v", err)
	}
}

func TestOnlyADraftThatNobodyClaimedIsDeleted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return templateTime })
	refused := func(what string, id campaigns.ID) {
		t.Helper()
		if err := s.DeleteDraft(ctx, campaigns.Actor{}, id); !errors.Is(err, campaigns.ErrWrongState) {
			t.Errorf("%s: %v", what, err)
		}
		_, _, err := d.CheckStock(ctx, id)
		ok(t, err)
	}
	c := dbtest.Publish(t, s, dbtest.Draft(templateTime, "running", 5, campaigns.OwnCode))
	refused("a running one", c.ID)
	ok(t, s.End(ctx, campaigns.Actor{}, c.ID))
	refused("an ended one", c.ID)
	ok(t, s.Archive(ctx, campaigns.Actor{}, c.ID))
	refused("an archived one", c.ID)

	claimed := dbtest.Publish(t, s, dbtest.Draft(templateTime, "claimed", 5, campaigns.OwnCode))
	_, _, err := s.Claim(ctx, campaigns.Tap{Slug: "claimed", Visitor: dbtest.Visitor(t, s, 1).ID, Key: "key-00000001"})
	ok(t, err)
	ok(t, d.SetStatus(ctx, claimed.ID, []campaigns.Status{campaigns.StatusPublished}, campaigns.StatusDraft, "", templateTime, campaigns.Audit{}))
	refused("a draft with a claim", claimed.ID)

	draft, err := s.Create(ctx, campaigns.Actor{}, dbtest.Draft(templateTime, "draft", 5, campaigns.OwnCode))
	ok(t, err)
	_, err = s.BySlug(ctx, "draft")
	must(t, errors.Is(err, campaigns.ErrCampaignNotFound), "a draft is found by its link: %v", err)
	ok(t, s.DeleteDraft(ctx, campaigns.Actor{}, draft.ID))
	if _, err := s.Campaign(ctx, draft.ID); !errors.Is(err, campaigns.ErrCampaignNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
	if err := s.DeleteDraft(ctx, campaigns.Actor{}, draft.ID); !errors.Is(err, campaigns.ErrCampaignNotFound) {
		t.Errorf("deleted again: %v", err)
	}
	_, err = s.Create(ctx, campaigns.Actor{}, dbtest.Draft(templateTime, "draft", 5, campaigns.OwnCode))
	ok(t, err)
}

// A row that hangs on a campaign would keep its draft from being deleted, so each such
// table is deleted with it, goes by itself, or cannot have rows of a draft.
func TestDeletingADraftKnowsWhatHangsOnCampaigns(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dbtest.OpenAt(t, folder)
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	rows, err := raw.Query(`SELECT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' AND f."table" = 'campaigns' AND f.on_delete <> 'CASCADE' ORDER BY m.name`)
	ok(t, err)
	defer func() { _ = rows.Close() }()
	// A draft has no claims, and orders and redemptions belong to claims.
	known := []string{"campaign_stock", "channels", "claims", "orders", "redemptions", "visitor_quotas"}
	for rows.Next() {
		var table string
		ok(t, rows.Scan(&table))
		if !slices.Contains(known, table) {
			t.Errorf("rows of %s would keep a draft from being deleted: delete them in DeleteDraft or with ON DELETE CASCADE", table)
		}
	}
	ok(t, rows.Err())
}

func TestAScratchLedgerIsGoneAfterUse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	store, remove, err := db.Scratch(context.Background())
	ok(t, err)
	s := campaigns.New(campaigns.Options{Store: store})
	list, err := s.Campaigns(context.Background(), campaigns.CampaignFilter{})
	must(t, err == nil && len(list) == 0, "a new ledger: %v, %v", list, err)
	before, err := os.ReadDir(os.TempDir())
	ok(t, err)
	ok(t, remove())
	after, err := os.ReadDir(os.TempDir())
	ok(t, err)
	must(t, len(before) == 1 && len(after) == 0, "%d folders before, %d after", len(before), len(after))
}
