package sheets

import (
	"context"
	"io"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// campaignColumns are the columns of an export of campaigns.
var campaignColumns = []struct {
	key  string
	kind Kind
}{
	{"name", Text},
	{"slug", Text},
	{"state", Text},
	{"starts", Time},
	{"ends", Time},
	{"total", Number},
	{"confirmed", Number},
	{"held", Number},
	{"left", Number},
	{"today", Number},
	{"visits", Number},
	{"redeemed", Number},
	{"channels", Number},
	{"tags", Text},
	{"owner", Text},
}

// Campaigns writes the numbers of campaigns as a file to w, its words in the language of
// ctx, states as of created. Nothing in it is about a person.
func Campaigns(ctx context.Context, w io.Writer, rows []campaigns.Overview, asCSV bool, created time.Time) (Result, error) {
	columns := make([]Column, len(campaignColumns))
	for i, c := range campaignColumns {
		columns[i] = Column{Header: i18n.T(ctx, "shell.stats."+c.key), Kind: c.kind}
	}
	x := NewTable(&cancellable{ctx, w}, asCSV, Options{Sheet: i18n.T(ctx, "admin.campaigns.title"), Columns: columns, Zone: campaigns.Shanghai(), Created: created})
	defer x.Discard()
	for i := range rows {
		o := &rows[i]
		err := x.Write([]Cell{
			String(o.Name), String(string(o.Slug)), String(i18n.T(ctx, "admin.campaign_state."+string(o.State(created)))), At(o.StartsAt), At(o.EndsAt),
			Int(o.Stock.Total), Int(o.Stock.Confirmed), Int(o.Stock.Held), Int(o.Stock.Left()), Int(o.Today), Int(o.Visits), Int(o.Redeemed), Int(o.Channels),
			String(strings.Join(o.Tags, " ")), String(o.OwnerName),
		})
		if err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}
