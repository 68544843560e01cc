package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// Rehearsal is the page on which a campaign is tried out. Result is nil before.
type Rehearsal struct {
	Campaign *campaigns.Campaign
	Plan     campaigns.RehearsalPlan
	Result   *campaigns.Rehearsal
	Errors   ui.Errors
}

func rehearsalPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/rehearsal" }

// general are the messages that belong to no single field of the page, such as those
// about the campaign's own settings.
func (v Rehearsal) general() []string {
	own := map[string]bool{"visitors": true, "curve": true, "seed": true}
	for _, b := range campaigns.Behaviours {
		own["share_"+string(b)] = true
	}
	messages := v.Errors.Of("")
	for _, field := range slices.Sorted(maps.Keys(v.Errors)) {
		if field != "" && !own[field] {
			messages = append(messages, v.Errors.Of(field)...)
		}
	}
	return messages
}

func (v Rehearsal) visitors(ctx context.Context) ui.Input {
	in := ui.Input{Name: "visitors", Type: "select", Label: i18n.T(ctx, "rehearsal.visitors"), Value: strconv.Itoa(v.Plan.Visitors), Errors: v.Errors.Of("visitors")}
	for _, n := range campaigns.RehearsalSizes {
		in.Options = append(in.Options, ui.Option{Value: strconv.Itoa(n), Label: i18n.T(ctx, "rehearsal.people", "count", i18n.Number(ctx, int64(n)))})
	}
	return in
}

func (v Rehearsal) curve(ctx context.Context) ui.Input {
	in := ui.Input{Name: "curve", Type: "select", Label: i18n.T(ctx, "rehearsal.curve"), Value: string(v.Plan.Curve), Errors: v.Errors.Of("curve")}
	for _, c := range campaigns.Curves {
		in.Options = append(in.Options, ui.Option{Value: string(c), Label: i18n.T(ctx, "rehearsal.curve."+string(c))})
	}
	return in
}

func (v Rehearsal) seed(ctx context.Context) ui.Input {
	return ui.Input{
		Name: "seed", Label: i18n.T(ctx, "rehearsal.seed"), Value: strconv.FormatUint(v.Plan.Seed, 10), Errors: v.Errors.Of("seed"),
		Hint: i18n.T(ctx, "rehearsal.seed_hint"), Attrs: digits, Autocomplete: "off",
	}
}

func (v Rehearsal) share(ctx context.Context, b campaigns.Behaviour) ui.Input {
	name := "share_" + string(b)
	return ui.Input{
		Name: name, Label: i18n.T(ctx, "rehearsal.behaviour."+string(b)), Value: strconv.Itoa(v.Plan.Shares[b]), Errors: v.Errors.Of(name),
		Attrs: digits, Autocomplete: "off",
	}
}

// shares are the behaviours that can be chosen for the campaign.
func (v Rehearsal) shares() []campaigns.Behaviour {
	var list []campaigns.Behaviour
	for _, b := range campaigns.Behaviours[1:] {
		if b.Applies(v.Campaign) {
			list = append(list, b)
		}
	}
	return list
}

func (v Rehearsal) when(ctx context.Context, t time.Time) string {
	if i18n.Lang(ctx) == i18n.EN {
		return t.In(v.Campaign.Zone).Format("2 Jan 15:04:05")
	}
	return t.In(v.Campaign.Zone).Format("1月2日 15:04:05")
}

func (v Rehearsal) finding(ctx context.Context, f campaigns.Finding) string {
	return i18n.T(ctx, "rehearsal.finding."+f.Kind, "count", i18n.Number(ctx, f.Count), "at", v.when(ctx, f.At), "span", ui.Span(ctx, f.Span), "hold", ui.Span(ctx, v.Campaign.Hold))
}

// summary is the chart as a sentence.
func (v Rehearsal) summary(ctx context.Context) string {
	r := v.Result
	if r.DepletedAt.IsZero() {
		return i18n.T(ctx, "rehearsal.chart.left", "total", i18n.Number(ctx, r.Stock.Total), "left", i18n.Number(ctx, r.Stock.Left()))
	}
	return i18n.T(ctx, "rehearsal.chart.gone", "total", i18n.Number(ctx, r.Stock.Total), "at", v.when(ctx, r.DepletedAt))
}

// The chart's own units; the page stretches it.
const chartWide, chartHigh = 600, 180

// height is where a number of units is in the chart.
func (v Rehearsal) height(left int64) float64 {
	low := min(0, -v.Result.Overdraft)
	return 4 + (chartHigh-8)*(1-float64(left-low)/float64(max(1, v.Result.Stock.Total-low)))
}

// line is the stock as steps; area closes it at zero.
func (v Rehearsal) line() string {
	var path strings.Builder
	for i, level := range v.Result.Levels {
		x := float64(chartWide) * float64(i) / float64(max(1, len(v.Result.Levels)-1))
		if i == 0 {
			fmt.Fprintf(&path, "M%.1f %.1f", x, v.height(level.Left))
			continue
		}
		fmt.Fprintf(&path, "H%.1fV%.1f", x, v.height(level.Left))
	}
	return path.String()
}

func (v Rehearsal) area() string {
	return fmt.Sprintf("%sV%.1fH0Z", v.line(), v.height(0))
}

func (v Rehearsal) zero() string { return fmt.Sprintf("M0 %.1fH%d", v.height(0), chartWide) }

// some are a dozen of the chart's points, for those who read numbers.
func (v Rehearsal) some() []campaigns.StockLevel {
	var few []campaigns.StockLevel
	for i, level := range v.Result.Levels {
		if i%5 == 0 || i == len(v.Result.Levels)-1 {
			few = append(few, level)
		}
	}
	return few
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
