package web

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/views/visitor"
	"kaquan/wechat"
)

// visit is one request of one visitor to one campaign.
type visit struct {
	campaign *campaigns.Campaign
	account  *wechat.Account
	session  session // zero for strangers and for visitors of another account
	channel  string
	place    place
}

// load finds the campaign of a request, its account and who asks. A cookie of another
// account is as good as none.
func (v *visitors) load(c *fiber.Ctx) (*visit, error) {
	return v.visit(c, slugOf(c), channelOf(c.FormValue("ch")))
}

func (v *visitors) visit(c *fiber.Ctx, slug campaigns.Slug, channel string) (*visit, error) {
	campaign, err := v.Campaigns.BySlug(c.UserContext(), slug)
	if err != nil {
		return nil, err
	}
	account, err := v.WeChat.Account(c.UserContext(), string(campaign.Account))
	if err != nil {
		return nil, err
	}
	v.visitorPolicy(c, account)
	channel = v.Campaigns.LiveChannel(c.UserContext(), campaign.ID, channel)
	t := &visit{campaign: campaign, account: account, channel: channel, place: onPhone}
	if x, ok := v.session(c); ok && x.Account == campaign.Account {
		t.session = x
	}
	return t, nil
}

// page answers GET /c/{slug}, whole or, for claim.js, the part that changes.
func (v *visitors) page(c *fiber.Ctx) error {
	if token := c.Query("preview"); token != "" {
		return v.preview(c, token)
	}
	t, err := v.load(c)
	if err != nil {
		return err
	}
	if !wantsMain(c) {
		t.place = placeOf(c, t.account.Credentials().Sandbox)
	}
	p, err := v.look(c.UserContext(), t, c.Query("more") == "1")
	if err != nil {
		return err
	}
	return v.show(c, t, p)
}

const (
	seenCookie = "kq_n"
	seenClaims = 20
)

// greet tells the first sight of a card from a return: who comes back to a page on which
// nothing more can be had reads that they have one already.
func (v *visitors) greet(c *fiber.Ctx, p *visitor.Page) {
	claim := p.Claim()
	if p.State != visitor.Claimed && p.State != visitor.ClaimedLocal || claim == nil {
		return
	}
	var seen []string
	if text := c.Cookies(seenCookie); text != "" {
		seen = strings.Split(text, ".")
	}
	id := claim.ID.String()
	switch {
	case !slices.Contains(seen, id):
		seen = append(seen, id)
		v.setCookie(c, seenCookie, strings.Join(seen[max(0, len(seen)-seenClaims):], "."), visitorLife)
	case !p.More && !wantsMain(c):
		p.State = visitor.Already
	}
}

// blank is the page of a visit before its state is known.
func (v *visitors) blank(t *visit) (visitor.Page, error) {
	token, err := v.csrf(t.session)
	return visitor.Page{
		Campaign: t.campaign, Visitor: t.session.Visitor, Channel: t.channel, Now: v.Campaigns.Now(), CSRF: token, Key: randomText(16),
		Link: v.PublicURL + pagePath(t.campaign.Slug, t.channel),
	}, err
}

// look finds the state of the page. A visitor who holds a card sees it, whatever became
// of the campaign since; more asks for another one.
func (v *visitors) look(ctx context.Context, t *visit, more bool) (visitor.Page, error) {
	p, err := v.blank(t)
	if err != nil {
		return p, err
	}
	c := t.campaign
	state := c.State(p.Now)
	if t.place != onPhone && state != campaigns.Ended {
		p.State = visitor.NotInWeChat
		if t.place == onDesktop {
			p.State = visitor.WeChatDesktop
		}
		return p, nil
	}
	p.Inside = t.place == onPhone
	_, err = v.stand(ctx, &p, more)
	return p, err
}

// stand finds the state of a page whose campaign and visitor are known, and what the
// visitor has. The mini program's pages stand on it too.
func (s *Server) stand(ctx context.Context, p *visitor.Page, more bool) (campaigns.Standing, error) {
	c := p.Campaign
	state := c.State(p.Now)
	standing, err := s.Campaigns.Standing(ctx, c, p.Visitor)
	if err != nil {
		return standing, err
	}
	p.Cards = standing.Claims
	p.More = state == campaigns.Running && !standing.LimitHit && !standing.DayHit && c.Stock.Left() > 0
	if current := standing.Current; current != nil && (!more || current.State.Bucket() == campaigns.SetAside) {
		money, err := s.owed(ctx, p, current)
		if err != nil {
			return standing, err
		}
		if p.State = cmp.Or(money, stateOfClaim(c, current, p.Now)); p.State != "" {
			return standing, nil
		}
		p.Cards = p.Cards[1:]
	}
	if !more && len(p.Cards) == 0 {
		back, err := s.paidBack(ctx, p)
		if err != nil {
			return standing, err
		}
		if back {
			p.State = visitor.Refunded
			return standing, nil
		}
	}
	p.State = stateOfCampaign(p, state, standing)
	return standing, s.bar(ctx, p)
}

// stateOfClaim is the state of a page that is about a claim; "" when the claim's hold is
// over and only the sweeper has not been there yet.
func stateOfClaim(c *campaigns.Campaign, claim *campaigns.Claim, now time.Time) visitor.State {
	switch claim.State {
	case campaigns.Held, campaigns.Opened:
		if claim.Overdue(now) {
			return ""
		}
		// The sheet was shown before and no card came of it: nothing opens by itself then.
		if claim.State == campaigns.Opened {
			return visitor.Cancelled
		}
		return visitor.Claiming
	case campaigns.Reported:
		return visitor.Confirming
	case campaigns.Redeemed:
		return visitor.Redeemed
	case campaigns.Expired:
		return visitor.ExpiredCard
	case campaigns.Voided:
		return visitor.VoidedCard
	case campaigns.Confirmed:
		switch {
		case !c.ValidUntil.IsZero() && now.After(c.ValidUntil):
			return visitor.ExpiredCard
		case c.ShowsCode():
			return visitor.ClaimedLocal
		}
		return visitor.Claimed
	}
	return visitor.Already
}

// stateOfCampaign is the state of a page without a claim.
func stateOfCampaign(p *visitor.Page, state campaigns.State, standing campaigns.Standing) visitor.State {
	c := p.Campaign
	switch state {
	case campaigns.Scheduled:
		return visitor.BeforeStart
	case campaigns.Paused:
		return visitor.Paused
	case campaigns.Running:
	default:
		return visitor.Ended
	}
	// A hold that is over still counts until it is swept; the tap itself sweeps.
	waits := standing.Current != nil && standing.Current.Overdue(p.Now)
	switch {
	case standing.LimitHit && !waits:
		return visitor.Already
	case standing.DayHit && !waits:
		return visitor.DayQuota
	case c.Stock.Left() <= 0 && !waits:
		return visitor.SoldOut
	case p.Visitor == 0:
		return visitor.Intro
	case c.Asks():
		return visitor.Form
	}
	return visitor.Ready
}

// statusOfState is the HTTP status of a page in a state; 200 for those not named.
var statusOfState = map[visitor.State]int{
	visitor.FormError: http.StatusUnprocessableEntity, visitor.RateLimited: http.StatusTooManyRequests,
	visitor.NotFound: http.StatusNotFound, visitor.ServerError: http.StatusInternalServerError,
}

// show writes the page. A whole page that is open in WeChat also gets the signature that
// the JS-SDK asks for.
func (v *visitors) show(c *fiber.Ctx, t *visit, p visitor.Page) error {
	v.greet(c, &p)
	if err := v.passes(c.UserContext(), &p); err != nil {
		return err
	}
	status := statusOfState[p.State]
	if status == 0 {
		status = http.StatusOK
	}
	if wantsMain(c) {
		return render(c, status, visitor.Main(p))
	}
	if t.place == onPhone {
		v.Campaigns.Visited(t.campaign.ID, t.session.Visitor)
		v.sign(c, t, &p)
	}
	return render(c, status, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return v.skeletons.Render(ctx, w, p) }))
}

// signLimit is how long a page waits for a signature when WeChat has to be asked first:
// own codes need none, so a slow WeChat must not keep people from them.
const signLimit = 2 * time.Second

// sign adds the JS-SDK's configuration for the very address that the browser shows. A
// failure is ours to log; it stops only what needs the wallet.
func (v *visitors) sign(c *fiber.Ctx, t *visit, p *visitor.Page) {
	ctx, cancel := context.WithTimeout(c.UserContext(), signLimit)
	defer cancel()
	p.SDK = t.account.JSURL()
	config, err := t.account.SignPage(ctx, v.PublicURL+c.OriginalURL())
	if err == nil {
		p.Config = &config
		return
	}
	code := v.newSupport("sign page")
	v.Log.Error("page not signed", "support_code", code, "account", t.campaign.Account, "err", err)
	if t.campaign.Issuer != campaigns.WeChatCard {
		return
	}
	switch p.State {
	case visitor.Form, visitor.Ready, visitor.Claiming, visitor.Cancelled:
		p.State, p.SupportCode = visitor.SignFailed, code
	}
}
