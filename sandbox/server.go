package sandbox

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

//go:embed ui
var ui embed.FS

// Card is one card of the account's stock.
type Card struct {
	ID, Title, Brand string
	Color            string // #rrggbb of the card's face
	Stock            int    // cards that may still be taken
	LimitPerPerson   int    // 0 for no limit
	UseCustomCode    bool   // cardExt must carry a code, unless Deposit is on
	Deposit          bool   // the own codes were handed over before; the sandbox makes them up
	BindOpenID       bool   // cardExt must carry the openid of the person

	Type       string // MEMBER_CARD, GIFT, …; default GENERAL_COUPON
	Status     string // CARD_STATUS_…; default CARD_STATUS_VERIFY_OK. Only then may it be taken
	NoGift     bool   // can_give_friend is off
	PushOnView bool   // need_push_on_view is on

	initial  int       // stock that was ever given to it
	reminded time.Time // of its low stock
}

// Options describe the account that the sandbox plays.
type Options struct {
	AppID, Secret string
	PushToken     string        // signs pushes
	OriginalID    string        // gh_…, the ToUserName of pushes
	CallbackURL   string        // where pushes go; empty for nowhere
	PushMode      string        // PushPlain, PushMixed or PushEncrypted; default PushPlain
	AESKey        string        // EncodingAESKey, 43 characters; needed unless the mode is plain
	AccountName   string        // over the chat; default 沙箱公众号
	OAuthDomain   string        // web authorisation domain, a host with or without port; default: the host of StartURL
	JSDomains     []string      // JS-SDK safe domains; default: OAuthDomain
	Cards         []Card        // in the order in which they are shown
	SDK           []byte        // the published JS-SDK, served behind the bridge
	StartURL      string        // page that the phone opens first
	TokenLife     time.Duration // default 7200 s
	// DailyTokenQuota is how often the classic token may be fetched in a day; default 2000.
	DailyTokenQuota int
	// VisitorCookies are the cookies of the claim site that belong to one phone: changing the
	// persona puts them aside and brings those of the other persona back. Cookies do not tell
	// ports apart, which lets the sandbox do it for a site on its own host. Default: kq_visitor.
	VisitorCookies []string
	Mini           Mini      // the mini program of the same owner
	Merchant       *Merchant // of WeChat Pay; nil for none
	Now            func() time.Time
	Log            *slog.Logger
}

// Server is the sandbox. Make one with New, end it with Close.
type Server struct {
	opt    Options
	mux    *http.ServeMux
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	pushes sync.WaitGroup
	client *http.Client
	delays delays

	mu       sync.Mutex
	closed   bool
	changed  chan struct{} // closed and replaced at every change
	version  int64
	flags    map[string]float64 // the share of calls on which a switch acts; absent = off
	roll     func() float64     // decides whether a switch acts this time, in [0, 1)
	turn     chan struct{}      // closed when the event that overtakes another has arrived
	entries  []Entry
	entryID  int64
	tokens   tokens
	tickets  map[string][]ticket
	consents shelf[consent]
	grants   shelf[*grant]
	oauth    shelf[oauthToken]
	refresh  shelf[oauthToken]
	verified shelf[map[string]bool]
	nonces   shelf[struct{}]
	sheets   shelf[*sheet]
	scans    shelf[*scanSheet]
	people   []*persona
	visitors int
	cards    map[string]*Card
	codes    map[string]*held
	secrets  map[string]*held // by encrypted code
	events   []*Event
	eventID  int64

	messageID, bubbleID, sceneID int64

	crypt    *crypt // of the push mode; nil when that is plain
	staff    *persona
	menu     []button
	scenes   []*scene
	pictures []*picture
	share    map[string]Share // what a page set for the menu, by persona
	mini     mini
	pay      *desk // nil without a merchant
}

// delays are the waits of the failure switches and of deliveries.
type delays struct{ slow, late, pushTimeout, retry time.Duration }

// New makes a sandbox. It answers as an http.Handler at once. A push mode that cannot be
// used, for want of a key, is written to its log, and pushes are plain then.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 7200 * time.Second
	}
	if o.DailyTokenQuota <= 0 {
		o.DailyTokenQuota = 2000
	}
	if o.OAuthDomain == "" {
		if u, err := url.Parse(o.StartURL); err == nil {
			o.OAuthDomain = u.Host
		}
	}
	if len(o.JSDomains) == 0 {
		o.JSDomains = []string{o.OAuthDomain}
	}
	if o.AccountName == "" {
		o.AccountName = "沙箱公众号"
	}
	if o.VisitorCookies == nil {
		o.VisitorCookies = []string{"kq_visitor"}
	}
	s := &Server{
		opt: o, mux: http.NewServeMux(), changed: make(chan struct{}), flags: map[string]float64{}, roll: rand.Float64,
		delays:  delays{slow: 3 * time.Second, late: 10 * time.Second, pushTimeout: 5 * time.Second, retry: 2 * time.Second},
		tokens:  tokens{stablePerDay: stablePerDay, stablePerMinute: stablePerMinute},
		tickets: map[string][]ticket{}, cards: map[string]*Card{}, codes: map[string]*held{}, secrets: map[string]*held{}, share: map[string]Share{},
		consents: newShelf[consent](500), grants: newShelf[*grant](2000), oauth: newShelf[oauthToken](2000), refresh: newShelf[oauthToken](2000),
		verified: newShelf[map[string]bool](2000), nonces: newShelf[struct{}](20000), sheets: newShelf[*sheet](500), scans: newShelf[*scanSheet](500),
		mini: newMini(),
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, c := range o.Cards {
		c.initial = c.Stock
		if c.Type == "" {
			c.Type = "GENERAL_COUPON"
		}
		if c.Status == "" {
			c.Status = statusOK
		}
		s.cards[c.ID] = &c
	}
	if err := s.setPush(o.PushMode, o.AESKey); err != nil {
		s.opt.PushMode = PushPlain
		s.note(LevelRefused, "push", "推送方式不能用，改为明文", "the push mode cannot be used, pushes are plain", err.Error())
	}
	s.seedPersonas()
	s.routes()
	s.openPay(o.Merchant)
	return s
}

func (s *Server) routes() {
	const jsonType, textType = "application/json; encoding=utf-8", "text/plain"
	s.mux.Handle("/cgi-bin/token", s.api("token", jsonType, s.classicToken))
	s.mux.Handle("/cgi-bin/stable_token", s.api("token", jsonType, s.stableToken))
	s.mux.Handle("/cgi-bin/ticket/getticket", s.api("ticket", jsonType, s.getTicket))
	s.mux.Handle("/card/code/decrypt", s.api("card", jsonType, s.decryptCode))
	s.mux.Handle("/card/code/get", s.api("card", jsonType, s.getCode))
	s.mux.Handle("/card/code/consume", s.api("card", jsonType, s.consumeCode))
	s.mux.Handle("/card/code/unavailable", s.api("card", jsonType, s.voidCode))
	s.mux.Handle("/card/batchget", s.api("card", jsonType, s.listCards))
	s.mux.Handle("/card/get", s.api("card", jsonType, s.showCard))
	s.mux.Handle("/card/modifystock", s.api("card", jsonType, s.changeStock))
	s.mux.Handle("/card/user/getcardlist", s.api("card", jsonType, s.listHeld))
	s.mux.Handle("/cgi-bin/menu/create", s.api("account", jsonType, s.createMenu))
	s.mux.Handle("/cgi-bin/menu/get", s.api("account", jsonType, s.getMenu))
	s.mux.Handle("/cgi-bin/menu/delete", s.api("account", jsonType, s.deleteMenu))
	s.mux.Handle("/cgi-bin/qrcode/create", s.api("account", jsonType, s.createScene))
	s.mux.Handle("/cgi-bin/user/info", s.api("account", jsonType, s.followerInfo))
	s.mux.Handle("/cgi-bin/media/upload", s.api("account", jsonType, s.uploadMedia))
	s.mux.Handle("/cgi-bin/message/custom/send", s.api("account", jsonType, s.customSend))
	s.mux.HandleFunc("GET /cgi-bin/showqrcode", s.showScene)
	s.mux.HandleFunc("GET /mmbiz_pic/{id}", s.showPicture)
	s.mux.Handle("/sns/oauth2/access_token", s.api("oauth", textType, s.oauthAccess))
	s.mux.Handle("/sns/oauth2/refresh_token", s.api("oauth", textType, s.oauthRefresh))
	s.mux.Handle("/sns/userinfo", s.api("oauth", textType, s.userInfo))
	s.mux.Handle("/sns/auth", s.api("oauth", textType, s.oauthCheck))

	s.miniRoutes()

	s.mux.HandleFunc("GET /connect/oauth2/authorize", s.authorize)
	s.mux.HandleFunc("GET /connect/oauth2/answer", s.consentAnswer)
	s.mux.HandleFunc("GET /mmopen/{persona}/{size}", s.avatar)

	s.mux.HandleFunc("GET /open/js/jweixin-1.6.0.js", s.script)
	s.mux.HandleFunc("/bridge/invoke", s.cross(s.invoke))
	s.mux.HandleFunc("/bridge/sheet", s.cross(s.answerSheet))
	s.mux.HandleFunc("/bridge/scan", s.cross(s.answerScan))

	s.mux.HandleFunc("HEAD /{$}", s.clockHead)
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/phone", http.StatusSeeOther) })
	s.mux.HandleFunc("GET /phone", s.phone)
	s.mux.HandleFunc("GET /sandbox-ui/{file}", s.asset)
	s.mux.HandleFunc("GET /sandbox-ui/state", s.state)
	s.mux.HandleFunc("GET /sandbox-ui/stream", s.stream)
	s.mux.HandleFunc("POST /sandbox-ui/control", s.control)
}

// ServeHTTP answers as WeChat, or as the phone.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit := int64(1 << 20)
	if r.URL.Path == "/cgi-bin/media/upload" {
		limit = maxPicture + 1<<20
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	s.mux.ServeHTTP(w, r)
}

// Close ends streams, gives up pushes under way and waits for them. Safe to repeat.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.pushes.Wait()
}

// SetCallback changes where pushes go; empty for nowhere.
func (s *Server) SetCallback(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.CallbackURL = address
	s.bump()
}

// SetStart changes the page that the phone opens first.
func (s *Server) SetStart(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.StartURL = address
	s.bump()
}

// refusal is an error answer of the API: what WeChat says, and why, for the log.
type refusal struct {
	code   int
	msg    string
	zh, en string
}

func refuse(code int, msg, zh, en string) *refusal { return &refusal{code, msg, zh, en} }

// call is one API request; its handler runs with the mutex held.
type call struct {
	*http.Request
	query url.Values
	body  []byte
}

// json reads the body of a POST; errcodes 43002 and 47001.
func (c *call) json(v any) *refusal {
	if c.Method != http.MethodPost {
		return refuse(43002, "require POST method", "必须用 POST", "must be POST")
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse(47001, "data format error", "请求体不是正确的 JSON", "the body is not valid JSON")
	}
	return nil
}

// get refuses other methods; errcode 43001.
func (c *call) get() *refusal {
	if c.Method != http.MethodGet {
		return refuse(43001, "require GET method", "必须用 GET", "must be GET")
	}
	return nil
}

// api wraps an interface of the account API: failure switches, error shape, log.
func (s *Server) api(area, contentType string, h func(*call) (any, *refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
			return
		}
		if s.trouble(w, r, area) {
			return
		}
		kind, text := s.answer(area, &call{Request: r, query: r.URL.Query(), body: body}, h)
		if kind == "" {
			kind = contentType
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text)
	})
}

// clockHead answers who asks for nothing but the date.
func (s *Server) clockHead(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	wrong := s.acts(clockSkew)
	s.mu.Unlock()
	if wrong {
		w.Header().Set("Date", s.opt.Now().Add(skew).UTC().Format(http.TimeFormat))
	}
}

// trouble does what the switches about the network say; true when it has answered.
func (s *Server) trouble(w http.ResponseWriter, r *http.Request, area string) bool {
	s.mu.Lock()
	acting := map[string]bool{}
	for _, name := range []string{networkDown, slowAnswer, noAnswer, garbageAnswer, clockSkew} {
		if acting[name] = s.acts(name); acting[name] {
			s.note(LevelInfo, area, "开关起作用："+name, "switch at work: "+name, r.URL.Path)
		}
	}
	s.mu.Unlock()
	if acting[clockSkew] {
		w.Header().Set("Date", s.opt.Now().Add(skew).UTC().Format(http.TimeFormat))
	}
	if acting[slowAnswer] {
		s.wait(r, s.delays.slow)
	}
	if acting[noAnswer] {
		s.wait(r, forever)
	}
	if acting[networkDown] || acting[noAnswer] {
		panic(http.ErrAbortHandler)
	}
	if acting[garbageAnswer] {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body></html>\r\n")
	}
	return acting[garbageAnswer]
}

// wait lasts until the time is over, the client gives up or the sandbox closes.
func (s *Server) wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// file is an answer that is not JSON.
type file struct {
	kind string
	body []byte
}

// answer runs a handler; the kind is empty for JSON.
func (s *Server) answer(area string, c *call, h func(*call) (any, *refusal)) (kind string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var (
		reply any
		no    *refusal
	)
	if area == "ticket" || area == "card" || area == "account" {
		s.foreignCall()
	}
	if s.acts(systemBusy) {
		no = refuse(-1, "system error", "系统繁忙", "system busy")
	} else {
		reply, no = h(c)
	}
	if no != nil {
		s.note(LevelRefused, area, fmt.Sprintf("%d %s", no.code, no.zh), no.en, c.Method+" "+c.URL.Path)
		reply = struct {
			Code int    `json:"errcode"`
			Msg  string `json:"errmsg"`
		}{no.code, no.msg + " rid: " + rid()}
	}
	if f, ok := reply.(file); ok {
		return f.kind, f.body
	}
	return "", compact(reply)
}

// compact is JSON as WeChat writes it: one line, no newline, nothing escaped for HTML.
func compact(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte(`{"errcode":-1,"errmsg":"system error"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	digits  = "0123456789"
	hexes   = "0123456789abcdef"
)

// random is n characters of an alphabet.
func random(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		k, err := cryptorand.Int(cryptorand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic(err)
		}
		b[i] = alphabet[k.Int64()]
	}
	return string(b)
}

// rid is a request id as error texts carry it.
func rid() string { return random(8, hexes) + "-" + random(8, hexes) + "-" + random(8, hexes) }

// onDomain reports whether an address lies on one of the domains. A domain without a port
// stands for every port, because WeChat's console knows no ports.
func onDomain(u *url.URL, domains ...string) bool {
	for _, d := range domains {
		host := u.Hostname()
		if strings.Contains(d, ":") {
			host = u.Host
		}
		if d != "" && strings.EqualFold(host, d) {
			return true
		}
	}
	return false
}

// origin is the address under which the sandbox was called.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
