package staff

import (
	"context"
	"strconv"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/wechat"
)

// The addresses of the pages.
const (
	HomePath     = "/s/"
	ScanPath     = "/s/scan"
	TodayPath    = "/s/today"
	SignInPath   = "/s/signin"
	SignOutPath  = "/s/signout"
	LookPath     = "/s/look"
	RedeemPath   = "/s/redeem"
	UndoPath     = "/s/undo"
	SyncPath     = "/s/sync"
	ConflictPath = "/s/conflict"
	WorkerPath   = "/s/sw.js"
)

// AtPath is the sign-in page of one store: a short link to keep on the counter.
func AtPath(id stores.PlaceID) string { return "/s/at/" + id.String() }

// RedemptionPath is the result of one redemption.
func RedemptionPath(id redemption.ID) string {
	return "/s/redemption/" + strconv.FormatInt(int64(id), 10)
}

// BindPath is where a member of the staff binds their WeChat identity.
func BindPath(token string) string { return "/s/bind/" + token }

// WeChatPath signs in with the WeChat identity.
func WeChatPath(account string) string { return "/s/wechat?account=" + account }

// Page is the frame around every page at the till.
type Page struct {
	Title  string
	Nav    string           // the entry that is shown: scan or today; "" = none
	Till   *redemption.Till // nil before signing in
	CSRF   string
	Now    time.Time
	Notice string // what just happened
	Tasks  int    // open conflicts, for managers
	Keys   []redemption.Key
	SDK    string // address of the JS-SDK, "" outside of WeChat
	Config *wechat.PageConfig
}

// data is what staff.js reads once from the page.
type data struct {
	CSRF   string            `json:"csrf"`
	Staff  string            `json:"staff"`
	Name   string            `json:"name"`
	Keys   map[string]string `json:"keys"`
	SDK    string            `json:"sdk,omitempty"`
	Config *config           `json:"config,omitempty"`
	Worker string            `json:"worker,omitempty"`
	Texts  map[string]string `json:"texts"`
}

type config struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	Nonce     string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// configOf is a signature as wx.config takes it.
func configOf(c *wechat.PageConfig) *config {
	if c == nil {
		return nil
	}
	return &config{AppID: string(c.AppID), Timestamp: c.Timestamp, Nonce: c.NonceStr, Signature: c.Signature}
}

// data of a page before the sign-in names nobody and works on nothing offline.
func (p *Page) data(ctx context.Context) data {
	d := data{CSRF: p.CSRF, SDK: p.SDK, Config: configOf(p.Config), Keys: map[string]string{}}
	d.Texts = map[string]string{
		"busy": i18n.T(ctx, "staff.busy"), "network": i18n.T(ctx, "staff.offline.failed"), "camera": i18n.T(ctx, "staff.camera.failed"),
		"nothing": i18n.T(ctx, "staff.camera.nothing"), "waiting": i18n.T(ctx, "staff.offline.waiting"), "others": i18n.T(ctx, "staff.offline.others"),
		"conflict": i18n.T(ctx, "staff.offline.conflict"), "synced": i18n.T(ctx, "staff.offline.synced"), "unsupported": i18n.T(ctx, "staff.offline.unsupported"),
		"unsigned": i18n.T(ctx, "staff.offline.unsigned"), "forged": i18n.T(ctx, "staff.verdict.forged"), "used": i18n.T(ctx, "staff.offline.used"),
		"expired": i18n.T(ctx, "staff.offline.expired"), "until": i18n.T(ctx, "staff.offline.until"), "copied": i18n.T(ctx, "staff.copied"), "expired_session": i18n.T(ctx, "staff.session_over"),
	}
	if p.Till != nil {
		d.Staff, d.Name, d.Worker = p.Till.Staff.ID.String(), p.Till.Staff.Name, WorkerPath
		for _, k := range p.Keys {
			d.Keys[k.ID] = k.Public
		}
	}
	return d
}

func (p *Page) manages() bool { return p.Till != nil && p.Till.Staff.Role.Manages() }

// zone is where the day of the till is.
func zone() *time.Location { return campaigns.Shanghai() }

// Moment is when something was as people at a counter say it: today 11:20, yesterday 11:20,
// else the date.
func Moment(ctx context.Context, t, now time.Time) string {
	local, today := t.In(zone()), now.In(zone())
	clock := local.Format("15:04")
	switch day := local.Format(time.DateOnly); day {
	case today.Format(time.DateOnly):
		return i18n.T(ctx, "staff.today_at", "time", clock)
	case today.AddDate(0, 0, -1).Format(time.DateOnly):
		return i18n.T(ctx, "staff.yesterday_at", "time", clock)
	}
	return date(ctx, local, today) + " " + clock
}

// date is a day, with the year where it is another one.
func date(ctx context.Context, t, now time.Time) string {
	t = t.In(zone())
	if t.Year() != now.In(zone()).Year() {
		return i18n.T(ctx, "staff.date_year", "year", t.Year(), "month", int(t.Month()), "day", t.Day())
	}
	return i18n.T(ctx, "staff.date", "month", int(t.Month()), "day", t.Day())
}
