package visitor

import (
	"cmp"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/orders"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// State is what the page shows; it is the page's data-state attribute.
type State string

// The states of the page, in the order of a visit.
const (
	Intro         State = "intro"
	Snapshot      State = "snapshot"
	AuthDenied    State = "auth_denied"
	AuthFailed    State = "auth_failed"
	NotInWeChat   State = "not_in_wechat"
	WeChatDesktop State = "wechat_desktop"
	BeforeStart   State = "before_start"
	Form          State = "form"
	FormError     State = "form_error"
	Ready         State = "ready"
	Claiming      State = "claiming"
	Cancelled     State = "cancelled"
	Confirming    State = "confirming"
	Claimed       State = "claimed"
	ClaimedLocal  State = "claimed_local"
	Already       State = "already"
	NeedFollow    State = "need_follow"
	NotEligible   State = "not_eligible"
	Blocked       State = "blocked"
	DayQuota      State = "day_quota"
	SoldOut       State = "sold_out"
	Paused        State = "paused"
	Ended         State = "ended"
	RateLimited   State = "rate_limited"
	NetworkError  State = "network_error"
	ServerError   State = "server_error"
	SignFailed    State = "sign_failed"
	WalletFailed  State = "wallet_failed"
	NotFound      State = "not_found"
	Redeemed      State = "redeemed"
	ExpiredCard   State = "expired"
	VoidedCard    State = "voided"
	PayNeeded     State = "pay_needed"
	Paying        State = "paying"
	PayFailed     State = "pay_failed"
	Refunded      State = "refunded"
)

const (
	roundBelow = 10 // stock below this is told as "fewer than"
)

// Page is everything one page shows. Campaign is nil where none is known.
type Page struct {
	State       State
	Campaign    *campaigns.Campaign
	Cards       []campaigns.Claim            // the visitor's claims, newest first; the first is the page's
	Passes      map[campaigns.ClaimID]string // the texts of their QR codes; a card without one shows its code
	Visitor     campaigns.VisitorID
	Channel     string
	Now         time.Time
	CSRF        string
	Key         string // idempotency key of the next tap
	Values      map[string]string
	Consent     bool
	Invitation  string // the code that was typed
	Errors      ui.Errors
	Notice      string // a sentence above the state's own words
	Sentence    string // replaces the body of the state
	SupportCode string
	ShareGone   bool      // of DayQuota: the share of all is taken, not this person's
	NextShare   time.Time // when the next one opens; zero = never
	Follow      string    // of NeedFollow: the account's name
	FollowQR    string    // and a picture of its code, as a data address; "" = not known
	Link        string    // this page's address with the channel, for QR codes and sharing
	Inside      bool      // open in WeChat, where people can be identified
	Back        string    // where the button leads when no campaign is known
	More        bool      // the visitor may claim another one
	SDK         string    // address of the JS-SDK, "" where it is of no use
	Config      *wechat.PageConfig
	clock       int64         // milliseconds that claim.js reads instead of Now, for skeletons; 0 = Now
	Order       *orders.Order // of the claim the page is about, or the one that was paid back; nil = none
	CanRefund   bool          // the visitor may have the order's money back
	Edit        string        // address of the form that changes its words, to which their part is added; "" = none
	Spare       bool          // only the state's own words and button; claim.js keeps the rest of the page
}

func (p Page) faceClass() string {
	class := "kq-face"
	if p.State == Redeemed || p.State == ExpiredCard || p.State == VoidedCard {
		class += " kq-face_used"
	}
	return class
}

func (p Page) mainClass() string {
	class := "kq-main"
	if p.hasBar() {
		class += " kq-main_bar"
	}
	if p.hasSecond() {
		class += " kq-main_second"
	}
	return class
}

func (p Page) cellClass(name string) string {
	if len(p.Errors.Of(name)) > 0 {
		return "weui-cell kq-cell weui-cell_warn"
	}
	return "weui-cell kq-cell"
}

// Claim is the claim that the page is about; nil when there is none.
func (p Page) Claim() *campaigns.Claim {
	if len(p.Cards) == 0 {
		return nil
	}
	return &p.Cards[0]
}

// pass is the text of a card's QR code.
func (p Page) pass(card *campaigns.Claim) string { return cmp.Or(p.Passes[card.ID], string(card.Code)) }

// role is how a screen reader hears the state: interrupting only for problems.
func (p Page) role() string {
	switch p.State {
	case FormError, AuthDenied, AuthFailed, RateLimited, NetworkError, ServerError, SignFailed, WalletFailed, NotFound:
		return "alert"
	}
	return "status"
}

// bare reports whether the state's title is the benefit, which the card face shows.
func (p Page) bare() bool {
	return p.Campaign != nil && (p.State == Intro || p.State == Ready)
}

// base is the path of the page without its query, "" when no campaign is known.
func (p Page) base() string {
	if p.Campaign == nil {
		return ""
	}
	return "/c/" + string(p.Campaign.Slug)
}

// here is the page's own path with the channel.
func (p Page) here() string {
	if p.Campaign == nil {
		return p.Back
	}
	return address(p.base(), "ch", p.Channel)
}

func (p Page) more() string { return address(p.base(), "ch", p.Channel, "more", "1") }

func (p Page) authorise() string {
	return address("/w/oauth", "c", string(p.Campaign.Slug), "ch", p.Channel)
}

func (p Page) theme() string {
	return address(p.base()+"/theme.css", "v", strconv.FormatInt(p.Campaign.Version, 10))
}

// address is path with the non-empty parameters, in the order given.
func address(path string, pairs ...string) string {
	mark := "?"
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			path += mark + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
			mark = "&"
		}
	}
	return path
}

// attributes tell claim.js what to do in this state.
func (p Page) attributes() templ.Attributes {
	a := templ.Attributes{}
	claim := p.Claim()
	switch p.State {
	case BeforeStart:
		a["data-start"] = milliseconds(p.Campaign.StartsAt)
	case Claiming, Cancelled:
		a["data-until"] = milliseconds(claim.HoldUntil)
		a["data-claim"] = claim.ID.String()
		a["data-poll"] = "1"
		if p.State == Claiming {
			a["data-open"] = "1"
		}
	case Confirming:
		a["data-poll"] = "1"
	case PayNeeded, PayFailed:
		a["data-until"] = milliseconds(p.PayUntil())
		a["data-claim"] = claim.ID.String()
		a["data-poll"] = "1"
	case Paying:
		a["data-claim"] = claim.ID.String()
		a["data-poll"] = "1"
	}
	return a
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// local reports whether the cards are codes that this page shows.
func (p Page) local() bool { return p.Campaign.ShowsCode() }

// shown are the cards with a code that the visitor can still show.
func (p Page) shown() []campaigns.Claim {
	var cards []campaigns.Claim
	for _, card := range p.Cards {
		if card.State == campaigns.Confirmed && card.Code != "" {
			cards = append(cards, card)
		}
	}
	return cards
}

func (p Page) showsCodes() bool {
	return p.Campaign != nil && p.local() && (p.State == ClaimedLocal || p.State == Already) && len(p.shown()) > 0
}

// first reports whether the field is the one that gets the focus: the first wrong one.
func (p Page) first(name string) bool {
	for _, field := range p.Campaign.Form {
		if n := "f_" + field.Key; len(p.Errors.Of(n)) > 0 {
			return n == name
		}
	}
	if len(p.Errors.Of(invitationName)) > 0 {
		return name == invitationName
	}
	return name == "consent" && len(p.Errors.Of(name)) > 0
}

const invitationName = "invitation"

// invited reports whether the form asks for an invitation code.
func (p Page) invited() bool { return p.Campaign.Rules.Invitation.Mode != campaigns.NoInvitation }

// invitation are the attributes of the input of the invitation code.
func (p Page) invitation() templ.Attributes {
	a := templ.Attributes{
		"id": ui.FieldID(invitationName), "name": invitationName, "type": "text", "aria-required": "true", "autocapitalize": "characters",
		"autocomplete": "off", "spellcheck": "false", "maxlength": "64",
	}
	if len(p.Errors.Of(invitationName)) > 0 {
		a["aria-invalid"], a["aria-describedby"] = "true", ui.FieldID(invitationName)+"-error"
	}
	if p.first(invitationName) {
		a["autofocus"] = true
	}
	return a
}

// data is what claim.js reads once from the page.
type data struct {
	Base   string            `json:"base"`
	CSRF   string            `json:"csrf"`
	Now    int64             `json:"now"` // milliseconds, the server's clock
	SDK    string            `json:"sdk,omitempty"`
	Config *config           `json:"config,omitempty"`
	Share  *share            `json:"share,omitempty"`
	Texts  map[string]string `json:"texts"`
}

type share struct {
	Title string `json:"title"`
	Desc  string `json:"desc"`
	Link  string `json:"link"`
	Image string `json:"imgUrl"`
}

type config struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	Nonce     string `json:"nonceStr"`
	Signature string `json:"signature"`
	URL       string `json:"url"` // the address that is signed, for telling when it was refused
}

// Config is a signature as wx.config takes it.
func Config(c wechat.PageConfig) any {
	return config{AppID: string(c.AppID), Timestamp: c.Timestamp, Nonce: c.NonceStr, Signature: c.Signature, URL: c.URL}
}

func (p Page) with(state State) Page {
	p.State, p.Notice, p.Sentence, p.SupportCode, p.Spare = state, "", "", "", true
	return p
}
