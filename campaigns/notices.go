package campaigns

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
)

// Notices say who is told what about the campaign. The zero value tells nobody.
type Notices struct {
	Webhook Webhook `json:"webhook,omitzero"`
}

// Webhook is an address of another program that is told what happens. Its secret is kept
// elsewhere: settings are copied, compared and restored, and a secret must not be.
type Webhook struct {
	URL    string   `json:"url,omitempty"`    // https, or http on this machine; "" = nobody is told
	Events []string `json:"events,omitempty"` // of NoticeEvents
}

// What a webhook can be told. A ping is what staff send to try it.
const (
	ClaimConfirmed = "claim.confirmed"
	ClaimRedeemed  = "claim.redeemed"
	ClaimVoided    = "claim.voided"
	LowStockNotice = "campaign.low_stock"
	CampaignEnded  = "campaign.ended"
	Ping           = "ping"
)

// NoticeEvents lists them in the order in which the editor offers them.
var NoticeEvents = []string{ClaimConfirmed, ClaimRedeemed, ClaimVoided, LowStockNotice, CampaignEnded}

// On reports whether anybody is told about the event.
func (w *Webhook) On(event string) bool {
	return w.URL != "" && (event == Ping || slices.Contains(w.Events, event))
}

// problems checks them by themselves, each problem on its field: webhook_url,
// webhook_events.
func (n *Notices) problems() fault.List {
	var problems fault.List
	bad := func(field, key string) { problems = append(problems, fault.New(fault.Invalid, key).On(field)) }
	for _, event := range n.Webhook.Events {
		if !slices.Contains(NoticeEvents, event) {
			bad("webhook_events", "rules.error.choose")
		}
	}
	if n.Webhook.URL == "" {
		return problems
	}
	if len(n.Webhook.Events) == 0 {
		bad("webhook_events", "notices.error.events")
	}
	u, err := url.Parse(n.Webhook.URL)
	switch {
	case err != nil || len(n.Webhook.URL) > 500 || u.Hostname() == "" || u.User != nil || u.Fragment != "" || cleanLine(n.Webhook.URL) != n.Webhook.URL:
		bad("webhook_url", "notices.error.url")
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		bad("webhook_url", "notices.error.plain")
	case u.Scheme != "https" && u.Scheme != "http":
		bad("webhook_url", "notices.error.url")
	default:
		// What a name leads to is checked when it is dialled; an address says so already.
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && !mayTell(addr, true) {
			bad("webhook_url", "notices.error.private")
		}
	}
	return problems
}

func onThisMachine(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// unroutable are addresses that are public by their look alone.
var unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
}

// mayTell reports whether a webhook may be at the address: one of the public network, or, where
// that is allowed, of this machine. Everything else is the network that the program stands in.
func mayTell(addr netip.Addr, loopback bool) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return loopback
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	return !slices.ContainsFunc(unroutable, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// NoticeState is how far a notice got.
type NoticeState string

// The states. A failed one is not tried again by itself.
const (
	NoticeWaiting NoticeState = "waiting"
	NoticeSent    NoticeState = "sent"
	NoticeFailed  NoticeState = "failed"
)

// Notice is one message to a webhook. Body is JSON without personal data.
type Notice struct {
	ID        int64
	Campaign  ID
	Event     string
	Topic     string // what it is about; a campaign tells each topic once
	Body      string
	State     NoticeState
	CreatedAt time.Time
	DueAt     time.Time // of the next try, while it waits
	TriedAt   time.Time // zero = not yet
	Tries     int
	Status    int    // of the last answer, 0 = there was none
	Answer    string // its beginning; without an answer the reason, a key of notices.trouble
}

// The reasons why there was no answer.
const (
	TroubleAddress = "address" // it is not public
	TroubleTimeout = "timeout"
	TroubleNetwork = "network"
	TroubleOff     = "off" // the campaign names no address any more
)
