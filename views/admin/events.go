package admin

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
	"kaquan/wechat"
)

const (
	eventsPath    = "/admin/events"
	reconcilePath = "/admin/events/reconcile"
)

// EventQuery is the filter of the inbox as the address carries it. Days are YYYY-MM-DD.
type EventQuery struct {
	Account  campaigns.AccountID
	Event    string
	Result   campaigns.PushResult
	From, To string
	Search   string
	Before   int64
}

// URL is the address of the inbox with the filter; what does not filter is left out.
func (q EventQuery) URL() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"account": string(q.Account), "event": q.Event, "result": string(q.Result), "from": q.From, "to": q.To, "q": q.Search,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Before != 0 {
		v.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if len(v) == 0 {
		return eventsPath
	}
	return eventsPath + "?" + v.Encode()
}

func (q EventQuery) page(before int64) string {
	q.Before = before
	return q.URL()
}

func (q EventQuery) filters() bool {
	q.Before = 0
	return q != EventQuery{}
}

// Events is the inbox.
type Events struct {
	Page     layout.Page
	Query    EventQuery
	Accounts []campaigns.Account
	Results  []campaigns.PushResult
	Rows     []campaigns.Inbound
	Next     int64
	Pulses   []Pulse
	Now      time.Time
	Zone     *time.Location
}

// Pulse is how WeChat has been talking to one account.
type Pulse struct {
	Account campaigns.Account
	Hours   []int // messages in each hour of the last days, the running one last
	Last    time.Time
	Notes   []campaigns.CardNote
	Refused []Refused
}

// Refused counts messages that were refused for a reason since the program started.
type Refused struct {
	Reason string
	Count  int
	Last   time.Time
}

// eventNames are the events and messages that have a name in words, in the order of the filter.
var eventNames = []string{
	"user_get_card", "user_gifting_card", "user_del_card", "user_consume_card", "user_pay_from_pay_cell", "user_view_card",
	"user_enter_session_from_card", "update_member_card", "submit_membercard_user_info", "card_sku_remind", "card_pass_check",
	"card_not_pass_check", "card_pay_order", "subscribe", "unsubscribe", "scan", "click", "view", "text", "image", "voice", "location",
}

// eventName is the event in words; unknown ones keep WeChat's name.
func eventName(ctx context.Context, event string) string {
	if slices.Contains(eventNames, event) {
		return i18n.T(ctx, "events.type."+event)
	}
	return event
}

var resultColours = map[campaigns.PushResult]string{
	campaigns.PushApplied: "status-green", campaigns.PushUnmatched: "status-yellow", campaigns.PushFailed: "status-red", campaigns.PushKept: "",
}

// who is the person a message is about, short.
func who(m *campaigns.Inbound) string {
	e, err := wechat.ParseEvent(m.Raw)
	if err != nil {
		return ""
	}
	return ui.ShortOpenID(e.FromUser)
}

// latency is how long a message was on its way. WeChat counts in whole seconds.
func latency(m *campaigns.Inbound) string {
	way := m.Received.Sub(m.At)
	switch {
	case way < 0:
		return "0 s"
	case way < time.Minute:
		return fmt.Sprintf("%d s", int(way/time.Second))
	case way < time.Hour:
		return fmt.Sprintf("%d min", int(way/time.Minute))
	}
	return fmt.Sprintf("%d h", int(way/time.Hour))
}

func messagePath(m *campaigns.Inbound) string {
	return eventsPath + "/" + strconv.FormatInt(m.ID, 10)
}

// bar is one hour of the strip; its height is of 24.
type bar struct {
	x, height int
	title     string
}

const barHeight = 24

// bars are the last hours; a lone message stays visible beside a thousand.
func (m *Events) bars(p *Pulse, hours int) []bar {
	list := p.Hours[max(0, len(p.Hours)-hours):]
	top := max(1, slices.Max(append([]int{0}, list...)))
	start := m.Now.UTC().Truncate(time.Hour).Add(-time.Duration(len(list)-1) * time.Hour)
	var out []bar
	for i, n := range list {
		if n == 0 {
			continue
		}
		at := start.Add(time.Duration(i) * time.Hour).In(m.Zone)
		out = append(out, bar{x: i * 4, height: max(3, n*barHeight/top), title: at.Format("01-02 15:00") + " · " + strconv.Itoa(n)})
	}
	return out
}

func (p *Pulse) sum(hours int) (n int) {
	for _, one := range p.Hours[max(0, len(p.Hours)-hours):] {
		n += one
	}
	return n
}

func (p *Pulse) words(ctx context.Context, hours int) string {
	return i18n.T(ctx, "events.strip."+strconv.Itoa(hours), "count", i18n.Number(ctx, int64(p.sum(hours))))
}

// Event is one message with everything about it.
type Event struct {
	Page      layout.Page
	Message   campaigns.Inbound
	Zone      *time.Location
	CanReveal bool
	CanWrite  bool
	Revealed  bool
}

// personal are the fields that name somebody or that somebody wrote.
var personal = map[string]bool{
	"FromUserName": true, "FriendUserName": true, "StaffOpenId": true, "UnionId": true, "Content": true, "Recognition": true, "Label": true,
	"Location_X": true, "Location_Y": true, "Latitude": true, "Longitude": true, "Precision": true, "ScanResult": true, "PicUrl": true,
	"MediaId": true, "ReceiptInfo": true, "RemarkAmount": true,
}

func hide(name, value string) string {
	if !personal[name[strings.LastIndex(name, ".")+1:]] || value == "" {
		return value
	}
	if strings.Contains(name, "User") || strings.HasSuffix(name, "Id") {
		return ui.ShortOpenID(value)
	}
	return ui.MaskText(value)
}

// field is one field of a message.
type field struct{ Name, Value string }

// fields are those of the message in the order of their names.
func (m *Event) fields() []field {
	e, err := wechat.ParseEvent(m.Message.Raw)
	if err != nil {
		return nil
	}
	var list []field
	for name, value := range e.Raw {
		if !m.Revealed {
			value = hide(name, value)
		}
		list = append(list, field{name, value})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// shownRaw bounds what a page shows of a message, in bytes.
const shownRaw = 20_000

// raw is the message as it came, or written anew with personal texts masked: a pattern on
// the text could be led astray by what a visitor wrote.
func (m *Event) raw() string {
	if m.Revealed {
		return clip(string(m.Message.Raw))
	}
	var (
		b    strings.Builder
		path []string
	)
	d := xml.NewDecoder(strings.NewReader(string(m.Message.Raw)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return clip(b.String())
		}
		if err != nil {
			return ""
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			b.WriteString("<" + t.Name.Local + ">")
		case xml.EndElement:
			path = path[:len(path)-1]
			b.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			text := string(t)
			if len(path) > 0 {
				text = hide(path[len(path)-1], strings.TrimSpace(text))
			}
			b.WriteString(text)
		}
	}
}

func clip(text string) string {
	if len(text) <= shownRaw {
		return text
	}
	return strings.ToValidUTF8(text[:shownRaw], "") + "…"
}

// Reconcile is what reconciliation found.
type Reconcile struct {
	Page        layout.Page
	Runs        []campaigns.Run
	Differences []campaigns.Difference
	Run         int64 // whose differences; 0 = all
	Zone        *time.Location
	CanWrite    bool
}

func runPath(id int64) string { return reconcilePath + "?run=" + strconv.FormatInt(id, 10) }

// foundWords is what WeChat said about a claim.
func foundWords(ctx context.Context, found string) string {
	switch found {
	case "normal", "consumed", "expire", "gifting", "gift_succ", "gift_timeout", "delete", "unavailable",
		campaigns.FoundUnknown, campaigns.FoundOther, campaigns.FoundTaken:
		return i18n.T(ctx, "events.found."+found)
	}
	return found
}
