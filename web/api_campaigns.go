package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/people"
	"kaquan/wechat"
)

// Errors of what programs send.
var (
	errAPIBody    = fault.New(fault.Invalid, "apiv1.error.body")
	errAPIVersion = fault.New(fault.Invalid, "apiv1.error.version").On("version")
	errAPIZone    = fault.New(fault.Invalid, "apiv1.error.zone").On("time_zone")
)

// campaignRoutes registers the calls about campaigns.
func (a *api) campaignRoutes(v1 fiber.Router) {
	v1.Get("/campaigns", a.call(people.ScopeCampaigns, a.campaigns))
	v1.Post("/campaigns", a.call(people.ScopeCampaignsWrite, a.campaignNew))
	v1.Get("/campaigns/:id", a.call(people.ScopeCampaigns, a.campaignGet))
	v1.Patch("/campaigns/:id", a.call(people.ScopeCampaignsWrite, a.campaignPatch))
	v1.Get("/campaigns/:id/stats", a.call(people.ScopeCampaigns, a.campaignStats))
	v1.Post("/campaigns/:id/publish", a.call(people.ScopeCampaignsWrite, a.campaignPublish))
	v1.Post("/campaigns/:id/pause", a.call(people.ScopeCampaignsWrite, a.campaignPause))
	v1.Post("/campaigns/:id/resume", a.call(people.ScopeCampaignsWrite, a.campaignResume))
	v1.Post("/campaigns/:id/end", a.call(people.ScopeCampaignsWrite, a.campaignEnd))
}

// apiEditable is what a program may set of a campaign. What it leaves out stays.
type apiEditable struct {
	Name       string           `json:"name"`
	Slug       campaigns.Slug   `json:"slug"`
	StartsAt   *time.Time       `json:"starts_at"`
	EndsAt     *time.Time       `json:"ends_at"`
	ValidUntil *time.Time       `json:"valid_until"` // null = none
	TimeZone   string           `json:"time_zone"`
	Total      int64            `json:"total"`
	PerPerson  int              `json:"per_person"`
	PerDay     int              `json:"per_day"`
	Hold       int64            `json:"hold_seconds"`
	Issuer     campaigns.Issuer `json:"issuer"`
	CardID     wechat.CardID    `json:"card_id"`
	Texts      campaigns.Texts  `json:"texts"`
	Share      campaigns.Share  `json:"share"`
	Form       campaigns.Form   `json:"form"`
}

type apiCampaign struct {
	ID          string              `json:"id"`
	Account     campaigns.AccountID `json:"account"`
	State       campaigns.State     `json:"state"`
	PauseReason string              `json:"pause_reason"`
	apiEditable
	Confirmed int64     `json:"confirmed"`
	Held      int64     `json:"held"`
	Left      int64     `json:"left"`
	PriceFen  int64     `json:"price_fen"`
	Link      string    `json:"link"`
	Version   int64     `json:"version"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func editableOf(d *campaigns.Draft) apiEditable {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	e := apiEditable{
		Name: d.Name, Slug: d.Slug, StartsAt: at(d.StartsAt), EndsAt: at(d.EndsAt), ValidUntil: at(d.ValidUntil), TimeZone: d.Zone.String(),
		Total: d.Total, PerPerson: d.Limits.PerPerson, PerDay: d.Limits.PerDay, Hold: int64(d.Hold / time.Second), Issuer: d.Issuer, CardID: d.CardID,
		Texts: d.Texts, Share: d.Share, Form: d.Form,
	}
	if e.Form == nil {
		e.Form = campaigns.Form{}
	}
	return e
}

// write sets what the program said; the draft's own checks follow.
func (e *apiEditable) write(d *campaigns.Draft) error {
	zone, err := time.LoadLocation(e.TimeZone)
	if err != nil || e.TimeZone == "" || e.TimeZone == "Local" {
		return errAPIZone
	}
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return t.UTC()
	}
	d.Name, d.Slug, d.StartsAt, d.EndsAt, d.ValidUntil, d.Zone = e.Name, e.Slug, at(e.StartsAt), at(e.EndsAt), at(e.ValidUntil), zone
	d.Total, d.Limits = e.Total, campaigns.Limits{PerPerson: e.PerPerson, PerDay: e.PerDay}
	d.Hold = time.Duration(min(max(e.Hold, 0), 1<<30)) * time.Second
	d.Issuer, d.CardID, d.Texts, d.Share, d.Form = e.Issuer, e.CardID, e.Texts, e.Share, e.Form
	return nil
}

func (a *api) campaignOf(c *campaigns.Campaign) apiCampaign {
	d := campaigns.DraftOf(c)
	return apiCampaign{
		ID: c.ID.String(), Account: c.Account, State: c.State(a.Now()), PauseReason: c.PauseReason, apiEditable: editableOf(&d),
		Confirmed: c.Stock.Confirmed, Held: c.Stock.Held, Left: c.Stock.Left(), PriceFen: c.Price.Fen, Link: a.visitorLink(c.Slug),
		Version: c.Version, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// sendCampaign answers a campaign with its version as the entity tag.
func (a *api) sendCampaign(c *fiber.Ctx, status int, one *campaigns.Campaign) error {
	c.Set(fiber.HeaderETag, `"`+strconv.FormatInt(one.Version, 10)+`"`)
	return sendJSON(c, status, a.campaignOf(one))
}

// decode reads a JSON body into v, which keeps what the body leaves out. A field that does not
// exist is refused: a program that mistypes one must hear of it.
func decode(c *fiber.Ctx, v any) error {
	// BodyRaw: a compressed body would be unpacked without a limit.
	d := json.NewDecoder(bytes.NewReader(c.BodyRaw()))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errAPIBody
		}
	}
	if err == nil {
		return nil
	}
	field := ""
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field = strings.TrimPrefix(wrong.Field, "apiEditable.")
	} else if _, name, found := strings.Cut(err.Error(), "unknown field "); found {
		field = oneLine(strings.Trim(name, `"`), 60)
	}
	return errAPIBody.On(field).Because(err)
}

// mine is the campaign of the path, if the token may speak for its account.
func (a *api) mine(c *fiber.Ctx, who *people.APIAccess) (*campaigns.Campaign, error) {
	one, err := a.Campaigns.Campaign(c.UserContext(), campaigns.ParseID[campaigns.ID](c.Params("id")))
	if err == nil && !who.AllowsAccount(string(one.Account)) {
		return nil, campaigns.ErrCampaignNotFound
	}
	return one, err
}

// actor is the program as an audit line names it.
func (a *api) actor(c *fiber.Ctx, who *people.APIAccess) campaigns.Actor {
	return campaigns.Actor{ID: who.ID, Name: who.Name, IP: a.clientIP(c)}
}

// knownOf is the account that a call means; it exists.
func (a *api) knownOf(c *fiber.Ctx, who *people.APIAccess, name string) (campaigns.AccountID, error) {
	id, err := a.account(c, who, name)
	if err != nil {
		return "", err
	}
	_, err = a.Accounts.Account(c.UserContext(), campaigns.AccountID(id))
	return campaigns.AccountID(id), err
}

func (a *api) campaigns(c *fiber.Ctx, who *people.APIAccess) error {
	account, err := a.knownOf(c, who, c.Query("account"))
	if err != nil {
		return err
	}
	state := campaigns.State(c.Query("state"))
	if state != "" && !slices.Contains(campaigns.States, state) {
		return badFilter("state")
	}
	list, err := a.Campaigns.Campaigns(c.UserContext(), campaigns.CampaignFilter{Account: account, State: state, Search: oneLine(c.Query("q"), 64)})
	if err != nil {
		return err
	}
	answer := struct {
		Campaigns []apiCampaign `json:"campaigns"`
	}{make([]apiCampaign, 0, len(list))}
	for i := range list {
		answer.Campaigns = append(answer.Campaigns, a.campaignOf(list[i]))
	}
	return sendJSON(c, fiber.StatusOK, answer)
}

func badFilter(field string) error {
	return fault.New(errAPIFilter.Code, errAPIFilter.Key, "field", field).On(field)
}

func (a *api) campaignNew(c *fiber.Ctx, who *people.APIAccess) error {
	body := struct {
		Account string `json:"account"`
		apiEditable
	}{apiEditable: apiEditable{TimeZone: campaigns.Shanghai().String(), PerPerson: 1, Hold: 120, Issuer: campaigns.OwnCode}}
	if err := decode(c, &body); err != nil {
		return err
	}
	account, err := a.knownOf(c, who, cmp.Or(body.Account, c.Query("account")))
	if err != nil {
		return err
	}
	d := campaigns.Draft{Account: account}
	if err := body.write(&d); err != nil {
		return err
	}
	one, err := a.Campaigns.Create(c.UserContext(), a.actor(c, who), d)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, "/api/v1/campaigns/"+one.ID.String())
	return a.sendCampaign(c, fiber.StatusCreated, one)
}

func (a *api) campaignGet(c *fiber.Ctx, who *people.APIAccess) error {
	one, err := a.mine(c, who)
	if err != nil {
		return err
	}
	return a.sendCampaign(c, fiber.StatusOK, one)
}

// campaignPatch writes the fields that the body names. The version that the program read
// stands in If-Match or in the body; another one is ErrEditConflict.
func (a *api) campaignPatch(c *fiber.Ctx, who *people.APIAccess) error {
	one, err := a.mine(c, who)
	if err != nil {
		return err
	}
	d := campaigns.DraftOf(one)
	body := struct {
		Version int64 `json:"version"`
		apiEditable
	}{apiEditable: editableOf(&d)}
	questions := body.Form
	body.Form = nil // elements of a list would otherwise be merged with the old ones
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.Form == nil {
		body.Form = questions
	}
	if tag := c.Get(fiber.HeaderIfMatch); tag != "" {
		version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`), 10, 64)
		if err != nil {
			return errAPIVersion
		}
		body.Version = version
	}
	if body.Version <= 0 {
		return errAPIVersion
	}
	if err := body.write(&d); err != nil {
		return err
	}
	d.Version = body.Version
	changed, err := a.Campaigns.Edit(c.UserContext(), a.actor(c, who), one.ID, d)
	if err != nil {
		return err
	}
	return a.sendCampaign(c, fiber.StatusOK, changed)
}

// reasonOf reads the reason of a body that may be empty.
func reasonOf(c *fiber.Ctx) (string, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if len(c.BodyRaw()) == 0 {
		return "", nil
	}
	err := decode(c, &body)
	return body.Reason, err
}

// step does one step of a campaign's life and answers the campaign.
func (a *api) step(c *fiber.Ctx, who *people.APIAccess, do func(one *campaigns.Campaign, reason string) error) error {
	one, err := a.mine(c, who)
	if err != nil {
		return err
	}
	reason, err := reasonOf(c)
	if err == nil {
		err = do(one, reason)
	}
	if err == nil {
		one, err = a.Campaigns.Campaign(c.UserContext(), one.ID)
	}
	if err != nil {
		return err
	}
	return a.sendCampaign(c, fiber.StatusOK, one)
}

// campaignPublish publishes a draft that passes the checks of the admin's page. With
// warnings a reason is needed; the refusal lists them.
func (a *api) campaignPublish(c *fiber.Ctx, who *people.APIAccess) error {
	return a.step(c, who, func(one *campaigns.Campaign, reason string) error {
		ctx := c.UserContext()
		var checks []campaigns.Check
		if one.Status == campaigns.StatusDraft {
			var err error
			if checks, err = a.Server.preflight(ctx, one, nil); err != nil {
				return err
			}
		}
		err := a.Campaigns.PublishChecked(ctx, a.actor(c, who), one, checks, reason)
		all := fault.All(err)
		if len(all) == 0 || !errors.Is(err, campaigns.ErrPreflight) && all[0].Field != "reason" {
			return err
		}
		for _, check := range checks {
			if check.Level == campaigns.CheckBlock || check.Level == campaigns.CheckWarn {
				all = append(all, fault.New(fault.Conflict, check.Key, pairs(check.Args)...).On(check.Field))
			}
		}
		return fault.List(all)
	})
}

// pairs are arguments as fault.New takes them.
func pairs(args map[string]any) []any {
	var list []any
	for k, v := range args {
		list = append(list, k, v)
	}
	return list
}

func (a *api) campaignPause(c *fiber.Ctx, who *people.APIAccess) error {
	return a.step(c, who, func(one *campaigns.Campaign, reason string) error {
		return a.Campaigns.Pause(c.UserContext(), a.actor(c, who), one.ID, reason)
	})
}

func (a *api) campaignResume(c *fiber.Ctx, who *people.APIAccess) error {
	return a.step(c, who, func(one *campaigns.Campaign, _ string) error {
		return a.Campaigns.Resume(c.UserContext(), a.actor(c, who), one.ID)
	})
}

func (a *api) campaignEnd(c *fiber.Ctx, who *people.APIAccess) error {
	return a.step(c, who, func(one *campaigns.Campaign, _ string) error {
		return a.Campaigns.End(c.UserContext(), a.actor(c, who), one.ID)
	})
}

type apiStats struct {
	ID        string           `json:"id"`
	Total     int64            `json:"total"`
	Confirmed int64            `json:"confirmed"`
	Held      int64            `json:"held"`
	Left      int64            `json:"left"`
	Visits    int64            `json:"visits"`
	Redeemed  int64            `json:"redeemed"`
	Channels  int64            `json:"channels"`
	Today     int64            `json:"confirmed_today"`
	Yesterday int64            `json:"confirmed_yesterday_by_now"`
	HalfHour  int64            `json:"confirmed_last_30_minutes"`
	States    map[string]int64 `json:"claims"`
	At        time.Time        `json:"at"`
}

func (a *api) campaignStats(c *fiber.Ctx, who *people.APIAccess) error {
	one, err := a.mine(c, who)
	if err != nil {
		return err
	}
	numbers, err := a.Campaigns.NumbersOf(c.UserContext(), one)
	if err != nil {
		return err
	}
	counts, err := a.Campaigns.ClaimCounts(c.UserContext(), one.ID)
	if err != nil {
		return err
	}
	answer := apiStats{
		ID: one.ID.String(), Total: one.Stock.Total, Confirmed: one.Stock.Confirmed, Held: one.Stock.Held, Left: one.Stock.Left(),
		Visits: numbers.Visits, Redeemed: numbers.Redeemed, Channels: numbers.Channels, Today: numbers.Today, Yesterday: numbers.Yesterday,
		HalfHour: numbers.HalfHour, States: map[string]int64{}, At: a.Now().UTC().Truncate(time.Second),
	}
	for _, state := range campaigns.ClaimStates {
		answer.States[string(state)] = counts[state]
	}
	return sendJSON(c, fiber.StatusOK, answer)
}
