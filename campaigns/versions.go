package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Version is a campaign as it was from one change on.
type Version struct {
	Campaign ID
	Number   int64
	At       time.Time
	Actor    Actor  // without the address
	Action   string // of the audit line: campaign.create, campaign.edit, …
	Note     string // the reason of a pause, the version that was restored
	Auto     bool   // saved while somebody typed, not yet by the person
	Draft    Draft
}

// Work is what somebody typed in the editor and has not saved: one per campaign and person.
// Body is the editor's own; it may hold anything.
type Work struct {
	Campaign ID
	Person   string
	Base     int64 // the version it was typed over
	Body     json.RawMessage
	At       time.Time
}

// The refusals of versions and of unsaved work.
var (
	ErrVersionNotFound = fault.New(fault.NotFound, "editor.error.no_version")
	ErrWorkTooLong     = fault.New(fault.Invalid, "editor.error.work_long")
)

// maxWork is the most bytes of unsaved work that are kept.
const maxWork = 200_000

// Versions is what the store does with versions and with unsaved work. The versions
// themselves are written by whatever changes the campaign or its status.
type Versions interface {
	// Versions lists what people saved, newest first, and the newest of all.
	Versions(ctx context.Context, id ID, limit int) ([]Version, error)
	// VersionsAfter lists every version beyond number, newest first.
	VersionsAfter(ctx context.Context, id ID, number int64, limit int) ([]Version, error)
	// VersionAt is the newest version not beyond number; ErrVersionNotFound.
	VersionAt(ctx context.Context, id ID, number int64) (Version, error)
	// KeepVersion turns an autosaved version into one that stays. A repeat is safe.
	KeepVersion(ctx context.Context, id ID, number int64, audit Audit) error
	// SaveWork stores it over what the person had.
	SaveWork(ctx context.Context, w Work) error
	// Work is what the person has not saved; found is false when there is none.
	Work(ctx context.Context, id ID, person string) (w Work, found bool, err error)
	// DropWork forgets it; a repeat is safe.
	DropWork(ctx context.Context, id ID, person string) error
	// Holders counts the people who hold a card of the campaign or are getting one.
	Holders(ctx context.Context, id ID) (int, error)
}

// AutosaveAction is the audit line of an autosave, by which the store knows it.
const AutosaveAction = "campaign.autosave"

// Sitting is how long somebody may pause without their autosaves counting as two changes.
const Sitting = 10 * time.Minute

// Autosave writes a checked draft over a campaign that is not public yet, as Edit does, but
// as a version that is thinned out. Without a difference nothing is written. ErrWrongState
// for a campaign that is public.
func (s *Service) Autosave(ctx context.Context, actor Actor, id ID, d Draft) (*Campaign, error) {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Status != StatusDraft {
		return nil, ErrWrongState
	}
	if c.Version == d.Version && len(Diff(DraftOf(c), d)) == 0 {
		return c, nil
	}
	return s.edit(ctx, actor, id, d, AutosaveAction)
}

// Settle ends a sitting: what was autosaved last becomes a version that stays, with an audit
// line of all that changed since the version that stayed before. A repeat is safe.
func (s *Service) Settle(ctx context.Context, actor Actor, id ID) error {
	list, err := s.store.Versions(ctx, id, 2)
	if err != nil || len(list) == 0 || !list[0].Auto {
		return err
	}
	detail := map[string]any{}
	if len(list) > 1 {
		detail = changed(list[1].Draft, list[0].Draft)
	}
	return s.store.KeepVersion(ctx, id, list[0].Number, s.audit(actor, "campaign.edit", s.now().UTC(), detail))
}

// Versions lists what people saved, newest first.
func (s *Service) Versions(ctx context.Context, id ID, limit int) ([]Version, error) {
	return s.store.Versions(ctx, id, limit)
}

// VersionsAfter lists every version beyond number, newest first, at most 100.
func (s *Service) VersionsAfter(ctx context.Context, id ID, number int64) ([]Version, error) {
	return s.store.VersionsAfter(ctx, id, number, 100)
}

// VersionAt is the newest version not beyond number; ErrVersionNotFound.
func (s *Service) VersionAt(ctx context.Context, id ID, number int64) (Version, error) {
	return s.store.VersionAt(ctx, id, number)
}

// SaveWork keeps what somebody typed; At is the service's clock. ErrWorkTooLong.
func (s *Service) SaveWork(ctx context.Context, w Work) (time.Time, error) {
	if len(w.Body) > maxWork {
		return time.Time{}, ErrWorkTooLong
	}
	w.At = s.now().UTC()
	return w.At, s.store.SaveWork(ctx, w)
}

// Work is what somebody typed and has not saved.
func (s *Service) Work(ctx context.Context, id ID, person string) (Work, bool, error) {
	return s.store.Work(ctx, id, person)
}

// DropWork forgets it; a repeat is safe.
func (s *Service) DropWork(ctx context.Context, id ID, person string) error {
	return s.store.DropWork(ctx, id, person)
}

// Holders counts the people who hold a card of the campaign or are getting one.
func (s *Service) Holders(ctx context.Context, id ID) (int, error) { return s.store.Holders(ctx, id) }

// Restore writes an earlier version over the campaign, guarded by the version that the
// reader saw (ErrEditConflict). Of a public campaign, fields that visitors rely on stay as
// they are; kept names them.
func (s *Service) Restore(ctx context.Context, actor Actor, id ID, number, seen int64) (c *Campaign, kept []string, err error) {
	v, err := s.store.VersionAt(ctx, id, number)
	if err != nil {
		return nil, nil, err
	}
	if c, err = s.store.CampaignByID(ctx, id); err != nil {
		return nil, nil, err
	}
	d := v.Draft
	d.Version = seen
	kept = d.keepPromises(c)
	c, err = s.edit(ctx, actor, id, d, "campaign.restore", "version", v.Number)
	return c, kept, err
}

// RestoreNew makes a new draft from an earlier version, as Copy does.
func (s *Service) RestoreNew(ctx context.Context, actor Actor, id ID, number int64, nameSuffix string) (*Campaign, error) {
	v, err := s.store.VersionAt(ctx, id, number)
	if err != nil {
		return nil, err
	}
	return s.Create(ctx, actor, s.again(v.Draft, nameSuffix))
}

// keepPromises brings back what visitors of c rely on and names the fields that it did not
// change for that.
func (d *Draft) keepPromises(c *Campaign) []string {
	var kept []string
	keep := func(field string, differs bool, restore func()) {
		if differs {
			restore()
			kept = append(kept, field)
		}
	}
	d.Account = c.Account
	if c.Status == StatusDraft {
		return nil
	}
	keep("slug", d.Slug != c.Slug, func() { d.Slug = c.Slug })
	keep("issuer", d.Issuer != c.Issuer, func() { d.Issuer, d.CardID = c.Issuer, c.CardID })
	keep("card_id", d.CardID != c.CardID, func() { d.CardID = c.CardID })
	keep("price", d.Price.Fen != c.Price.Fen, func() { d.Price = c.Price })
	keep("pool", d.Rules.Pool != c.Rules.Pool, func() { d.Rules.Pool = c.Rules.Pool })
	keep("total", d.Total < c.Stock.Issued(), func() { d.Total = c.Stock.Total })
	keep("valid_until", shortens(c, d.ValidUntil), func() { d.ValidUntil = c.ValidUntil })
	return kept
}

// shortens reports whether cards that people hold would end sooner.
func shortens(c *Campaign, until time.Time) bool {
	return c.Stock.Issued() > 0 && !until.IsZero() && (c.ValidUntil.IsZero() || until.Before(c.ValidUntil))
}

// Shown is the campaign as it would be with a draft that may be unfinished; what cannot be
// shown stays as it is. It is for previews: nothing is written or checked.
func Shown(c *Campaign, d Draft) *Campaign {
	shown := *c
	if d.StartsAt.IsZero() || d.EndsAt.IsZero() || !d.EndsAt.After(d.StartsAt) {
		d.StartsAt, d.EndsAt = c.StartsAt, c.EndsAt
	}
	if !slugPattern.MatchString(string(d.Slug)) {
		d.Slug = c.Slug
	}
	if d.Issuer != OwnCode && d.Issuer != WeChatCard && d.Issuer != CodePool {
		d.Issuer, d.CardID = c.Issuer, c.CardID
	}
	if d.Texts.Colour != "" && !colourPattern.MatchString(d.Texts.Colour) {
		d.Texts.Colour = c.Texts.Colour
	}
	if len(d.Form.problems()) > 0 {
		d.Form = c.Form
	}
	if len(d.Design.problems()) > 0 {
		d.Design = c.Design
	}
	d.write(&shown)
	return &shown
}

// draftRecord is a draft as versions keep it: times in milliseconds, the zone by its name.
type draftRecord struct {
	Account    AccountID     `json:"account"`
	Slug       Slug          `json:"slug"`
	Name       string        `json:"name"`
	StartsAt   int64         `json:"starts_at"`
	EndsAt     int64         `json:"ends_at"`
	ValidUntil int64         `json:"valid_until"`
	Zone       string        `json:"zone"`
	Total      int64         `json:"total"`
	PerPerson  int           `json:"per_person"`
	PerDay     int           `json:"per_day"`
	Hold       int64         `json:"hold"`
	Issuer     Issuer        `json:"issuer"`
	CardID     wechat.CardID `json:"card_id"`
	Form       Form          `json:"form"`
	Texts      Texts         `json:"texts"`
	Share      Share         `json:"share"`
	Rules      Rules         `json:"rules"`
	Design     Design        `json:"design"`
	Redeeming  Redeeming     `json:"redeeming"`
	Notices    Notices       `json:"notices"`
	Price      Price         `json:"price"`
}

// MarshalJSON writes everything but Version.
func (d Draft) MarshalJSON() ([]byte, error) {
	millis := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMilli()
	}
	zone := Shanghai()
	if d.Zone != nil {
		zone = d.Zone
	}
	return json.Marshal(draftRecord{
		d.Account, d.Slug, d.Name, millis(d.StartsAt), millis(d.EndsAt), millis(d.ValidUntil), zone.String(), d.Total,
		d.Limits.PerPerson, d.Limits.PerDay, d.Hold.Milliseconds(), d.Issuer, d.CardID, d.Form, d.Texts, d.Share, d.Rules,
		d.Design, d.Redeeming, d.Notices, d.Price,
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Draft) UnmarshalJSON(b []byte) error {
	var r draftRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return err
	}
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return fmt.Errorf("zone of a draft: %w", err)
	}
	moment := func(n int64) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return time.UnixMilli(n).UTC()
	}
	*d = Draft{
		Account: r.Account, Slug: r.Slug, Name: r.Name, StartsAt: moment(r.StartsAt), EndsAt: moment(r.EndsAt), ValidUntil: moment(r.ValidUntil),
		Zone: zone, Total: r.Total, Limits: Limits{PerPerson: r.PerPerson, PerDay: r.PerDay}, Hold: time.Duration(r.Hold) * time.Millisecond,
		Issuer: r.Issuer, CardID: r.CardID, Form: r.Form, Texts: r.Texts, Share: r.Share, Rules: r.Rules, Design: r.Design,
		Redeeming: r.Redeeming, Notices: r.Notices, Price: r.Price,
	}
	return nil
}

// Try says why Edit would refuse a draft of the campaign, as far as that can be known
// without writing; nil when it would not.
func (s *Service) Try(ctx context.Context, id ID, d Draft) error {
	if err := d.Check(); err != nil {
		return err
	}
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	tried := *c
	return d.apply(&tried)
}
