package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"kaquan/fault"
)

// Service is the domain's front door. All methods are safe for concurrent use.
type Service struct {
	store   Store
	gateway Gateway
	now     func() time.Time
	log     *slog.Logger
	ids     idMaker
	// channels counts scans of channels until they are written.
	channels channelBook
	// followBook remembers for a moment who follows.
	followBook followBook
	followers  Followers
	voids      Voids
	// visits counts opened pages until they are written.
	visits visitBook
}

// Options are the parts a Service is made of.
type Options struct {
	Store   Store
	Gateway Gateway
	// Followers tells who follows; nil = nobody can, and rules about it refuse everybody.
	Followers Followers
	// Voids makes cards of WeChat's void; nil = none can be.
	Voids Voids
	Now   func() time.Time // nil = time.Now
	Log   *slog.Logger     // nil = discard
}

// New makes the service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: o.Store, gateway: o.Gateway, followers: o.Followers, voids: o.Voids, now: o.Now, log: o.Log}
}

// Now is the service's clock, for pages that show times.
func (s *Service) Now() time.Time { return s.now() }

// Create checks a draft and stores it as a campaign in draft. Problems come back as a
// fault.List on the draft's fields, ErrSlugTaken on "slug".
func (s *Service) Create(ctx context.Context, actor Actor, d Draft) (*Campaign, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	now := s.now().UTC()
	c := &Campaign{ID: ID(s.ids.next(now)), Account: d.Account, Status: StatusDraft, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := d.apply(c); err != nil {
		return nil, err
	}
	if err := s.store.CreateCampaign(ctx, c, s.audit(actor, "campaign.create", now, map[string]any{"slug": c.Slug, "total": c.Stock.Total})); err != nil {
		return nil, onField(err, ErrSlugTaken, "slug")
	}
	return c, nil
}

// Edit checks a draft and writes it over the campaign, guarded by the version the
// editor read (ErrEditConflict). After publication fields that visitors rely on are
// locked and stock cannot go below what was issued.
func (s *Service) Edit(ctx context.Context, actor Actor, id ID, d Draft) (*Campaign, error) {
	return s.edit(ctx, actor, id, d, "campaign.edit")
}

// edit is Edit under the name of an action, whose audit line also says what pairs say.
func (s *Service) edit(ctx context.Context, actor Actor, id ID, d Draft, action string, pairs ...any) (*Campaign, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Version != d.Version {
		return nil, ErrEditConflict
	}
	if c.Status == StatusArchived || c.Status == StatusEnded {
		return nil, ErrWrongState
	}
	before := DraftOf(c)
	if action != AutosaveAction {
		// The autosaves of a sitting told the audit nothing yet.
		last, err := s.store.Versions(ctx, id, 2)
		if err != nil {
			return nil, err
		}
		if len(last) == 2 && last[0].Auto {
			before = last[1].Draft
		}
	}
	if err := d.apply(c); err != nil {
		return nil, err
	}
	now := s.now().UTC()
	c.UpdatedAt = now
	detail := changed(before, d)
	for i := 0; i+1 < len(pairs); i += 2 {
		detail[pairs[i].(string)] = pairs[i+1]
	}
	if err := s.store.UpdateCampaign(ctx, c, s.audit(actor, action, now, detail)); err != nil {
		return nil, onField(err, ErrSlugTaken, "slug")
	}
	c.Version++
	return c, nil
}

// Copy makes a new draft from a campaign, with a free slug and dates that start now.
func (s *Service) Copy(ctx context.Context, actor Actor, id ID, nameSuffix string) (*Campaign, error) {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.Create(ctx, actor, s.again(DraftOf(c), nameSuffix))
}

// again is a draft for a new campaign: a free link, and dates that start now.
func (s *Service) again(d Draft, nameSuffix string) Draft {
	d.Version = 0
	if name := []rune(d.Name); len(name)+len([]rune(nameSuffix)) <= 60 {
		d.Name += nameSuffix
	}
	d.Slug = Slug(strings.TrimRight(string(d.Slug[:min(len(d.Slug), 32)]), "-") + "-" + string(NewRef())[:6])
	length := d.EndsAt.Sub(d.StartsAt)
	d.StartsAt = s.now().UTC().Truncate(time.Minute)
	if !d.ValidUntil.IsZero() {
		d.ValidUntil = d.ValidUntil.Add(d.StartsAt.Add(length).Sub(d.EndsAt))
	}
	d.EndsAt = d.StartsAt.Add(length)
	return d
}

// Publish makes a draft public: scheduled or running by the clock. A repeat is safe.
// A campaign that would be over already is refused on "ends_at".
func (s *Service) Publish(ctx context.Context, actor Actor, id ID) error {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	return s.publish(ctx, actor, c, nil)
}

// publish writes detail into the audit with it.
func (s *Service) publish(ctx context.Context, actor Actor, c *Campaign, detail any) error {
	now := s.now().UTC()
	if !c.EndsAt.After(now) {
		return fault.New(fault.Invalid, "campaign.error.already_over").On("ends_at")
	}
	return s.store.SetStatus(ctx, c.ID, []Status{StatusDraft}, StatusPublished, "", now, s.audit(actor, "campaign.publish", now, detail))
}

// Pause stops new claims; the reason is shown to visitors. Held claims may finish. It is
// ChangeOne without the way back, as are the three below.
func (s *Service) Pause(ctx context.Context, actor Actor, id ID, reason string) error {
	_, err := s.ChangeOne(ctx, actor, id, BulkPause, reason)
	return err
}

// Resume lets claims go on after a pause.
func (s *Service) Resume(ctx context.Context, actor Actor, id ID) error {
	_, err := s.ChangeOne(ctx, actor, id, BulkResume, "")
	return err
}

// End closes a campaign. Cards already given out stay valid.
func (s *Service) End(ctx context.Context, actor Actor, id ID) error {
	_, err := s.ChangeOne(ctx, actor, id, BulkEnd, "")
	return err
}

// Archive hides a campaign that is a draft or over from the lists.
func (s *Service) Archive(ctx context.Context, actor Actor, id ID) error {
	_, err := s.ChangeOne(ctx, actor, id, BulkArchive, "")
	return err
}

// Campaign finds one by id; ErrCampaignNotFound otherwise.
func (s *Service) Campaign(ctx context.Context, id ID) (*Campaign, error) {
	return s.store.CampaignByID(ctx, id)
}

// BySlug finds the campaign behind a link; ErrCampaignNotFound otherwise. Drafts and
// archived campaigns are not for visitors: they are not found either.
func (s *Service) BySlug(ctx context.Context, slug Slug) (*Campaign, error) {
	if !slugPattern.MatchString(string(slug)) {
		return nil, ErrCampaignNotFound
	}
	c, err := s.store.CampaignBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	if c.Status == StatusDraft || c.Status == StatusArchived {
		return nil, ErrCampaignNotFound
	}
	return c, nil
}

// Campaigns lists campaigns by filter; the clock is the service's.
func (s *Service) Campaigns(ctx context.Context, f CampaignFilter) ([]*Campaign, error) {
	f.Now = s.now().UTC()
	return s.store.Campaigns(ctx, f)
}

// CampaignCounts counts the account's campaigns by state.
func (s *Service) CampaignCounts(ctx context.Context, account AccountID) (map[State]int, error) {
	return s.store.CampaignCounts(ctx, account, s.now().UTC())
}

func (s *Service) audit(actor Actor, action string, now time.Time, detail any) Audit {
	text := "{}"
	if detail != nil {
		if b, err := json.Marshal(detail); err == nil {
			text = string(b)
		}
	}
	return Audit{Actor: actor, Action: action, Detail: text, At: now}
}

// changed names the fields that differ between two drafts, for the audit line.
func changed(before, after Draft) map[string]any {
	detail := map[string]any{}
	for _, c := range Diff(before, after) {
		detail[c.Field] = []string{c.Before, c.After}
	}
	return detail
}

// onField puts a known error at its input field.
func onField(err error, known *fault.Error, field string) error {
	if errors.Is(err, known) {
		return fault.List{known.On(field)}
	}
	return err
}
