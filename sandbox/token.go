package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// token is an access token of the account (protocol 1).
type token struct {
	value string
	until time.Time
	// replaced is when a newer classic token makes this one wrong; zero while it is the newest.
	replaced time.Time
	dead     bool
}

func (t *token) alive(now time.Time) bool {
	return t != nil && !t.dead && now.Before(t.until) && (t.replaced.IsZero() || now.Before(t.replaced))
}

type tokens struct {
	known           []*token // newest last
	classic, stable *token

	day                           string // of the counters below, in Shanghai
	classicUsed, stableUsed       int
	forcedUsed                    int
	lastForced                    time.Time
	minute                        int64
	minuteUsed                    int
	foreign                       int // calls of ours that the other program has seen
	stablePerDay, stablePerMinute int // quotas
}

const (
	maxKnownTokens  = 500
	forcedPerDay    = 20
	forcedApart     = 30 * time.Second
	stablePerDay    = 500_000
	stablePerMinute = 10_000
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// overlap is how long an old and a new token are both accepted: five minutes, less when
// tokens are made to live shortly.
func (s *Server) overlap() time.Duration { return min(5*time.Minute, s.opt.TokenLife/4) }

func (s *Server) issue(book *tokens) *token {
	t := &token{value: "81_" + random(133, letters), until: s.opt.Now().Add(s.opt.TokenLife)}
	book.known = append(book.known, t)
	if extra := len(book.known) - maxKnownTokens; extra > 0 {
		book.known = append([]*token(nil), book.known[extra:]...)
	}
	return t
}

// newDay resets the daily counters at midnight in Shanghai.
func (s *Server) newDay(book *tokens) {
	if day := s.opt.Now().In(shanghai).Format(time.DateOnly); day != book.day {
		book.day, book.classicUsed, book.stableUsed, book.forcedUsed = day, 0, 0, 0
	}
}

// checkApp checks the credentials of the official account.
func (s *Server) checkApp(appID, secret string) *refusal {
	return s.checkCredentials(appID, secret, s.opt.AppID, s.opt.Secret)
}

// checkCredentials checks credentials against those of an app.
func (s *Server) checkCredentials(appID, secret, wantID, wantSecret string) *refusal {
	switch {
	case appID == "":
		return refuse(41002, "appid missing", "缺少 appid", "appid is missing")
	case secret == "":
		return refuse(41004, "appsecret missing", "缺少 secret", "secret is missing")
	case appID != wantID:
		return refuse(40013, "invalid appid", "AppID 不对", "unknown AppID")
	case s.acts(secretWrong) || secret != wantSecret:
		return refuse(40125, "invalid appsecret", "AppSecret 不对", "wrong AppSecret")
	}
	return nil
}

// checkCaller is what both token endpoints check first. The answer is where the tokens of
// the caller's app are kept: those of the account, or those of its mini program.
func (s *Server) checkCaller(grantType, appID, secret string) (*tokens, *refusal) {
	if grantType != "client_credential" {
		return nil, refuse(40002, "invalid grant_type", "grant_type 应为 client_credential", "grant_type must be client_credential")
	}
	book, no := &s.tokens, s.checkApp(appID, secret)
	if s.isMini(appID) {
		book, no = &s.mini.tokens, s.checkMiniApp(appID, secret)
	}
	if no != nil {
		return nil, no
	}
	if s.acts(ipBlocked) {
		return nil, refuse(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist", "IP 203.0.113.7 不在白名单", "IP 203.0.113.7 is not in the allow-list")
	}
	if s.acts(quotaUsed) {
		return nil, refuse(45009, "reach max api daily quota limit", "今日调用次数已用完", "daily quota used up")
	}
	if s.acts(rateLimited) {
		return nil, tooFast()
	}
	s.newDay(book)
	return book, nil
}

// tooFast is the answer to more calls in a minute than are allowed.
func tooFast() *refusal {
	return refuse(45011, "api minute-quota reach limit, must slower, retry next minute", "每分钟次数已用完", "per-minute quota used up")
}

type tokenReply struct {
	Token   string `json:"access_token"`
	Expires int64  `json:"expires_in"`
}

// reply is the answer for a token; seconds are rounded up so that a whole life stays whole.
func (t *token) reply(now time.Time) tokenReply {
	return tokenReply{t.value, int64((t.until.Sub(now) + time.Second - 1) / time.Second)}
}

// classicToken is GET /cgi-bin/token: every call issues a new token, and the one before
// it ends a few minutes later.
func (s *Server) classicToken(c *call) (any, *refusal) {
	if no := c.get(); no != nil {
		return nil, no
	}
	book, no := s.checkCaller(c.query.Get("grant_type"), c.query.Get("appid"), c.query.Get("secret"))
	if no != nil {
		return nil, no
	}
	if book.classicUsed >= s.opt.DailyTokenQuota {
		return nil, refuse(45009, "reach max api daily quota limit", "普通 token 今日次数已用完", "daily quota of the classic token used up")
	}
	book.classicUsed++
	now := s.opt.Now()
	if old := book.classic; old.alive(now) {
		old.replaced = now.Add(s.overlap())
	}
	book.classic = s.issue(book)
	s.note(LevelOK, "token", "发出普通 token，旧的即将失效", "classic token issued; the old one ends soon", fmt.Sprintf("%d/%d today", book.classicUsed, s.opt.DailyTokenQuota))
	return book.classic.reply(now), nil
}

// stableToken is POST /cgi-bin/stable_token: the same token until five minutes before its
// end, unless a forced refresh kills it.
func (s *Server) stableToken(c *call) (any, *refusal) {
	var in struct {
		GrantType string          `json:"grant_type"`
		AppID     string          `json:"appid"`
		Secret    string          `json:"secret"`
		Force     json.RawMessage `json:"force_refresh"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	force := false
	if len(in.Force) > 0 && json.Unmarshal(in.Force, &force) != nil {
		return nil, refuse(47001, "data format error", "force_refresh 应为布尔值", "force_refresh must be a boolean")
	}
	book, no := s.checkCaller(in.GrantType, in.AppID, in.Secret)
	if no != nil {
		return nil, no
	}
	now := s.opt.Now()
	if minute := now.Unix() / 60; minute != book.minute {
		book.minute, book.minuteUsed = minute, 0
	}
	switch {
	case book.minuteUsed >= book.stablePerMinute:
		return nil, refuse(45011, "api minute-quota reach limit, must slower, retry next minute", "稳定 token 每分钟次数已用完", "per-minute quota of the stable token used up")
	case book.stableUsed >= book.stablePerDay:
		return nil, refuse(45009, "reach max api daily quota limit", "稳定 token 今日次数已用完", "daily quota of the stable token used up")
	}
	book.minuteUsed++
	book.stableUsed++
	current := book.stable
	if force && (book.lastForced.IsZero() || now.Sub(book.lastForced) >= forcedApart) {
		if book.forcedUsed >= forcedPerDay {
			return nil, refuse(45009, "reach max api daily quota limit", "强制刷新今日 20 次已用完", "the 20 forced refreshes of the day are used up")
		}
		book.forcedUsed++
		book.lastForced = now
		if current != nil {
			current.dead = true
		}
	}
	if !current.alive(now) || current.until.Sub(now) <= s.overlap() {
		book.stable = s.issue(book)
		s.note(LevelOK, "token", "发出稳定 token", "stable token issued", fmt.Sprintf("force_refresh=%t", force))
	} else {
		s.note(LevelOK, "token", "稳定 token 未变", "same stable token again", fmt.Sprintf("force_refresh=%t", force))
	}
	return book.stable.reply(now), nil
}

// foreignEvery is after how many calls the other program of foreignRefresher comes back.
const foreignEvery = 3

// foreignCall is another program that shares the account and fetches a classic token now
// and then. Ours is wrong at once: the minutes in which both work would only hide what
// the switch is there to show. Stable tokens are apart from this (protocol 1.2).
func (s *Server) foreignCall() {
	if s.tokens.foreign++; s.tokens.foreign%foreignEvery != 0 || !s.acts(foreignRefresher) {
		return
	}
	s.newDay(&s.tokens)
	s.tokens.classicUsed++
	if old := s.tokens.classic; old != nil {
		old.dead = true
	}
	s.tokens.classic = s.issue(&s.tokens)
	s.note(LevelInfo, "token", "开关起作用：别的程序取走了新的普通 token，我们的已作废", "switch at work: another program fetched a classic token; ours is dead", "")
}

var tokenShape = regexp.MustCompile(`^[0-9]+_[A-Za-z0-9_-]{100,500}$`)

// checkToken checks the access_token of a call to the account.
func (s *Server) checkToken(c *call) *refusal { return s.checkTokenOf(&s.tokens, c) }

// checkTokenOf checks the access_token of a call against the tokens of an app.
func (s *Server) checkTokenOf(book *tokens, c *call) *refusal {
	value, now := c.query.Get("access_token"), s.opt.Now()
	if value == "" {
		return refuse(41001, "access_token missing", "缺少 access_token", "access_token is missing")
	}
	for _, t := range book.known {
		if t.value != value {
			continue
		}
		switch {
		case t.alive(now):
			return nil
		case t.dead, !t.replaced.IsZero() && !now.Before(t.replaced):
			return refuse(40001, "invalid credential, access_token is invalid or not latest", "token 已作废，不是最新的", "the token was replaced or killed")
		}
		return refuse(42001, "access_token expired", "token 已过期", "the token has expired")
	}
	if _, user := s.oauth.get(now, value); user {
		return refuse(48001, "api unauthorized", "这是网页授权的 token，不能调用全局接口", "a web authorisation token cannot call this interface")
	}
	if !tokenShape.MatchString(value) {
		return refuse(40014, "invalid access_token", "access_token 格式不对", "malformed access_token")
	}
	return refuse(40001, "invalid credential, access_token is invalid or not latest", "不认识这个 token", "unknown token")
}

// ticket signs wx.config (jsapi) or cards (wx_card), protocol 2.1.
type ticket struct {
	value string
	until time.Time
}

// liveTickets are the tickets of a type that sign now, the newest last.
func (s *Server) liveTickets(kind string) []ticket {
	var live []ticket
	for _, t := range s.tickets[kind] {
		if s.opt.Now().Before(t.until) {
			live = append(live, t)
		}
	}
	s.tickets[kind] = live
	return live
}

// noCardRight is the answer to an account without the right to cards.
func noCardRight() *refusal {
	return refuse(48001, "api unauthorized", "公众号没有卡券功能权限", "the account has no right to cards")
}

// getTicket is GET /cgi-bin/ticket/getticket: the same ticket while it lives.
func (s *Server) getTicket(c *call) (any, *refusal) {
	if no := c.get(); no != nil {
		return nil, no
	}
	if no := s.checkToken(c); no != nil {
		return nil, no
	}
	kind := c.query.Get("type")
	if kind != "jsapi" && kind != "wx_card" {
		return nil, refuse(40097, "invalid args", "type 应为 jsapi 或 wx_card", "type must be jsapi or wx_card")
	}
	switch {
	case kind == "wx_card" && s.acts(cardDenied):
		return nil, noCardRight()
	case s.acts(quotaUsed):
		return nil, refuse(45009, "reach max api daily quota limit", "今日调用次数已用完", "daily quota used up")
	case s.acts(rateLimited):
		return nil, tooFast()
	}
	if s.acts(ticketWrongType) {
		kind = map[string]string{"jsapi": "wx_card", "wx_card": "jsapi"}[kind]
	}
	now := s.opt.Now()
	live := s.liveTickets(kind)
	if len(live) == 0 || live[len(live)-1].until.Sub(now) <= s.overlap() {
		live = append(live, ticket{random(86, letters), now.Add(s.opt.TokenLife)})
		s.tickets[kind] = live
	}
	t := live[len(live)-1]
	s.note(LevelOK, "ticket", "发出 "+kind+" ticket", kind+" ticket issued", "")
	return struct {
		Code    int    `json:"errcode"`
		Msg     string `json:"errmsg"`
		Ticket  string `json:"ticket"`
		Expires int64  `json:"expires_in"`
	}{0, "ok", t.value, int64((t.until.Sub(now) + time.Second - 1) / time.Second)}, nil
}
