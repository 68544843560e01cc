package campaigns

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Overview is a campaign as the list shows it. Of the campaign's wide fields only
// Texts.Benefit is read.
type Overview struct {
	Campaign
	Tags      []string // in order
	Owner     string   // id of the person who made it, "" = nobody known
	OwnerName string
	Numbers
}

// Numbers are counted about a campaign at one moment. Counts of claims leave out gifts,
// which are the unit of their giver.
type Numbers struct {
	Visits    int64 // of the claim page
	Redeemed  int64
	Channels  int64
	CardNote  string    // the newest that WeChat said about the card: low_stock, approved, refused or ""
	Today     int64     // confirmed since midnight in the campaign's zone
	Yesterday int64     // until this time of day
	HalfHour  int64     // in the last 30 minutes
	Hours     [24]int64 // the last hours of the clock, the current one at the end
}

// NumbersWindow are the bounds of a campaign's numbers, in its own zone.
type NumbersWindow struct {
	ID             ID
	Today          time.Time // midnight
	From, UpTo     time.Time // yesterday, until this time of day
	Now, HoursFrom time.Time // the end of the counted time; the start of the 24 hours
}

// WindowOf is the window of a campaign at now.
func WindowOf(c *Campaign, now time.Time) NumbersWindow {
	y, m, d := now.In(c.Zone).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, c.Zone)
	yesterday := time.Date(y, m, d-1, 0, 0, 0, 0, c.Zone)
	return NumbersWindow{
		ID: c.ID, Today: today, From: yesterday, UpTo: yesterday.Add(now.Sub(today)),
		Now: now, HoursFrom: now.Truncate(time.Hour).Add(-23 * time.Hour),
	}
}

// Since is the oldest moment that the window needs.
func (w NumbersWindow) Since() time.Time {
	if w.HoursFrom.Before(w.From) {
		return w.HoursFrom
	}
	return w.From
}

// HalfHour is when the last 30 minutes began.
func (w NumbersWindow) HalfHour() time.Time { return w.Now.Add(-paceOfOutlook) }

// End is the end of the current hour.
func (w NumbersWindow) End() time.Time { return w.HoursFrom.Add(24 * time.Hour) }

// OverviewSort is an order of the list.
type OverviewSort string

// The orders. The default is that of a campaign's life: running first, ending soonest.
const (
	SortDefault OverviewSort = ""
	SortName    OverviewSort = "name"
	SortUpdated OverviewSort = "updated"
	SortEnds    OverviewSort = "ends"
	SortLeft    OverviewSort = "left"
)

// OverviewSorts lists every order.
func OverviewSorts() []OverviewSort {
	return []OverviewSort{SortDefault, SortEnds, SortUpdated, SortLeft, SortName}
}

// OverviewFilter selects campaigns of the list; zero values do not filter.
type OverviewFilter struct {
	Account AccountID
	State   State // "" = all but archived
	Search  string
	Tag     string
	Owner   string
	Ending  time.Duration // only those that run and end within
	Made    time.Duration // only those made within
	Sort    OverviewSort
	Page    int  // from 1
	Size    int  // rows of a page; 0 = all of them
	Live    bool // numbers only of campaigns that run or pause; the others have none
}

// OverviewPage is one page of the list. Counts say how many each state has under the rest
// of the filter, so that every tab shows as many rows as it says.
type OverviewPage struct {
	Rows   []Overview
	Total  int // rows of all pages
	All    int // campaigns of the account, whatever the filter
	Counts map[State]int
	Tags   []string // of the account's campaigns
	Owners []OverviewOwner
	IDs    []ID // of all pages
}

// OverviewOwner is somebody who made a campaign.
type OverviewOwner struct{ ID, Name string }

// Overviews is what the store reads for lists of campaigns.
type Overviews interface {
	// Overviews are all campaigns of an account ("" = of every one), with tags and owners
	// and without numbers, in no order.
	Overviews(ctx context.Context, account AccountID) ([]Overview, error)
	// OverviewNumbers counts for all windows at once.
	OverviewNumbers(ctx context.Context, windows []NumbersWindow) (map[ID]Numbers, error)
}

// Overview is one page of the filtered campaigns. It takes as many statements for a
// hundred campaigns as for one.
func (s *Service) Overview(ctx context.Context, f OverviewFilter) (*OverviewPage, error) {
	all, err := s.store.Overviews(ctx, f.Account)
	if err != nil {
		return nil, err
	}
	now := s.now().UTC()
	page := &OverviewPage{All: len(all), Counts: map[State]int{}}
	owners := map[string]string{}
	var rows []Overview
	for i := range all {
		o := &all[i]
		page.Tags = append(page.Tags, o.Tags...)
		if o.Owner != "" {
			owners[o.Owner] = o.OwnerName
		}
		if !f.matches(o, now) {
			continue
		}
		state := o.State(now)
		page.Counts[state]++
		if state == f.State || f.State == "" && state != Archived {
			rows = append(rows, *o)
		}
	}
	slices.Sort(page.Tags)
	page.Tags = slices.Compact(page.Tags)
	for id, name := range owners {
		page.Owners = append(page.Owners, OverviewOwner{id, name})
	}
	slices.SortFunc(page.Owners, func(a, b OverviewOwner) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	sortOverviews(rows, f.Sort, now)
	page.Total = len(rows)
	for i := range rows {
		page.IDs = append(page.IDs, rows[i].ID)
	}
	if f.Size > 0 {
		first := min(max(f.Page-1, 0)*f.Size, len(rows))
		rows = rows[first:min(first+f.Size, len(rows))]
	}
	page.Rows = rows
	return page, s.count(ctx, rows, f.Live, now)
}

// count fills the numbers of rows, or only of those that live.
func (s *Service) count(ctx context.Context, rows []Overview, live bool, now time.Time) error {
	windows := make([]NumbersWindow, 0, len(rows))
	for i := range rows {
		if state := rows[i].State(now); !live || state == Running || state == Paused {
			windows = append(windows, WindowOf(&rows[i].Campaign, now))
		}
	}
	if len(windows) == 0 {
		return nil
	}
	numbers, err := s.store.OverviewNumbers(ctx, windows)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Numbers = numbers[rows[i].ID]
	}
	return nil
}

// matches is the filter without the state.
func (f *OverviewFilter) matches(o *Overview, now time.Time) bool {
	if f.Tag != "" && !slices.Contains(o.Tags, f.Tag) || f.Owner != "" && o.Owner != f.Owner {
		return false
	}
	if f.Ending > 0 && (o.State(now) != Running || o.EndsAt.Sub(now) > f.Ending) {
		return false
	}
	if f.Made > 0 && now.Sub(o.CreatedAt) > f.Made {
		return false
	}
	return o.mentions(f.Search)
}

// mentions reports whether the text is part of a name, a link, a benefit or a tag.
func (o *Overview) mentions(text string) bool {
	text = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(text), "#"))
	if text == "" {
		return true
	}
	words := o.Name + "\n" + string(o.Slug) + "\n" + o.Texts.Benefit + "\n" + strings.Join(o.Tags, "\n")
	return strings.Contains(strings.ToLower(words), text)
}

func sortOverviews(rows []Overview, by OverviewSort, now time.Time) {
	place := make(map[State]int, len(States))
	for i, state := range States {
		place[state] = i
	}
	slices.SortStableFunc(rows, func(a, b Overview) int {
		newest := cmp.Compare(b.ID, a.ID)
		switch by {
		case SortName:
			return cmp.Or(strings.Compare(a.Name, b.Name), newest)
		case SortUpdated:
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), newest)
		case SortEnds:
			return cmp.Or(a.EndsAt.Compare(b.EndsAt), newest)
		case SortLeft:
			return cmp.Or(cmp.Compare(leftShare(a.Stock), leftShare(b.Stock)), newest)
		}
		sa, sb := a.State(now), b.State(now)
		if sa == Running && sb == Running {
			return cmp.Or(a.EndsAt.Compare(b.EndsAt), newest)
		}
		return cmp.Or(cmp.Compare(place[sa], place[sb]), newest)
	})
}

func leftShare(s Stock) float64 { return float64(s.Left()) / float64(max(s.Total, 1)) }

// Change is by how many percent today differs from yesterday at this time; ok is false
// when yesterday had none.
func (n *Numbers) Change() (percent int64, ok bool) {
	if n.Yesterday == 0 {
		return 0, false
	}
	return (n.Today - n.Yesterday) * 100 / n.Yesterday, true
}

// Outlook is what the last half hour says about a campaign's stock.
type Outlook int

// The outlooks.
const (
	OutlookNone  Outlook = iota // nothing to predict: the campaign does not run
	OutlookGone                 // nothing is left
	OutlookIdle                 // nobody claims
	OutlookLasts                // enough until the end
	OutlookEmpty                // gone before the end
)

// paceOfOutlook is how far back the pace is measured.
const paceOfOutlook = 30 * time.Minute

// Outlook predicts when the stock is gone at the pace of the last 30 minutes. The time is
// set for OutlookEmpty alone.
func (o *Overview) Outlook(now time.Time) (Outlook, time.Time) {
	switch left := o.Stock.Left(); {
	case o.State(now) != Running:
		return OutlookNone, time.Time{}
	case left <= 0:
		return OutlookGone, time.Time{}
	case o.HalfHour <= 0:
		return OutlookIdle, time.Time{}
	default:
		// In floating point: a large stock times half an hour does not fit a duration.
		span := float64(left) / float64(o.HalfHour) * float64(paceOfOutlook)
		if span >= float64(o.EndsAt.Sub(now)) {
			return OutlookLasts, time.Time{}
		}
		return OutlookEmpty, now.Add(time.Duration(span))
	}
}

// LowStock reports whether less than a twentieth of a running campaign's stock is left.
func (o *Overview) LowStock(now time.Time) bool {
	return o.State(now) == Running && o.Stock.Left()*20 < o.Stock.Total
}
