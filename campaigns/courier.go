package campaigns

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"kaquan/fault"
)

// The headers of a notice. The signature is "v1=" and the hexadecimal HMAC-SHA256 of
// timestamp, ".", and the body, under the webhook's secret; the timestamp is unix seconds of
// this try.
const (
	NoticeEventHeader     = "X-Kaquan-Event"
	NoticeIDHeader        = "X-Kaquan-Delivery"
	NoticeTimeHeader      = "X-Kaquan-Timestamp"
	NoticeSignatureHeader = "X-Kaquan-Signature"
)

// waits are the pauses after each try that failed; after the last there is no other.
var waits = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}

const (
	tellLimit     = 10 * time.Second // of one try
	tellAtOnce    = 4                // campaigns
	tellBatch     = 100
	newsBatch     = 500
	newsBatches   = 20
	overlap       = 10 * time.Minute // confirmations may be told a little late
	deepEvery     = time.Hour
	deepLook      = 48 * time.Hour // and sometimes very late
	noticeKept    = 30 * 24 * time.Hour
	answerKept    = 200 // characters
	noticesShown  = 50
	secretPrefix  = "whsec_"
	secretBytes   = 32
	quietInterval = time.Minute
)

// Errors of notices.
var (
	ErrNoWebhook      = fault.New(fault.Conflict, "notices.error.no_webhook")
	ErrNoSecret       = fault.New(fault.Conflict, "notices.error.no_secret")
	ErrNoticeNotFound = fault.New(fault.NotFound, "error.not_found")
)

// Hook is what is known of a campaign's webhook besides its settings.
type Hook struct {
	Campaign ID
	Secret   string
	Since    time.Time // nothing older is told
	ReadAt   time.Time
	DeepAt   time.Time
}

// ClaimNews is a claim that a webhook was not told about.
type ClaimNews struct {
	Ref   Ref
	Code  CardCode
	State ClaimState
	At    time.Time
}

// NoticeStore is what the courier needs from the database.
type NoticeStore interface {
	CampaignByID(ctx context.Context, id ID) (*Campaign, error)
	LowStockNote(ctx context.Context, campaign ID) (*StockNote, error)

	// Hooks are those of all campaigns that name an address and have a secret.
	Hooks(ctx context.Context) ([]Hook, error)
	// HookOf is a campaign's; found is false while it has no secret.
	HookOf(ctx context.Context, campaign ID) (h Hook, found bool, err error)
	// SaveHookSecret replaces the secret. What happened before the first one is never told.
	SaveHookSecret(ctx context.Context, campaign ID, secret string, audit Audit) error
	// ClaimNews are claims with the event (ClaimConfirmed, ClaimRedeemed, ClaimVoided) at from or later
	// that no notice is about, the oldest first.
	ClaimNews(ctx context.Context, campaign ID, event string, from time.Time, limit int) ([]ClaimNews, error)
	// QueueNotices stores those whose topic is new, and how far the hook has read.
	QueueNotices(ctx context.Context, h Hook, list []Notice) error
	// DueNotices wait and are due, the oldest first.
	DueNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error)
	// NoteDelivery stores how a try went.
	NoteDelivery(ctx context.Context, n Notice) error
	// Notices are a campaign's newest.
	Notices(ctx context.Context, campaign ID, limit int) ([]Notice, error)
	// ResendNotice makes one due now, whatever became of it; ErrNoticeNotFound.
	ResendNotice(ctx context.Context, campaign ID, id int64, now time.Time) error
	// TrimDeliveries forgets those that are done and older than before.
	TrimDeliveries(ctx context.Context, before time.Time) error
}

// Courier tells webhooks what happened. It reads the ledger after the fact, so claiming costs
// nothing more for it. Each notice is told at least once. Safe for concurrent use.
type Courier struct {
	store  NoticeStore
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	trimmed time.Time
}

// CourierOptions are the parts a Courier is made of.
type CourierOptions struct {
	Store    NoticeStore
	Loopback bool             // whether webhooks may be on this machine
	Now      func() time.Time // nil = time.Now
	Log      *slog.Logger     // nil = discard
}

var errPrivateAddress = errors.New("the address is not public")

// NewCourier makes one. It connects to public addresses only, however they are named, follows
// no redirects and uses no proxy.
func NewCourier(o CourierOptions) *Courier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dialer := &net.Dialer{Timeout: tellLimit / 2, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !mayTell(at.Addr(), o.Loopback) {
			return errPrivateAddress
		}
		return nil
	}}
	return &Courier{store: o.Store, now: o.Now, log: o.Log, client: &http.Client{
		Timeout:       tellLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: tellLimit / 2, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 16, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
	}}
}

// NewSecret makes a campaign's secret, in place of an earlier one. It is told this once.
func (k *Courier) NewSecret(ctx context.Context, actor Actor, campaign ID) (string, error) {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw)
	secret := secretPrefix + base64.RawURLEncoding.EncodeToString(raw)
	return secret, k.store.SaveHookSecret(ctx, campaign, secret, Audit{Actor: actor, Action: "campaign.webhook_secret", Detail: "{}", At: k.now().UTC()})
}

// Log is what a campaign's webhook was told, the newest first, and whether it has a secret.
func (k *Courier) Log(ctx context.Context, campaign ID) (list []Notice, secret bool, err error) {
	if _, secret, err = k.store.HookOf(ctx, campaign); err != nil {
		return nil, false, err
	}
	list, err = k.store.Notices(ctx, campaign, noticesShown)
	return list, secret, err
}

// Resend tells a notice again. ErrNoticeNotFound.
func (k *Courier) Resend(ctx context.Context, campaign ID, id int64) error {
	return k.store.ResendNotice(ctx, campaign, id, k.now().UTC())
}

// Ping sends a notice that is about nothing. ErrNoWebhook, ErrNoSecret.
func (k *Courier) Ping(ctx context.Context, campaign ID) error {
	c, err := k.store.CampaignByID(ctx, campaign)
	if err != nil {
		return err
	}
	if c.Notices.Webhook.URL == "" {
		return ErrNoWebhook
	}
	h, found, err := k.store.HookOf(ctx, campaign)
	switch {
	case err != nil:
		return err
	case !found:
		return ErrNoSecret
	}
	now := k.now().UTC()
	return k.store.QueueNotices(ctx, h, []Notice{k.notice(c, Ping, strconv.FormatInt(now.UnixNano(), 36), now, nil, nil)})
}

// Run finds what is new and tells what is due. It is for a task that repeats.
func (k *Courier) Run(ctx context.Context) error {
	err := k.collect(ctx)
	err = errors.Join(err, k.deliver(ctx))
	now := k.now().UTC()
	k.mu.Lock()
	trim := now.Sub(k.trimmed) >= deepEvery
	if trim {
		k.trimmed = now
	}
	k.mu.Unlock()
	if trim {
		err = errors.Join(err, k.store.TrimDeliveries(ctx, now.Add(-noticeKept)))
	}
	return err
}

func (k *Courier) collect(ctx context.Context) error {
	hooks, err := k.store.Hooks(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, h := range hooks {
		if err := k.collectOf(ctx, h); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (k *Courier) collectOf(ctx context.Context, h Hook) error {
	c, err := k.store.CampaignByID(ctx, h.Campaign)
	if err != nil {
		return err
	}
	now, hook := k.now().UTC(), &c.Notices.Webhook
	from, read := h.ReadAt.Add(-overlap), h
	read.ReadAt = now
	if now.Sub(h.DeepAt) >= deepEvery {
		from, read.DeepAt = now.Add(-deepLook), now
	}
	if from.Before(h.Since) {
		from = h.Since
	}
	var list []Notice
	if note, err := k.store.LowStockNote(ctx, c.ID); err != nil {
		return err
	} else if note != nil && hook.On(LowStockNotice) && note.At.After(h.Since) {
		list = append(list, k.notice(c, LowStockNotice, strconv.FormatInt(note.At.UnixMilli(), 10), note.At, nil, &noticeStock{note.Left, note.Total}))
	}
	if hook.On(CampaignEnded) && c.State(now) == Ended && c.EndsAt.After(h.Since) {
		list = append(list, k.notice(c, CampaignEnded, strconv.FormatInt(c.EndsAt.UnixMilli(), 10), minTime(c.EndsAt, now), nil, &noticeStock{c.Stock.Left(), c.Stock.Total}))
	}
	if len(list) > 0 {
		if err := k.store.QueueNotices(ctx, h, list); err != nil {
			return err
		}
	}
	fresh := 0
	for _, event := range []string{ClaimConfirmed, ClaimRedeemed, ClaimVoided} {
		if !hook.On(event) {
			continue
		}
		n, whole, err := k.collectClaims(ctx, c, h, event, from)
		if err != nil {
			return err
		}
		if fresh += n; !whole {
			return nil // the next turn goes on from the same place
		}
	}
	if fresh == 0 && now.Sub(h.ReadAt) < quietInterval && read.DeepAt.Equal(h.DeepAt) {
		return nil
	}
	return k.store.QueueNotices(ctx, read, nil)
}

// collectClaims queues what a webhook was not told of claims; whole is false when more is
// left.
func (k *Courier) collectClaims(ctx context.Context, c *Campaign, h Hook, event string, from time.Time) (n int, whole bool, err error) {
	for range newsBatches {
		news, err := k.store.ClaimNews(ctx, c.ID, event, from, newsBatch)
		if err != nil {
			return n, false, err
		}
		list := make([]Notice, len(news))
		for i, claim := range news {
			list[i] = k.notice(c, event, claimTopic(event, claim), claim.At, &noticeClaim{claim.Ref, tail(claim.Code), claim.State}, nil)
		}
		if len(list) > 0 {
			if err := k.store.QueueNotices(ctx, h, list); err != nil {
				return n, false, err
			}
		}
		if n += len(news); len(news) < newsBatch {
			return n, true, nil
		}
	}
	return n, false, nil
}

// claimTopic names a claim once; a redemption that was taken back may be followed by another.
func claimTopic(event string, claim ClaimNews) string {
	if event == ClaimRedeemed {
		return string(claim.Ref) + ":" + strconv.FormatInt(claim.At.UnixMilli(), 10)
	}
	return string(claim.Ref)
}

func tail(code CardCode) string { return string(code[max(0, len(code)-4):]) }

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// noticeBody is what a webhook reads. It names no person, and no code as a whole.
type noticeBody struct {
	Event    string         `json:"event"`
	At       time.Time      `json:"at"`
	Campaign noticeCampaign `json:"campaign"`
	Claim    *noticeClaim   `json:"claim,omitempty"`
	Stock    *noticeStock   `json:"stock,omitempty"`
}

type noticeCampaign struct {
	Slug  Slug  `json:"slug"`
	State State `json:"state"`
}

type noticeClaim struct {
	Ref   Ref        `json:"ref"`
	Tail  string     `json:"code_tail"`
	State ClaimState `json:"state"`
}

type noticeStock struct {
	Left  int64 `json:"left"`
	Total int64 `json:"total"`
}

func (k *Courier) notice(c *Campaign, event, topic string, at time.Time, claim *noticeClaim, stock *noticeStock) Notice {
	now := k.now().UTC()
	b, _ := json.Marshal(noticeBody{event, at.UTC(), noticeCampaign{c.Slug, c.State(now)}, claim, stock}) // plain values always encode
	return Notice{Campaign: c.ID, Event: event, Topic: event + ":" + topic, Body: string(b), State: NoticeWaiting, CreatedAt: now, DueAt: now}
}

// deliver tells what is due: several campaigns at once, each in order. Once an address fails,
// the rest of its campaign waits for the next turn.
func (k *Courier) deliver(ctx context.Context) error {
	due, err := k.store.DueNotices(ctx, k.now().UTC(), tellBatch)
	if err != nil {
		return err
	}
	byCampaign := map[ID][]Notice{}
	for _, n := range due {
		byCampaign[n.Campaign] = append(byCampaign[n.Campaign], n)
	}
	var (
		group  sync.WaitGroup
		turn   = make(chan struct{}, tellAtOnce)
		mu     sync.Mutex
		failed []error
	)
	for id, list := range byCampaign {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			if err := k.deliverOf(ctx, id, list); err != nil {
				mu.Lock()
				failed = append(failed, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

func (k *Courier) deliverOf(ctx context.Context, id ID, list []Notice) error {
	c, err := k.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	h, found, err := k.store.HookOf(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range list {
		if ctx.Err() != nil {
			return nil // the program stops: what is left stays due
		}
		if !found || c.Notices.Webhook.URL == "" {
			n.State, n.Answer, n.Status = NoticeFailed, TroubleOff, 0
		} else if k.tell(ctx, c.Notices.Webhook.URL, h.Secret, &n); ctx.Err() != nil {
			return nil
		}
		if err := k.store.NoteDelivery(ctx, n); err != nil {
			return err
		}
		if n.State == NoticeWaiting {
			k.log.Warn("webhook did not take a notice", "campaign", id.String(), "event", n.Event, "tries", n.Tries, "status", n.Status)
			return nil
		}
	}
	return nil
}

// tell tries once and writes into n how it went.
func (k *Courier) tell(ctx context.Context, address, secret string, n *Notice) {
	now := k.now().UTC()
	n.TriedAt, n.Status, n.Answer = now, 0, ""
	n.Tries++
	status, answer, err := k.send(ctx, address, secret, n, now)
	switch {
	case err == nil:
		n.Status, n.Answer = status, answer
	case errors.Is(err, errPrivateAddress):
		n.Answer = TroubleAddress
	case isTimeout(err):
		n.Answer = TroubleTimeout
	default:
		n.Answer = TroubleNetwork
	}
	switch {
	case n.Status >= 200 && n.Status < 300:
		n.State = NoticeSent
	case n.Tries > len(waits):
		n.State = NoticeFailed
	default:
		n.State, n.DueAt = NoticeWaiting, now.Add(waits[n.Tries-1])
	}
}

func isTimeout(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

func (k *Courier) send(ctx context.Context, address, secret string, n *Notice, now time.Time) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader([]byte(n.Body)))
	if err != nil {
		return 0, "", err
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Kaquan")
	r.Header.Set(NoticeEventHeader, n.Event)
	r.Header.Set(NoticeIDHeader, strconv.FormatInt(n.ID, 10))
	r.Header.Set(NoticeTimeHeader, stamp)
	r.Header.Set(NoticeSignatureHeader, SignNotice(secret, stamp, []byte(n.Body)))
	response, err := k.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4*answerKept)) // how it went, the status says
	return response.StatusCode, beginning(string(text)), nil
}

// beginning is the start of a text of somebody else's, in one line.
func beginning(text string) string {
	text = cleanLine(strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " "))
	if utf8.RuneCountInString(text) > answerKept {
		text = string([]rune(text)[:answerKept]) + "…"
	}
	return text
}

// SignNotice is the signature of a body at a time, as NoticeSignatureHeader carries it.
func SignNotice(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
