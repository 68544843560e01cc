package admin

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
)

// CampaignQuery is the campaign list's state as its address holds it.
type CampaignQuery struct {
	State   string // a campaigns.State, "" or "all" = all but archived
	Search  string
	Account string // "" = the remembered one, "all" = every one
	Tag     string
	Owner   string
	When    string // ending or new
	Sort    string
	View    string // the saved view that was opened
	Page    int    // 0 and 1 = the first
}

// Values is the query without what is empty.
func (q CampaignQuery) Values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"state": q.State, "q": q.Search, "account": q.Account, "tag": q.Tag, "owner": q.Owner, "when": q.When, "sort": q.Sort, "view": q.View,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	return v
}

// URL is the address of the list, or of another page with the same filter.
func (q CampaignQuery) URL(path string) string {
	if text := q.Values().Encode(); text != "" {
		return path + "?" + text
	}
	return path
}

// Saved is the query as views keep it: without the page and the view itself.
func (q CampaignQuery) Saved() string {
	q.Page, q.View = 0, ""
	return q.Values().Encode()
}

// with is the query with one value changed, on its first page.
func (q CampaignQuery) with(name, value string) CampaignQuery {
	q.Page = 0
	switch name {
	case "state":
		q.State = value
	case "tag":
		q.Tag = value
	case "owner":
		q.Owner = value
	}
	return q
}

// CampaignProblem is something about a campaign that somebody should look at.
type CampaignProblem struct{ Words, Path string }

// CampaignList is the page with every campaign.
type CampaignList struct {
	Query      CampaignQuery
	Page       *campaigns.OverviewPage
	Pages      int
	Problems   map[campaigns.ID][]CampaignProblem
	Views      []campaigns.SavedView
	Default    string // id of the view that the person opens the list with
	Me         string // id of the person
	HasAccount bool
	CanWrite   bool
	CanSetUp   bool // may add an official account
	CanExport  bool
	Now        time.Time
	ViewErrors ui.Errors // of a view that was not saved
	ViewName   string
}

const listPath = "/admin/campaigns"

func (l *CampaignList) state() campaigns.State {
	if l.Query.State == "all" {
		return ""
	}
	return campaigns.State(l.Query.State)
}

// tabPath is the list with another tab. The tab of all of them says so in the address, or
// the remembered view would open instead.
func (l *CampaignList) tabPath(state campaigns.State) string {
	value := string(state)
	if state == "" {
		value = "all"
	}
	return l.Query.with("state", value).URL(listPath)
}

// count is how many campaigns a tab has; the tab "" hides archived ones.
func (l *CampaignList) count(state campaigns.State) int {
	if state != "" {
		return l.Page.Counts[state]
	}
	n := 0
	for s, c := range l.Page.Counts {
		if s != campaigns.Archived {
			n += c
		}
	}
	return n
}

func (l *CampaignList) pagePath(page int) string {
	q := l.Query
	q.Page = page
	return q.URL(listPath)
}

// view is the saved view that is open, nil = none.
func (l *CampaignList) view() *campaigns.SavedView {
	if i := slices.IndexFunc(l.Views, func(v campaigns.SavedView) bool { return v.ID == l.Query.View }); i >= 0 {
		return &l.Views[i]
	}
	return nil
}

// differs reports whether the open view shows something else than it was saved with.
func (l *CampaignList) differs() bool {
	v := l.view()
	return v != nil && v.Query != l.Query.Saved()
}

// viewPath opens a view: its query, and its name.
func viewPath(v *campaigns.SavedView) string {
	path := listPath + "?view=" + url.QueryEscape(v.ID)
	if v.Query != "" {
		path += "&" + v.Query
	}
	return path
}

func (l *CampaignList) tagOptions(ctx context.Context) []ui.Option {
	options := []ui.Option{{Value: "", Label: i18n.T(ctx, "shell.filter.tag")}}
	for _, tag := range l.Page.Tags {
		options = append(options, ui.Option{Value: tag, Label: "#" + tag})
	}
	return options
}

func (l *CampaignList) ownerOptions(ctx context.Context) []ui.Option {
	options := []ui.Option{{Value: "", Label: i18n.T(ctx, "shell.filter.owner")}}
	for _, o := range l.Page.Owners {
		options = append(options, ui.Option{Value: o.ID, Label: o.Name})
	}
	return options
}

func whenOptions(ctx context.Context) []ui.Option {
	return []ui.Option{
		{Value: "", Label: i18n.T(ctx, "shell.filter.when")},
		{Value: "day", Label: i18n.T(ctx, "shell.filter.when_day")},
		{Value: "week", Label: i18n.T(ctx, "shell.filter.when_week")},
		{Value: "new", Label: i18n.T(ctx, "shell.filter.when_new")},
	}
}

func sortOptions(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, sort := range campaigns.OverviewSorts() {
		name := string(sort)
		if name == "" {
			name = "life"
		}
		options = append(options, ui.Option{Value: string(sort), Label: i18n.T(ctx, "shell.sort."+name)})
	}
	return options
}

func (l *CampaignList) filtered() bool {
	q := l.Query
	q.Account, q.View, q.Sort, q.Page = "", "", "", 0
	return len(q.Values()) > 0
}

// outlook is the second line of the stock: when it will be gone.
func outlook(ctx context.Context, o *campaigns.Overview, now time.Time) string {
	switch what, at := o.Outlook(now); what {
	case campaigns.OutlookGone:
		return i18n.T(ctx, "shell.outlook.gone")
	case campaigns.OutlookIdle:
		return i18n.T(ctx, "shell.outlook.idle")
	case campaigns.OutlookLasts:
		return i18n.T(ctx, "shell.outlook.lasts")
	case campaigns.OutlookEmpty:
		layout := "15:04"
		if at.Sub(now) > 20*time.Hour {
			layout = "01-02 15:04"
		}
		return i18n.T(ctx, "shell.outlook.empty", "at", at.In(o.Zone).Format(layout))
	}
	return ""
}

// change is today against yesterday at this time: ↑18%.
func change(n *campaigns.Numbers) string {
	percent, ok := n.Change()
	switch {
	case !ok || percent == 0:
		return ""
	case percent > 0:
		return "↑" + strconv.FormatInt(percent, 10) + "%"
	}
	return "↓" + strconv.FormatInt(-percent, 10) + "%"
}

// ratio is part of whole in percent; "—" when there is no whole.
func ratio(part, whole int64) string {
	if whole <= 0 {
		return "—"
	}
	if percent := part * 100 / whole; percent > 0 || part == 0 {
		return strconv.FormatInt(percent, 10) + "%"
	}
	return "<1%"
}

// hourBar is one hour of the sparkline, in a box 96 wide and 20 high.
type hourBar struct {
	X, Y, Height, Title string
}

func bars(ctx context.Context, o *campaigns.Overview, now time.Time) []hourBar {
	most := max(slices.Max(o.Hours[:]), 1)
	start := campaigns.WindowOf(&o.Campaign, now).HoursFrom
	list := make([]hourBar, len(o.Hours))
	for i, n := range o.Hours {
		height := int64(1)
		if n > 0 {
			height = max(2, n*20/most)
		}
		from := start.Add(time.Duration(i) * time.Hour).In(o.Zone)
		list[i] = hourBar{
			X: strconv.Itoa(i * 4), Y: strconv.FormatInt(20-height, 10), Height: strconv.FormatInt(height, 10),
			Title: i18n.T(ctx, "shell.spark.hour", "hour", from.Format("01-02 15:00"), "claims", i18n.Number(ctx, n)),
		}
	}
	return list
}

func sum(hours [24]int64) (n int64) {
	for _, h := range hours {
		n += h
	}
	return n
}

func canPause(state campaigns.State) bool {
	return state == campaigns.Running || state == campaigns.Scheduled
}

func canArchive(state campaigns.State) bool {
	return state == campaigns.Ended || state == campaigns.Unpublished
}

// chips are the filters that are on, each with the list without it.
type chip struct{ Words, Path string }

func (l *CampaignList) chips(ctx context.Context) []chip {
	var on []chip
	if l.Query.Tag != "" {
		on = append(on, chip{"#" + l.Query.Tag, l.Query.with("tag", "").URL(listPath)})
	}
	if l.Query.Owner != "" {
		name := l.Query.Owner
		for _, o := range l.Page.Owners {
			if o.ID == l.Query.Owner {
				name = o.Name
			}
		}
		on = append(on, chip{i18n.T(ctx, "shell.filter.owner_is", "name", name), l.Query.with("owner", "").URL(listPath)})
	}
	return on
}

func bulkPath() string { return listPath + "/bulk" }
