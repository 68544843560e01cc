package web

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// autosaveHeader marks a request that a script made while somebody typed.
const autosaveHeader = "X-Kaquan-Autosave"

// handleCampaignCreate makes the draft from the first step; the other steps begin with what
// a new campaign or its template offers.
func (s *Server) handleCampaignCreate(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	start, accounts, err := s.startDraft(c)
	if err != nil {
		return err
	}
	step := stepOf(c)
	form := &admin.CampaignForm{Values: valuesOf(&start)}
	readSteps(c, form, step)
	if pressCard(form, c.FormValue("op")) {
		return s.showEditor(c, who, fiber.StatusOK, form)
	}
	draft, unparsed := draftOf(form, start)
	draft.Version = 0
	problems := s.withSlug(ctx, 0, &draft, checked(&draft, unparsed))
	if !hasAccount(accounts, draft.Account) {
		problems = append(problems, campaigns.ErrAccountNotFound.On("account"))
	}
	if len(problems) > 0 {
		noteProblems(c, form, problems)
		form.Step = form.FirstProblem()
		return s.showEditor(c, who, fiber.StatusUnprocessableEntity, form)
	}
	created, err := s.Campaigns.Create(ctx, who.actor(c), draft)
	if err != nil {
		form.Errors = ui.Errors{}
		status, ok := formErrors(c, form.Errors, err)
		if !ok || status >= fiber.StatusInternalServerError {
			return err
		}
		return s.showEditor(c, who, status, form)
	}
	s.flash(c, "success", "admin.campaign.done.create")
	if step == "" {
		return seeOther(c, admin.CampaignPath(created))
	}
	return seeOther(c, admin.EditPath(created, admin.NextStep(step)))
}

func hasAccount(accounts []campaigns.Account, id campaigns.AccountID) bool {
	for _, a := range accounts {
		if a.ID == id {
			return true
		}
	}
	return false
}

// stepOf is the step whose fields the request brings; without one it brings all of them.
func stepOf(c *fiber.Ctx) string {
	if step := c.FormValue("step"); admin.KnownStep(step) {
		return step
	}
	return ""
}

// takeStep lays what the request brought on the person's desk, and brings it together with
// what others saved.
func (s *Server) takeStep(c *fiber.Ctx, who *signedIn, campaign *campaigns.Campaign) (*desk, error) {
	k, err := s.openDesk(c, who, campaign)
	if err != nil {
		return nil, err
	}
	k.step = stepOf(c)
	form := k.form()
	if op := c.FormValue("op"); op != "confirm" {
		readSteps(c, form, k.step)
		for step, press := range stepButtons {
			if k.step == "" || k.step == step {
				k.pressed = press(form, op) || k.pressed
			}
		}
	}
	form.Card.Account = string(campaign.Account)
	k.values = form.Values
	if read, err := strconv.ParseInt(c.FormValue("version"), 10, 64); err == nil && read >= 0 && read <= campaign.Version {
		k.read = read
	} else {
		k.read = 0
	}
	return k, nil
}

// chosen are the sides that the person took of what two changed.
func chosen(c *fiber.Ctx) map[string]string {
	sides := map[string]string{}
	c.Request().PostArgs().VisitAll(func(name, value []byte) {
		if key, ok := strings.CutPrefix(string(name), "choice["); ok {
			sides[strings.TrimSuffix(key, "]")] = string(value)
		}
	})
	return sides
}

// handleCampaignSave takes a step of a campaign. op says what for: save, next, go-STEP,
// publish, discard, confirm, or a button of the form builder, which only changes the rows.
// Whatever is wrong with the fields, they are kept.
func (s *Server) handleCampaignSave(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	auto := c.Get(autosaveHeader) != ""
	if closed(campaign) {
		if auto {
			return campaigns.ErrWrongState
		}
		s.flash(c, "warning", "admin.campaign.error.closed")
		return seeOther(c, admin.CampaignPath(campaign))
	}
	op := c.FormValue("op")
	if op == "discard" {
		if err := s.Campaigns.DropWork(c.UserContext(), campaign.ID, string(who.Person.ID)); err != nil {
			return err
		}
		s.flash(c, "success", "editor.done.discard")
		return seeOther(c, admin.EditPath(campaign, stepOf(c)))
	}
	k, err := s.takeStep(c, who, campaign)
	if err != nil {
		return err
	}
	typedOver := min(k.base, k.read)
	before := k.values
	if err := k.merge(chosen(c)); err != nil {
		return err
	}
	if k.conflict != nil && (auto || len(k.conflict.Fields) > 0) {
		// Until the person has decided, the work stays over what it was typed over.
		merged := k.values
		k.values = before
		if err := k.keep(typedOver); err != nil {
			return err
		}
		k.values = merged
		if auto {
			return k.answer("elsewhere", nil)
		}
		form := k.form()
		_, problems := k.draft(form)
		noteProblems(c, form, problems)
		return s.showEditor(c, who, fiber.StatusConflict, form)
	}
	form := k.form()
	draft, problems := k.draft(form)
	switch {
	case auto:
		return k.autosave(form, draft, problems)
	case k.pressed:
		if err := k.keep(campaign.Version); err != nil {
			return err
		}
		form.Kept = k.kept
		return s.showEditor(c, who, fiber.StatusOK, form)
	}
	return k.save(op, form, draft, problems)
}

// save does what a button asked for with values that are brought together already.
func (k *desk) save(op string, form *admin.CampaignForm, draft campaigns.Draft, problems fault.List) error {
	c, s, campaign := k.c, k.server, k.campaign
	actor := k.who.actor(c)
	public := campaign.Status != campaigns.StatusDraft
	noteProblems(c, form, problems)
	target, going := strings.CutPrefix(op, "go-")
	here := form.Problems()[form.Step] > 0 || form.Step == "" && len(problems) > 0
	switch {
	case len(problems) > 0 && (going || op == "next" && !here):
		if err := k.keep(campaign.Version); err != nil {
			return err
		}
		return seeOther(c, k.after(op, target))
	case len(problems) > 0:
		if err := k.keep(campaign.Version); err != nil {
			return err
		}
		form.Kept = k.kept
		if form.Step == "" || op == "publish" && !here {
			form.Step = form.FirstProblem()
		}
		return s.showEditor(c, k.who, fiber.StatusUnprocessableEntity, form)
	case going && public || op == "next" && public && admin.NextStep(form.Step) != "":
		if err := k.keep(campaign.Version); err != nil {
			return err
		}
		return seeOther(c, k.after(op, target))
	}
	changes := campaigns.Diff(campaigns.DraftOf(campaign), draft)
	if public && op != "confirm" && len(changes) > 0 {
		return k.ask(form, changes)
	}
	var err error
	switch {
	case going:
		_, err = s.Campaigns.Autosave(c.UserContext(), actor, campaign.ID, draft)
	case len(changes) > 0:
		_, err = s.Campaigns.Edit(c.UserContext(), actor, campaign.ID, draft)
	default:
		err = s.Campaigns.Settle(c.UserContext(), actor, campaign.ID)
	}
	if err != nil {
		return k.refused(form, err)
	}
	if err := k.drop(); err != nil {
		return err
	}
	if !going && op != "publish" {
		switch {
		case k.conflict != nil:
			s.flash(c, "success", "editor.done.merged", "name", k.conflict.By)
		case len(changes) == 0 && public:
			s.flash(c, "info", "editor.done.same")
		default:
			s.flash(c, "success", "admin.campaign.done.save")
		}
	}
	return seeOther(c, k.after(op, target))
}

// ask shows what an edit of a public campaign changes; the values wait as work meanwhile.
func (k *desk) ask(form *admin.CampaignForm, changes []campaigns.Change) error {
	c, s := k.c, k.server
	if err := k.keep(k.campaign.Version); err != nil {
		return err
	}
	if err := s.completeForm(c, form); err != nil {
		return err
	}
	var err error
	if form.Names, err = s.namesOf(c.UserContext(), changes...); err != nil {
		return err
	}
	return render(c, fiber.StatusOK, admin.ConfirmEdit(s.page(c, k.who, "campaigns", "editor.confirm.title"), form, changes))
}

// after is where the person goes once the step is taken.
func (k *desk) after(op, target string) string {
	switch {
	case admin.KnownStep(target):
		return admin.EditPath(k.campaign, target)
	case op == "publish":
		return admin.PreflightPath(k.campaign)
	case k.step == "":
		return admin.CampaignPath(k.campaign)
	case op == "next" && admin.NextStep(k.step) != "":
		return admin.EditPath(k.campaign, admin.NextStep(k.step))
	}
	return admin.EditPath(k.campaign, k.step)
}

// refused shows why the store did not take the values. They are kept; somebody who saved in
// the same moment is met when the editor opens again.
func (k *desk) refused(form *admin.CampaignForm, err error) error {
	c := k.c
	if kept := k.keep(k.campaign.Version); kept != nil {
		return kept
	}
	if errors.Is(err, campaigns.ErrEditConflict) {
		return seeOther(c, admin.EditPath(k.campaign, k.step))
	}
	if errors.Is(err, campaigns.ErrStockBelowIssued) {
		err = campaigns.ErrStockBelowIssued.On("total").Because(err)
	}
	form.Errors, form.Kept = ui.Errors{}, k.kept
	status, ok := formErrors(c, form.Errors, err)
	if !ok || status >= fiber.StatusInternalServerError {
		return err
	}
	if first := form.FirstProblem(); first != "" && form.Problems()[form.Step] == 0 {
		form.Step = first
	}
	return k.server.showEditor(c, k.who, status, form)
}
