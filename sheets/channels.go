package sheets

import (
	"context"
	"io"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// Channels writes a campaign's channels as an xlsx file to w, its words in the language of
// ctx. link makes the address of a channel's short link.
func Channels(ctx context.Context, w io.Writer, c *campaigns.Campaign, rows []campaigns.ChannelStats, link func(*campaigns.Channel) string, created time.Time) (Result, error) {
	var columns []Column
	for _, name := range []struct {
		key  string
		kind Kind
	}{
		{"name", Text},
		{"code", Text},
		{"note", Text},
		{"link", Text},
		{"state", Text},
		{"scans", Number},
		{"claims", Number},
		{"rate", Text},
		{"cost", Money},
		{"unit", Money},
		{"last", Time},
		{"created", Time},
	} {
		columns = append(columns, Column{Header: i18n.T(ctx, "channels.column."+name.key), Kind: name.kind})
	}
	columns[0].Width, columns[3].Width = 28, 40
	x := NewWriter(w, Options{Sheet: i18n.T(ctx, "channels.title"), Title: c.Name, Columns: columns, Zone: c.Zone, Created: created})
	defer x.Discard()
	for i := range rows {
		r := &rows[i]
		state, rate, unit := "on", "", Cell{kind: empty}
		if r.Disabled {
			state = "off"
		}
		if permille, ok := r.ClaimRate(); ok {
			rate = campaigns.Percent(permille)
		}
		if fen, ok := r.CostPerClaim(); ok {
			unit = Fen(fen)
		}
		err := x.Write([]Cell{
			String(r.Name), String(r.Code), String(r.Note), String(link(&r.Channel)), String(i18n.T(ctx, "channels.state."+state)), Int(r.Scans), Int(r.Claims),
			String(rate), Fen(r.Cost), unit, At(r.LastScan), At(r.CreatedAt),
		})
		if err != nil {
			return Result{}, err
		}
	}
	return x.Close()
}
