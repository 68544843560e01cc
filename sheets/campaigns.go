package sheets

import (
	"context"
	"io"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// CampaignSheet describes an export of campaigns, with their states as of Created.
type CampaignSheet struct {
	Created time.Time
	CSV     bool
	Plain   bool     // of CSV: for programs
	Columns []string // of campaigns.ExportColumns; nil = all
}

// Campaigns writes the numbers of campaigns as a file to w, its words in the language of
// ctx. Nothing in it is about a visitor.
func Campaigns(ctx context.Context, w io.Writer, rows []campaigns.Overview, o CampaignSheet) (Result, error) {
	columns := chosen(ctx, campaigns.ExportCampaigns, o.Columns, campaignColumns(ctx, o.Created))
	x := NewTable(&cancellable{ctx, w}, o.CSV, Options{
		Sheet: i18n.T(ctx, "admin.campaigns.title"), Columns: columnsOf(columns), Zone: campaigns.Shanghai(), Created: o.Created, Plain: o.Plain,
	})
	defer x.Discard()
	var row []Cell
	for i := range rows {
		row = cellsOf(row, columns, &rows[i])
		if err := x.Write(row); err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}

// campaignColumns are the columns that there can be, by name.
func campaignColumns(ctx context.Context, now time.Time) map[string][]filled[campaigns.Overview] {
	type row = campaigns.Overview
	text := func(of func(*row) string) []filled[row] {
		return one(Column{}, func(r *row) Cell { return String(of(r)) })
	}
	count := func(of func(*row) int64) []filled[row] {
		return one(Column{Kind: Number}, func(r *row) Cell { return Int(of(r)) })
	}
	return map[string][]filled[row]{
		"name":      text(func(r *row) string { return r.Name }),
		"slug":      text(func(r *row) string { return string(r.Slug) }),
		"state":     text(func(r *row) string { return i18n.T(ctx, "admin.campaign_state."+string(r.State(now))) }),
		"starts":    one(Column{Kind: Time}, func(r *row) Cell { return At(r.StartsAt) }),
		"ends":      one(Column{Kind: Time}, func(r *row) Cell { return At(r.EndsAt) }),
		"total":     count(func(r *row) int64 { return r.Stock.Total }),
		"confirmed": count(func(r *row) int64 { return r.Stock.Confirmed }),
		"held":      count(func(r *row) int64 { return r.Stock.Held }),
		"left":      count(func(r *row) int64 { return r.Stock.Left() }),
		"today":     count(func(r *row) int64 { return r.Today }),
		"visits":    count(func(r *row) int64 { return r.Visits }),
		"redeemed":  count(func(r *row) int64 { return r.Redeemed }),
		"channels":  count(func(r *row) int64 { return r.Channels }),
		"tags":      text(func(r *row) string { return strings.Join(r.Tags, " ") }),
		"owner":     text(func(r *row) string { return r.OwnerName }),
	}
}
