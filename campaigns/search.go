package campaigns

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Found is what a search across everything finds, by kind, some of each.
type Found struct {
	Text      string // as it was understood
	Campaigns []Overview
	Claims    []ClaimRow
	Visitors  []FoundVisitor
	Channels  []FoundChannel

	// What was typed names exactly one thing: a card code, a claim's name, an openid, or
	// the link of a campaign. At most one of them is set.
	Claim    ClaimID
	Campaign ID
}

// FoundVisitor is a visitor with the newest of their claims, 0 = none.
type FoundVisitor struct {
	Visitor
	LastClaim ClaimID
	Claims    int
}

// FoundChannel is a channel and whose it is.
type FoundChannel struct {
	Campaign     ID
	CampaignName string
	Code, Name   string
}

// Finder is what the store looks up for searches, each by an index or in a small table.
type Finder interface {
	// VisitorsByOpenID are those whose openid starts with text.
	VisitorsByOpenID(ctx context.Context, text string, limit int) ([]FoundVisitor, error)
	// VisitorsByName are those whose nickname starts with text.
	VisitorsByName(ctx context.Context, text string, limit int) ([]FoundVisitor, error)
	// ChannelsByName are those with text in their name, or that exact code or short link.
	ChannelsByName(ctx context.Context, text string, limit int) ([]FoundChannel, error)
	// ClaimByRef finds a claim by its name towards WeChat; ErrNotFound.
	ClaimByRef(ctx context.Context, ref Ref) (ClaimRow, error)
}

const (
	// MaxSearch is how much of what was typed is looked at, in characters.
	MaxSearch   = 64
	foundOfKind = 6
)

var (
	openIDStart = regexp.MustCompile(`^[A-Za-z0-9_-]{6,64}$`)
	wholeOpenID = regexp.MustCompile(`^[A-Za-z0-9_-]{26,64}$`)
	cardCode    = regexp.MustCompile(`^[0-9]{12}$`)
	claimRef    = regexp.MustCompile(`^[0-9a-z]{12}$`)
)

// Search looks for text in everything that has a name: openids, card codes, claims,
// phone numbers, campaigns, visitors and channels. An empty text finds the campaigns that
// changed last.
func (s *Service) Search(ctx context.Context, text string) (*Found, error) {
	f := &Found{Text: cleanSearch(text)}
	all, err := s.store.Overviews(ctx, "")
	if err != nil {
		return nil, err
	}
	f.campaigns(all, s.now().UTC())
	if f.Text == "" {
		return f, nil
	}
	page, err := s.store.Claims(ctx, ClaimFilter{Search: f.Text, Limit: foundOfKind})
	if err != nil {
		return nil, err
	}
	f.Claims = page.Rows
	compact := strings.NewReplacer(" ", "", "-", "").Replace(f.Text)
	if cardCode.MatchString(compact) && len(f.Claims) == 1 {
		f.Claim = f.Claims[0].ID
	}
	if f.Claim == 0 && claimRef.MatchString(f.Text) {
		switch row, err := s.store.ClaimByRef(ctx, Ref(f.Text)); {
		case err == nil:
			f.Claims, f.Claim = []ClaimRow{row}, row.ID
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	if f.Visitors, err = s.findVisitors(ctx, f.Text); err != nil {
		return nil, err
	}
	if wholeOpenID.MatchString(f.Text) && len(f.Visitors) == 1 && string(f.Visitors[0].OpenID) == f.Text {
		f.Claim = f.Visitors[0].LastClaim
	}
	f.Channels, err = s.store.ChannelsByName(ctx, f.Text, foundOfKind)
	return f, err
}

func (s *Service) findVisitors(ctx context.Context, text string) ([]FoundVisitor, error) {
	found, err := s.store.VisitorsByName(ctx, text, foundOfKind)
	if err != nil || !openIDStart.MatchString(text) {
		return found, err
	}
	more, err := s.store.VisitorsByOpenID(ctx, text, foundOfKind)
	for _, v := range more {
		if !slices.ContainsFunc(found, func(f FoundVisitor) bool { return f.ID == v.ID }) {
			found = append(found, v)
		}
	}
	return found[:min(len(found), foundOfKind)], err
}

// campaigns keeps those that mention the text, those that live first.
func (f *Found) campaigns(all []Overview, now time.Time) {
	order := SortDefault
	if f.Text == "" {
		order = SortUpdated
	}
	var mine []Overview
	for i := range all {
		if f.Text != "" && string(all[i].Slug) == f.Text {
			f.Campaign = all[i].ID
		}
		if all[i].mentions(f.Text) {
			mine = append(mine, all[i])
		}
	}
	sortOverviews(mine, order, now)
	f.Campaigns = mine[:min(len(mine), foundOfKind)]
}

// Empty reports whether nothing was found.
func (f *Found) Empty() bool {
	return len(f.Campaigns)+len(f.Claims)+len(f.Visitors)+len(f.Channels) == 0
}

func cleanSearch(text string) string {
	text = strings.TrimSpace(cleanLine(text))
	if utf8.RuneCountInString(text) > MaxSearch {
		text = strings.TrimSpace(string([]rune(text)[:MaxSearch]))
	}
	return text
}
