package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// newCampaign is what the editor offers for a new campaign: a week from the next full
// hour, one card each.
func newCampaign(c *fiber.Ctx, now time.Time, zone *time.Location, accounts []campaigns.Account) campaigns.Draft {
	start := now.In(zone).Truncate(time.Hour).Add(time.Hour)
	d := campaigns.Draft{
		Slug: campaigns.Slug("c" + start.Format("0102") + "-" + strings.ToLower(string(campaigns.NewRef())[:4])), StartsAt: start, EndsAt: start.AddDate(0, 0, 7), Zone: zone,
		Total: 100, Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute, Issuer: campaigns.OwnCode,
		Texts: campaigns.Texts{Purpose: i18n.T(c.UserContext(), "admin.campaign.default_purpose")},
	}
	if len(accounts) > 0 {
		d.Account, d.Texts.Brand = accounts[0].ID, accounts[0].Name
	}
	return d
}

// startDraft is what a new campaign begins with, from the template that the request names.
func (s *Server) startDraft(c *fiber.Ctx) (campaigns.Draft, []campaigns.Account, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return campaigns.Draft{}, nil, err
	}
	d := newCampaign(c, s.Campaigns.Now(), campaigns.Shanghai(), accounts)
	return d, accounts, s.fillFromTemplate(c, &d, accounts)
}

// handleCampaignNew shows the first step alone: with what it asks the draft exists.
func (s *Server) handleCampaignNew(c *fiber.Ctx, who *signedIn) error {
	d, accounts, err := s.startDraft(c)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		s.flash(c, "warning", "admin.campaign.error.no_account")
		return seeOther(c, "/admin/campaigns")
	}
	return s.showEditor(c, who, fiber.StatusOK, &admin.CampaignForm{Values: valuesOf(&d)})
}

// handleCampaignEdit shows a step of the editor with what the person typed last, saved or
// not.
func (s *Server) handleCampaignEdit(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if closed(campaign) {
		s.flash(c, "warning", "admin.campaign.error.closed")
		return seeOther(c, admin.CampaignPath(campaign))
	}
	desk, err := s.openDesk(c, who, campaign)
	if err != nil {
		return err
	}
	if err := desk.merge(nil); err != nil {
		return err
	}
	form := desk.form()
	form.Step = c.Query("step")
	_, problems := desk.draft(form)
	noteProblems(c, form, problems)
	if !admin.KnownStep(form.Step) {
		form.Step = form.FirstProblem()
	}
	return s.showEditor(c, who, fiber.StatusOK, form)
}

// closed is whether a campaign can no longer be edited.
func closed(c *campaigns.Campaign) bool {
	return c.Status == campaigns.StatusEnded || c.Status == campaigns.StatusArchived
}

func noteProblems(c *fiber.Ctx, form *admin.CampaignForm, problems fault.List) {
	form.Errors = ui.Errors{}
	for _, e := range problems {
		form.Errors.Add(e.Field, sentence(c.UserContext(), e))
	}
}

// showEditor renders a step of the editor with all that stands beside the fields.
func (s *Server) showEditor(c *fiber.Ctx, who *signedIn, status int, form *admin.CampaignForm) error {
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	form.Accounts, form.MaxQuestions, form.LinkPrefix, form.Now = accountOptions(accounts), maxQuestions, s.visitorLink(""), s.Campaigns.Now()
	if form.Choices, err = s.ruleChoices(ctx); err != nil {
		return err
	}
	if form.Redeem, err = s.redeemChoices(ctx, form); err != nil {
		return err
	}
	if form.Conflict != nil {
		if form.Names, err = s.namesOf(ctx, form.Conflict.Changes()...); err != nil {
			return err
		}
	}
	if form.Step == "" {
		form.Step = admin.Steps()[0].Key
	}
	if form.Errors == nil {
		form.Errors = ui.Errors{}
	}
	if len(form.Errors.Of("slug")) > 0 {
		if form.FreeSlugs, err = s.offeredSlugs(ctx, form); err != nil {
			return err
		}
	}
	title := "admin.campaign.new"
	if form.Campaign == nil {
		if form.Templates, err = s.templateChoices(c); err != nil {
			return err
		}
	} else {
		title = "admin.campaign.edit"
		if err := s.completeForm(c, form); err != nil {
			return err
		}
	}
	return render(c, status, admin.CampaignEditor(s.page(c, who, "campaigns", title), form))
}

// completeForm adds the numbers and sentences of a campaign that exists.
func (s *Server) completeForm(c *fiber.Ctx, form *admin.CampaignForm) (err error) {
	if form.Campaign.Status != campaigns.StatusDraft {
		if form.People, err = s.Campaigns.Holders(c.UserContext(), form.Campaign.ID); err != nil {
			return err
		}
	}
	draft, _ := draftOf(form, campaigns.DraftOf(form.Campaign))
	form.Limits = campaigns.LimitsSentence(&draft)
	form.Colours = draft.ColourChecks()
	if form.Terms.Compose {
		form.Composed = admin.ComposeTerms(c.UserContext(), &draft)
	}
	if form.Step == "notices" {
		return s.webhookLook(c, form)
	}
	return nil
}

// desk is one person's work on a campaign: what they typed over which version, and what
// others saved since.
type desk struct {
	server   *Server
	c        *fiber.Ctx
	who      *signedIn
	campaign *campaigns.Campaign
	values   admin.Values // as the person has them
	saved    admin.Values // as the campaign has them
	base     int64        // the version that values were typed over
	step     string       // the step that the request brought, "" = none or all
	read     int64        // the version that this step was typed over
	kept     time.Time    // when values were kept; zero = they are the campaign's
	pressed  bool         // a button inside the step was
	conflict *admin.Conflict
	// mine is whether all that changed since base was by the person.
	mine bool
}

// openDesk lays out what the person typed last, or the campaign.
func (s *Server) openDesk(c *fiber.Ctx, who *signedIn, campaign *campaigns.Campaign) (*desk, error) {
	d := campaigns.DraftOf(campaign)
	k := &desk{server: s, c: c, who: who, campaign: campaign, saved: valuesOf(&d), base: campaign.Version, read: campaign.Version}
	k.values = k.saved
	work, found, err := s.Campaigns.Work(c.UserContext(), campaign.ID, string(who.Person.ID))
	if err != nil || !found {
		return k, err
	}
	if err := json.Unmarshal(work.Body, &k.values); err != nil {
		return nil, fmt.Errorf("unsaved work on campaign %v: %w", campaign.ID, err)
	}
	k.base, k.read, k.kept = work.Base, work.Base, work.At
	return k, nil
}

// form is the editor's view of the desk.
func (k *desk) form() *admin.CampaignForm {
	return &admin.CampaignForm{
		Values: k.values, Campaign: k.campaign, Step: k.step, Version: k.campaign.Version, Kept: k.kept, Conflict: k.conflict, Errors: ui.Errors{},
	}
}

// draft parses the desk's values, with all that is wrong with them.
func (k *desk) draft(form *admin.CampaignForm) (campaigns.Draft, fault.List) {
	d, unparsed := draftOf(form, campaigns.DraftOf(k.campaign))
	d.Version = k.campaign.Version
	problems := checked(&d, unparsed)
	if len(problems) == 0 {
		problems = fault.All(k.server.Campaigns.Try(k.c.UserContext(), k.campaign.ID, d)) // what was promised
	}
	problems = k.server.withSlug(k.c.UserContext(), k.campaign.ID, &d, problems)
	k.values = form.Values // questions got their keys
	return d, problems
}

// merge brings what others saved since into the values. What both changed stays the
// person's, and conflict lists it unless chosen decides about it.
func (k *desk) merge(chosen map[string]string) error {
	current := k.campaign.Version
	if k.base == current && k.read == current {
		return nil
	}
	ctx, service := k.c.UserContext(), k.server.Campaigns
	since, err := service.VersionsAfter(ctx, k.campaign.ID, min(k.base, k.read))
	if err != nil {
		return err
	}
	k.mine = true
	var other campaigns.Version
	for _, v := range since {
		if v.Actor.ID != string(k.who.Person.ID) {
			k.mine = false
			if other.Number == 0 {
				other = v
			}
		}
	}
	base, err := k.versionValues(k.base)
	if err != nil {
		return err
	}
	if k.read != k.base && k.step != "" {
		step, err := k.versionValues(k.read)
		if err != nil {
			return err
		}
		all, from := fieldsOf(base), fieldsOf(step)
		for key := range all {
			if strings.HasPrefix(key, k.step+".") {
				all[key] = from[key]
			}
		}
		base = valuesFrom(all)
	} else if k.read != k.base {
		if base, err = k.versionValues(k.read); err != nil {
			return err
		}
	}
	merged, conflicts := mergeValues(base, k.values, k.saved, chosen)
	changed := !sameValues(merged, k.values) || len(conflicts) > 0
	k.values = merged
	if k.mine {
		return nil // the person's own other window: the last word counts
	}
	if changed {
		k.conflict = &admin.Conflict{By: other.Actor.Name, At: other.At, Fields: conflicts}
	}
	return nil
}

// versionValues are the fields of a version; of one that nobody wrote down, those of now.
func (k *desk) versionValues(number int64) (admin.Values, error) {
	if number == k.campaign.Version {
		return k.saved, nil
	}
	v, err := k.server.Campaigns.VersionAt(k.c.UserContext(), k.campaign.ID, number)
	if err == campaigns.ErrVersionNotFound {
		return k.saved, nil
	}
	if err != nil {
		return admin.Values{}, err
	}
	return valuesOf(&v.Draft), nil
}

// keep stores the values as work over a version. What does not differ from the campaign is
// no work.
func (k *desk) keep(base int64) error {
	ctx, service := k.c.UserContext(), k.server.Campaigns
	if base == k.campaign.Version && sameValues(k.values, k.saved) {
		k.kept = time.Time{}
		return k.drop()
	}
	body, err := json.Marshal(k.values)
	if err != nil {
		return err
	}
	k.kept, err = service.SaveWork(ctx, campaigns.Work{Campaign: k.campaign.ID, Person: string(k.who.Person.ID), Base: base, Body: body})
	return err
}

func (k *desk) drop() error {
	return k.server.Campaigns.DropWork(k.c.UserContext(), k.campaign.ID, string(k.who.Person.ID))
}

// handleEditorPage is the page beside the editor: the campaign as the person typed it.
func (s *Server) handleEditorPage(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	k, err := s.openDesk(c, who, campaign)
	if err != nil {
		return err
	}
	draft, _ := k.draft(k.form())
	shown := campaigns.Shown(campaign, draft)
	choice, v := readPreview(c), &visitors{Server: s}
	return v.showPreview(c, fiber.StatusOK, campaign, v.sample(inLanguage(c.UserContext(), choice), shown, choice), choice)
}
