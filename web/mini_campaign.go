package web

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/mini"
	"kaquan/views/visitor"
)

// The page of a campaign and the claims in it, as docs/mini-api.md describes them.
type (
	miniPage struct {
		Slug       string       `json:"slug"`
		State      string       `json:"state"`
		Title      string       `json:"title"`
		Body       string       `json:"body"`
		Now        string       `json:"now"`
		Key        string       `json:"key"`
		Card       miniFace     `json:"card"`
		StartsAt   string       `json:"starts_at"`
		EndsAt     string       `json:"ends_at"`
		ValidUntil string       `json:"valid_until"`
		Stock      *miniStock   `json:"stock,omitempty"`
		Limits     miniLimits   `json:"limits"`
		Form       []miniField  `json:"form"`
		Invitation bool         `json:"invitation"`
		Consent    miniConsent  `json:"consent"`
		Standing   miniStanding `json:"standing"`
		Mine       []miniClaim  `json:"mine"`
		Price      int64        `json:"price"` // fen
		Share      miniShare    `json:"share"`
	}
	miniFace struct {
		Benefit  string `json:"benefit"`
		Brand    string `json:"brand"`
		Intro    string `json:"intro"`
		Terms    string `json:"terms"`
		Contact  string `json:"contact"`
		Colour   string `json:"colour"`
		Issuer   string `json:"issuer"`
		Validity string `json:"validity"`
	}
	miniStock struct {
		Total int64 `json:"total"`
		Left  int64 `json:"left"`
		Few   bool  `json:"few,omitempty"`
	}
	miniLimits struct {
		PerPerson int `json:"per_person"`
		PerDay    int `json:"per_day"`
	}
	miniField struct {
		Key      string   `json:"key"`
		Kind     string   `json:"kind"`
		Label    string   `json:"label"`
		Help     string   `json:"help"`
		Required bool     `json:"required"`
		Options  []string `json:"options"`
		Value    string   `json:"value"`

		Placeholder string         `json:"placeholder"`
		Text        string         `json:"text"`
		Rule        campaigns.Rule `json:"rule"`
	}
	miniConsent struct {
		Needed    bool   `json:"needed"`
		Version   string `json:"version"`
		Purpose   string `json:"purpose"`
		Retention int    `json:"retention_days"`
	}
	miniStanding struct {
		Total    int  `json:"total"`
		Today    int  `json:"today"`
		LimitHit bool `json:"limit_hit"`
		DayHit   bool `json:"day_hit"`
		More     bool `json:"more"`
	}
	miniShare struct {
		Title string `json:"title"`
		Desc  string `json:"desc"`
		Image string `json:"image"`
	}
	miniClaim struct {
		ID          string `json:"id"`
		State       string `json:"state"`
		Issuer      string `json:"issuer"`
		Code        string `json:"code"`
		CodeGroups  string `json:"code_groups"`
		QR          string `json:"qr"`
		HoldUntil   string `json:"hold_until"`
		CreatedAt   string `json:"created_at"`
		ConfirmedAt string `json:"confirmed_at"`
		RedeemedAt  string `json:"redeemed_at"`
		ValidUntil  string `json:"valid_until"`
		CardID      string `json:"card_id"`

		Order *miniOrder `json:"order,omitempty"`
	}
)

// defaultColour is the face's where staff chose none.
const defaultColour = "#08784a"

func faceOf(ctx context.Context, p *visitor.Page) miniFace {
	c := p.Campaign
	t := c.Texts
	return miniFace{
		Benefit: t.Benefit, Brand: t.Brand, Intro: t.Intro, Terms: t.Terms, Contact: t.Contact, Colour: cmp.Or(t.Colour, defaultColour),
		Issuer: string(c.Issuer), Validity: p.Validity(ctx),
	}
}

// claimAnswer shows a code only while it can be shown at a counter.
func (m *minis) claimAnswer(ctx context.Context, c *campaigns.Campaign, claim *campaigns.Claim) miniClaim {
	a := miniClaim{
		ID: claim.ID.String(), State: string(claim.State), Issuer: string(claim.Issuer), CreatedAt: stamp(claim.CreatedAt),
		ConfirmedAt: stamp(claim.ConfirmedAt), RedeemedAt: stamp(claim.RedeemedAt), ValidUntil: stamp(c.ValidUntil),
	}
	switch {
	case claim.Issuer == campaigns.WeChatCard:
		a.CardID = string(c.CardID)
	case claim.State == campaigns.Confirmed:
		a.Code, a.CodeGroups, a.QR = string(claim.Code), claim.Code.Grouped(), string(claim.Code)
		if pass, err := m.pass(ctx, claim, c); err == nil {
			a.QR = pass
		} else { // the bare code is good wherever there is a network
			m.Log.ErrorContext(ctx, "pass not signed", "claim", claim.ID, "err", err)
		}
	}
	if claim.State.Bucket() == campaigns.SetAside {
		a.HoldUntil = stamp(claim.HoldUntil)
	}
	m.addOrder(ctx, c, claim, &a)
	return a
}

// page is the campaign's page as it stands for the person.
func (m *minis) page(ctx context.Context, who *mini.Session, c *campaigns.Campaign, channel string, more bool) (*miniPage, error) {
	p := visitor.Page{Campaign: c, Visitor: who.Visitor, Channel: channel, Now: m.Campaigns.Now(), Inside: true}
	standing, err := m.stand(ctx, &p, more)
	if err != nil {
		return nil, err
	}
	title, body := p.Words(ctx)
	a := &miniPage{
		Slug: string(c.Slug), State: string(p.State), Title: title, Body: body, Now: stamp(p.Now), Key: randomText(16),
		Card: faceOf(ctx, &p), StartsAt: stamp(c.StartsAt), EndsAt: stamp(c.EndsAt), ValidUntil: stamp(c.ValidUntil),
		Limits: miniLimits{c.Limits.PerPerson, c.Limits.PerDay}, Form: []miniField{}, Mine: []miniClaim{},
		Invitation: c.Rules.Invitation.Mode != campaigns.NoInvitation,
		Consent:    miniConsent{len(c.Form) > 0, campaigns.ConsentVersion, c.Texts.Purpose, p.Retention()},
		Standing:   miniStanding{standing.Total, standing.Today, standing.LimitHit, standing.DayHit, p.More},
		Share:      miniShare{Image: c.Share.Image}, Price: c.Price.Fen,
	}
	a.Share.Title, a.Share.Desc = p.ShareWords()
	if c.Texts.ShowStock {
		left, few := p.StockLeft()
		a.Stock = &miniStock{c.Stock.Total, left, few}
	}
	rules := visitor.FormRules(ctx, c.Form)
	for i, f := range c.Form {
		field := miniField{
			Key: f.Key, Kind: string(f.Kind), Label: f.Label, Help: f.Help, Required: f.Required, Options: append([]string{}, f.Options...),
			Placeholder: f.Placeholder, Text: f.Text, Rule: rules[i],
		}
		if f.Kind == campaigns.RegionField {
			field.Options = campaigns.RegionNames()
		}
		if phone, ok := campaigns.Mobile(who.Phone); ok && f.Kind == campaigns.MobileField {
			field.Value = phone
		}
		a.Form = append(a.Form, field)
	}
	for i := range p.Cards {
		a.Mine = append(a.Mine, m.claimAnswer(ctx, c, &p.Cards[i]))
	}
	return a, nil
}

// handleCampaign shows the page of a campaign.
func (m *minis) handleCampaign(c *fiber.Ctx, who *mini.Session) error {
	campaign, err := m.campaign(c, who)
	if err != nil {
		return err
	}
	channel := m.Campaigns.LiveChannel(c.UserContext(), campaign.ID, channelOf(c.Query("ch")))
	if channel != "" && c.Query(scannedMark) == "1" {
		m.Campaigns.Scanned(campaign.ID, channel)
	}
	page, err := m.page(c.UserContext(), who, campaign, channel, c.Query("more") == "1")
	if err != nil {
		return err
	}
	m.Campaigns.Visited(campaign.ID, who.Visitor)
	return sendJSON(c, fiber.StatusOK, page)
}

// handleClaim takes the tap on the primary button.
func (m *minis) handleClaim(c *fiber.Ctx, who *mini.Session) error {
	ctx := c.UserContext()
	campaign, err := m.campaign(c, who)
	if err != nil {
		return err
	}
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	began, channel := m.Campaigns.Now(), m.Campaigns.LiveChannel(ctx, campaign.ID, channelOf(in.text("ch")))
	claim, _, err := m.Campaigns.Claim(ctx, campaigns.Tap{
		Slug: campaign.Slug, Visitor: who.Visitor, Key: cmp.Or(in.text("key"), c.Get("Idempotency-Key")),
		Channel: channel, Answers: in.answers, Consent: in.yes("consent"), Invitation: in.text("invitation"),
	})
	switch {
	case errors.Is(err, campaigns.ErrVisitorNotFound):
		return mini.ErrRevoked
	case errors.Is(err, campaigns.ErrBadKey):
		return campaigns.ErrBadKey.On("key")
	case err != nil:
		return err
	}
	if campaign, err = m.Campaigns.BySlug(ctx, campaign.Slug); err != nil { // its stock has changed
		return err
	}
	page, err := m.page(ctx, who, campaign, channel, false)
	if err != nil {
		return err
	}
	status := fiber.StatusCreated
	if claim.CreatedAt.Before(began.Truncate(time.Millisecond)) {
		status = fiber.StatusOK
	}
	return sendJSON(c, status, struct {
		Claim miniClaim `json:"claim"`
		Page  *miniPage `json:"page"`
	}{m.claimAnswer(ctx, campaign, claim), page})
}

// handleCard signs the card for one tap; every tap asks anew.
func (m *minis) handleCard(c *fiber.Ctx, who *mini.Session) error {
	id, campaign, err := m.claimID(c, who)
	if err != nil {
		return err
	}
	ext, _, _, err := m.Campaigns.Open(c.UserContext(), id, who.Visitor)
	if err != nil && len(fault.All(err)) == 0 {
		// WeChat gave no ticket: the claim is held, so the same tap may come again.
		return mini.ErrWeChat.Because(err)
	}
	if err != nil {
		return err
	}
	card := cardAnswer{string(campaign.CardID), ext}
	return sendJSON(c, fiber.StatusOK, struct {
		CardID  string       `json:"card_id"`
		CardExt string       `json:"card_ext"`
		List    []cardAnswer `json:"card_list"`
	}{card.CardID, card.CardExt, []cardAnswer{card}})
}

// handleReport takes what the phone says became of the sheet: a hint, never proof.
func (m *minis) handleReport(c *fiber.Ctx, who *mini.Session) error {
	id, campaign, err := m.claimID(c, who)
	if err != nil {
		return err
	}
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	said, err := sheetReport(in.text("outcome"), in.text("detail"), in.text("code"))
	if err != nil {
		return err
	}
	claim, err := m.Campaigns.Report(c.UserContext(), id, who.Visitor, said)
	if err != nil {
		return err
	}
	if said.Outcome == campaigns.WalletRefused && claim.State == campaigns.Released {
		m.Log.Warn("wallet refused", "account", campaign.Account, "campaign", campaign.ID.String(), "reason", claim.ReleaseReason)
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Claim miniClaim `json:"claim"`
	}{m.claimAnswer(c.UserContext(), campaign, claim)})
}

// miniCards is how many cards one answer lists.
const miniCards = 100

type (
	miniCard struct {
		Claim    miniClaim    `json:"claim"`
		Campaign miniCampaign `json:"campaign"`
	}
	miniCampaign struct {
		Slug     string `json:"slug"`
		Name     string `json:"name"`
		Benefit  string `json:"benefit"`
		Brand    string `json:"brand"`
		Colour   string `json:"colour"`
		Validity string `json:"validity"`
	}
)

// handleClaims lists the person's cards in this account.
func (m *minis) handleClaims(c *fiber.Ctx, who *mini.Session) error {
	ctx := c.UserContext()
	profile, err := m.Campaigns.Profile(ctx, who.Visitor)
	if errors.Is(err, campaigns.ErrVisitorNotFound) {
		return mini.ErrRevoked
	}
	if err != nil {
		return err
	}
	cards, known := []miniCard{}, map[campaigns.ID]*campaigns.Campaign{}
	for i := range profile.Claims {
		claim := &profile.Claims[i].Claim
		if claim.State == campaigns.Released || len(cards) == miniCards {
			continue
		}
		campaign := known[claim.Campaign]
		if campaign == nil {
			if campaign, err = m.Campaigns.Campaign(ctx, claim.Campaign); err != nil {
				return err
			}
			known[claim.Campaign] = campaign
		}
		face := faceOf(ctx, &visitor.Page{Campaign: campaign, Now: m.Campaigns.Now()})
		cards = append(cards, miniCard{
			m.claimAnswer(ctx, campaign, claim),
			miniCampaign{string(campaign.Slug), face.Benefit, face.Benefit, face.Brand, face.Colour, face.Validity},
		})
	}
	return sendJSON(c, fiber.StatusOK, struct {
		Claims []miniCard `json:"claims"`
	}{cards})
}
