package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Mini is a mini program of the account's owner. Without an AppID there is none.
type Mini struct {
	AppID, Secret string
	// UnionIDs binds the account and the mini program to one Open Platform account: both
	// then tell the same unionid of a person.
	UnionIDs bool
	Pages    []string // published pages, for codes that check them; empty: any page
}

// mini is the state of the mini program.
type mini struct {
	tokens   tokens
	logins   shelf[*miniLogin]
	phones   shelf[*miniPhone]
	sessions shelf[*miniSession]    // by persona
	consents shelf[map[string]bool] // to one message of a template, by persona
	scans    shelf[[]miniScan]      // what the camera will see, by persona
}

// miniLogin is a code of wx.login. It is remembered longer than it works, so that one
// used twice is told from one that never was.
type miniLogin struct {
	person *persona
	until  time.Time
	used   bool
}

// miniPhone is a code of the phone number button.
type miniPhone struct {
	person           *persona
	number, country  string
	until            time.Time
	used             bool
	countryAsInteger bool
}

// miniSession is a person's session_key and how often they signed in lately.
type miniSession struct {
	key    string
	at     time.Time
	minute int64
	logins int
}

const (
	miniCodeLife    = 5 * time.Minute
	miniSessionLife = 72 * time.Hour
	miniRecent      = 2 * time.Hour // how long after a visit a person's texts are checked
	miniPerMinute   = 100           // sign-ins of one person
	maxMiniLinkDays = 30
)

func newMini() mini {
	return mini{
		tokens: tokens{stablePerDay: stablePerDay, stablePerMinute: stablePerMinute},
		logins: newShelf[*miniLogin](2000), phones: newShelf[*miniPhone](2000), sessions: newShelf[*miniSession](500),
		consents: newShelf[map[string]bool](500), scans: newShelf[[]miniScan](500),
	}
}

// miniRoutes are the interfaces of the mini program, and the phone's side of them.
func (s *Server) miniRoutes() {
	const jsonType, textType = "application/json; encoding=utf-8", "text/plain"
	s.mux.Handle("/sns/jscode2session", s.api("mini", textType, s.miniCodeToSession))
	for path, h := range map[string]func(*call) (any, *refusal){
		"/wxa/checksession":                s.miniCheckSession,
		"/wxa/resetusersessionkey":         s.miniResetSession,
		"/wxa/business/getuserphonenumber": s.miniPhoneNumber,
		"/wxa/msg_sec_check":               s.miniTextCheck,
		"/wxa/getwxacodeunlimit":           s.miniCode,
		"/wxa/generatescheme":              s.miniScheme,
		"/wxa/generate_urllink":            s.miniLink,
		"/cgi-bin/message/subscribe/send":  s.miniSend,

		"/wxa/sec/order/upload_shipping_info": s.miniShip,
	} {
		s.mux.Handle(path, s.api("mini", jsonType, h))
	}
	s.miniPhoneRoutes()
}

func (s *Server) isMini(appID string) bool { return appID != "" && appID == s.opt.Mini.AppID }

// checkMiniApp checks the credentials of the mini program.
func (s *Server) checkMiniApp(appID, secret string) *refusal {
	return s.checkCredentials(appID, secret, s.opt.Mini.AppID, s.opt.Mini.Secret)
}

// checkMiniCall checks the access_token of a call; one of the account is not one of the
// mini program.
func (s *Server) checkMiniCall(c *call) *refusal {
	if value := c.query.Get("access_token"); value != "" && slices.ContainsFunc(s.tokens.known, func(t *token) bool { return t.value == value }) {
		return refuse(48001, "api unauthorized", "这是公众号的 token，要用小程序的", "this token is the official account's, not the mini program's")
	}
	return s.checkTokenOf(&s.mini.tokens, c)
}

// miniOpenID is a person's id in the mini program: another one than in the account, the
// same at every start.
func (s *Server) miniOpenID(p *persona) string { return steadyID("mini", s.opt.Mini.AppID, p) }

// unionID is a person's id in every app of the owner; empty when nothing binds them.
func (s *Server) unionID(p *persona) string {
	if !s.opt.Mini.UnionIDs {
		return ""
	}
	return steadyID("union", s.opt.AppID, p)
}

func steadyID(salt, app string, p *persona) string {
	sum := sha256.Sum256([]byte(salt + "/" + app + "/" + p.id))
	return "o" + base64.RawURLEncoding.EncodeToString(sum[:])[:27]
}

// MiniIDs are the ids of a persona: in the mini program, and in every app of the owner,
// which is empty unless Mini.UnionIDs is set. Both are empty for an unknown persona.
func (s *Server) MiniIDs(personaID string) (openID, unionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.persona(personaID)
	if p == nil {
		return "", ""
	}
	return s.miniOpenID(p), s.unionID(p)
}

func (s *Server) byMiniOpenID(openID string) *persona {
	for _, p := range s.people {
		if s.miniOpenID(p) == openID {
			return p
		}
	}
	return nil
}

// miniCodeToSession is GET /sns/jscode2session (mini program 2).
func (s *Server) miniCodeToSession(c *call) (any, *refusal) {
	if no := c.get(); no != nil {
		return nil, no
	}
	if c.query.Get("grant_type") != "authorization_code" {
		return nil, refuse(40002, "invalid grant_type", "grant_type 应为 authorization_code", "grant_type must be authorization_code")
	}
	if no := s.checkMiniApp(c.query.Get("appid"), c.query.Get("secret")); no != nil {
		return nil, no
	}
	code, now := c.query.Get("js_code"), s.opt.Now()
	if code == "" {
		return nil, refuse(41008, "missing code", "缺少 js_code", "js_code is missing")
	}
	login, ok := s.mini.logins.get(now, code)
	switch {
	case !ok || s.acts(miniCodeBad):
		return nil, refuse(40029, "invalid code", "不认识这个 js_code", "unknown js_code")
	case login.used:
		return nil, refuse(40163, "code been used", "js_code 已经用过", "the js_code was used before")
	case !now.Before(login.until):
		return nil, refuse(40029, "invalid code", "js_code 已过 5 分钟", "the js_code is older than five minutes")
	}
	session, ok := s.mini.sessions.get(now, login.person.id)
	if !ok {
		session = &miniSession{}
	}
	if minute := now.Unix() / 60; minute != session.minute {
		session.minute, session.logins = minute, 0
	}
	if session.logins++; session.logins > miniPerMinute || s.acts(miniLoginFast) {
		s.mini.sessions.put(now, login.person.id, session, now.Add(miniSessionLife))
		return nil, tooFast()
	}
	if s.acts(miniUserBlocked) {
		return nil, refuse(40226, "code blocked", "高风险用户，拒绝登录", "a person of high risk may not sign in")
	}
	// Every sign-in makes a new key, which is the hardest case that WeChat allows: what was
	// encrypted before it cannot be read any more.
	login.used, session.key, session.at = true, newSessionKey(), now
	s.mini.sessions.put(now, login.person.id, session, now.Add(miniSessionLife))
	s.note(LevelOK, "mini", login.person.name+" 登录小程序", login.person.id+" signed in to the mini program", "")
	return struct {
		Key    string `json:"session_key"`
		OpenID string `json:"openid"`
		Union  string `json:"unionid,omitempty"`
	}{session.key, s.miniOpenID(login.person), s.unionID(login.person)}, nil
}

// newSessionKey is base64 of 16 random bytes.
func newSessionKey() string { return base64.StdEncoding.EncodeToString([]byte(random(16, letters))) }

// miniProof checks the signature that proves a session_key: HMAC-SHA256 of nothing, keyed
// with the text of the key.
func (s *Server) miniProof(c *call) (*persona, *miniSession, *refusal) {
	if no := c.get(); no != nil {
		return nil, nil, no
	}
	if no := s.checkMiniCall(c); no != nil {
		return nil, nil, no
	}
	if c.query.Get("sig_method") != "hmac_sha256" {
		return nil, nil, refuse(87008, "invalid sig_method", "sig_method 应为 hmac_sha256", "sig_method must be hmac_sha256")
	}
	p := s.byMiniOpenID(c.query.Get("openid"))
	if p == nil {
		return nil, nil, refuse(40003, "invalid openid", "openid 不是这个小程序的", "the openid is not of this mini program")
	}
	session, ok := s.mini.sessions.get(s.opt.Now(), p.id)
	if !ok || session.key == "" {
		return nil, nil, refuse(87009, "invalid signature", "这个人没有 session_key", "this person has no session_key")
	}
	mac := hmac.New(sha256.New, []byte(session.key))
	if hex.EncodeToString(mac.Sum(nil)) != c.query.Get("signature") {
		return nil, nil, refuse(87009, "invalid signature", "session_key 不是最新的，或签名不对", "the session_key is stale, or the signature is wrong")
	}
	return p, session, nil
}

// miniCheckSession is GET /wxa/checksession (mini program 3).
func (s *Server) miniCheckSession(c *call) (any, *refusal) {
	if _, _, no := s.miniProof(c); no != nil {
		return nil, no
	}
	return okReply{0, "ok"}, nil
}

// miniResetSession is GET /wxa/resetusersessionkey: the old key ends at once.
func (s *Server) miniResetSession(c *call) (any, *refusal) {
	p, session, no := s.miniProof(c)
	if no != nil {
		return nil, no
	}
	session.key = newSessionKey()
	return struct {
		okReply
		OpenID string `json:"openid"`
		Key    string `json:"session_key"`
	}{okReply{0, "ok"}, s.miniOpenID(p), session.key}, nil
}

// miniPhoneNumber is POST /wxa/business/getuserphonenumber (mini program 8).
func (s *Server) miniPhoneNumber(c *call) (any, *refusal) {
	if no := s.checkMiniCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Code   string `json:"code"`
		OpenID string `json:"openid"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	now := s.opt.Now()
	phone, ok := s.mini.phones.get(now, in.Code)
	if !ok {
		if _, login := s.mini.logins.get(now, in.Code); login {
			return nil, refuse(40029, "invalid code", "这是 wx.login 的 code，不是手机号的", "this is a code of wx.login, not of the phone number button")
		}
		return nil, refuse(40029, "invalid code", "不认识这个手机号 code", "unknown phone number code")
	}
	switch {
	case phone.used:
		return nil, refuse(40029, "invalid code", "手机号 code 已经用过", "the phone number code was used before")
	case !now.Before(phone.until):
		return nil, refuse(40029, "invalid code", "手机号 code 已过 5 分钟", "the phone number code is older than five minutes")
	case in.OpenID != "" && in.OpenID != s.miniOpenID(phone.person):
		return nil, refuse(40029, "invalid code", "手机号 code 不是这个 openid 的", "the phone number code belongs to another openid")
	case s.acts(rateLimited):
		return nil, tooFast()
	}
	phone.used = true
	s.note(LevelOK, "mini", phone.person.name+" 的手机号已取得", "the phone number of "+phone.person.id+" was read", "")
	return struct {
		okReply
		Info any `json:"phone_info"`
	}{okReply{0, "ok"}, s.phoneInfo(phone, now)}, nil
}

type watermark struct {
	Timestamp int64  `json:"timestamp"`
	AppID     string `json:"appid"`
}

type phoneInfo struct {
	Number    string    `json:"phoneNumber"`
	Pure      string    `json:"purePhoneNumber"`
	Country   any       `json:"countryCode"` // the document says text, its example has a number
	Watermark watermark `json:"watermark"`
}

func (s *Server) phoneInfo(phone *miniPhone, at time.Time) phoneInfo {
	out := phoneInfo{Number: phone.number, Pure: phone.number, Country: phone.country, Watermark: watermark{at.Unix(), s.opt.Mini.AppID}}
	if phone.country != "86" {
		out.Number = "+" + phone.country + phone.number
	}
	if phone.countryAsInteger {
		n := 0
		_, _ = fmt.Sscan(phone.country, &n)
		out.Country = n
	}
	return out
}

// The words that the check of texts objects to.
var (
	miniRiskyWords  = map[string]int{"赌博": 20006, "代开发票": 20008, "加微信返现": 10001, "沙箱违规": 21000}
	miniReviewWords = []string{"沙箱待审"}
)

const (
	labelNormal = 100
	maxChecked  = 2500
)

// miniTextCheck is POST /wxa/msg_sec_check, version 2 (mini program 13).
func (s *Server) miniTextCheck(c *call) (any, *refusal) {
	if no := s.checkMiniCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Content   string `json:"content"`
		Version   int    `json:"version"`
		Scene     int    `json:"scene"`
		OpenID    string `json:"openid"`
		Title     string `json:"title"`
		Nickname  string `json:"nickname"`
		Signature string `json:"signature"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	now := s.opt.Now()
	p := s.byMiniOpenID(in.OpenID)
	switch {
	case strings.Contains(string(c.body), `\u`):
		return nil, refuse(47001, "data format error", `请求体里有 \u 转义，检查会失效`, `the body has \u escapes, which defeat the check`)
	case in.Version != 2:
		return nil, refuse(40097, "invalid args", "version 应为 2", "version must be 2")
	case in.Scene < 1 || in.Scene > 4:
		return nil, refuse(40097, "invalid args", "scene 应为 1 到 4", "scene must be from 1 to 4")
	case in.Signature != "" && in.Scene != 1:
		return nil, refuse(40097, "invalid args", "signature 只用于 scene 1", "signature goes with scene 1 only")
	case in.Content == "":
		return nil, refuse(44004, "empty content", "content 为空", "content is empty")
	case utf8.RuneCountInString(in.Content) > maxChecked:
		return nil, refuse(45002, "content size out of limit", "content 超过 2500 字", "content is longer than 2500 characters")
	case p == nil:
		return nil, refuse(40003, "invalid openid", "openid 不是这个小程序的", "the openid is not of this mini program")
	}
	if session, ok := s.mini.sessions.get(now, p.id); !ok || now.Sub(session.at) > miniRecent {
		return nil, refuse(61010, "code is expired", "用户近 2 小时没有用过小程序", "the person was not here in the last two hours")
	}
	suggest, label, word := "pass", labelNormal, ""
	text := in.Title + "\n" + in.Nickname + "\n" + in.Signature + "\n" + in.Content
	for _, w := range miniReviewWords {
		if strings.Contains(text, w) {
			suggest, label, word = "review", 21000, w
		}
	}
	for w, l := range miniRiskyWords {
		if strings.Contains(text, w) {
			suggest, label, word = "risky", l, w
		}
	}
	if s.acts(miniTextRisky) {
		suggest, label = "risky", 21000
	}
	s.note(LevelOK, "mini", "内容检查："+suggest, "a text was checked: "+suggest, word)
	type verdict struct {
		Suggest string `json:"suggest"`
		Label   int    `json:"label"`
	}
	type detail struct {
		Strategy string `json:"strategy"`
		Code     int    `json:"errcode"`
		verdict
		Keyword string `json:"keyword,omitempty"`
		Prob    int    `json:"prob,omitempty"`
	}
	v := verdict{suggest, label}
	return struct {
		okReply
		Result verdict  `json:"result"`
		Detail []detail `json:"detail"`
		Trace  string   `json:"trace_id"`
	}{okReply{0, "ok"}, v, []detail{{Strategy: "keyword", verdict: v, Keyword: word, Prob: 90}}, rid()}, nil
}

var (
	miniScene = regexp.MustCompile("^[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}$")
	miniPage  = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$`)
)

// miniCodeText starts the text of the codes that the sandbox draws. Real ones are round
// and no camera but WeChat's reads them; these are square, so that tests can.
const miniCodeText = "kqmini:"

// miniCode is POST /wxa/getwxacodeunlimit: a picture, or an error as JSON (mini program 10).
func (s *Server) miniCode(c *call) (any, *refusal) {
	if no := s.checkMiniCall(c); no != nil {
		return nil, no
	}
	in := struct {
		Scene     string `json:"scene"`
		Page      string `json:"page"`
		CheckPath *bool  `json:"check_path"`
		Env       string `json:"env_version"`
		Width     int    `json:"width"`
	}{Env: "release", Width: 430}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	switch {
	case !miniScene.MatchString(in.Scene):
		return nil, refuse(40169, "invalid length for scene, or the data is not json string", "scene 应为 1 到 32 个可见字符："+in.Scene, "scene must have 1 to 32 of the allowed characters")
	case in.Page != "" && !miniPage.MatchString(in.Page), in.Page != "" && (in.CheckPath == nil || *in.CheckPath) && len(s.opt.Mini.Pages) > 0 && !slices.Contains(s.opt.Mini.Pages, in.Page):
		return nil, refuse(41030, "invalid page", "页面不存在或没有发布："+in.Page, "the page does not exist or is not published")
	case !slices.Contains([]string{"release", "trial", "develop"}, in.Env), in.Width < 280 || in.Width > 1280:
		return nil, refuse(40097, "invalid args", "env_version 或 width 不对", "env_version or width is wrong")
	case s.acts(rateLimited):
		return nil, refuse(45009, "reach max api minute quota limit", "调用太快", "too many calls")
	}
	if in.Page == "" {
		in.Page = "pages/index/index"
	}
	picture, err := squareCode(miniCodeText+in.Page+"?scene="+in.Scene, in.Width)
	if err != nil {
		return nil, refuse(41030, "invalid page", "页面路径太长", "the path is too long")
	}
	s.note(LevelOK, "mini", "生成小程序码："+in.Scene, "a mini program code was made: "+in.Scene, in.Page)
	return file{"image/png", picture}, nil
}

// miniScheme is POST /wxa/generatescheme.
func (s *Server) miniScheme(c *call) (any, *refusal) {
	var in struct {
		Jump struct {
			Path  string `json:"path"`
			Query string `json:"query"`
			Env   string `json:"env_version"`
		} `json:"jump_wxa"`
		Expire bool `json:"is_expire"`
		linkLife
	}
	if no := s.readLink(c, &in); no != nil {
		return nil, no
	}
	if no := s.checkLink(in.Jump.Path, in.Jump.Query, in.linkLife); no != nil {
		return nil, no
	}
	return struct {
		okReply
		Link string `json:"openlink"`
	}{okReply{0, "ok"}, "weixin://dl/business/?t=" + random(11, letters[:62])}, nil
}

// miniLink is POST /wxa/generate_urllink.
func (s *Server) miniLink(c *call) (any, *refusal) {
	var in struct {
		Path  string `json:"path"`
		Query string `json:"query"`
		linkLife
	}
	if no := s.readLink(c, &in); no != nil {
		return nil, no
	}
	if no := s.checkLink(in.Path, in.Query, in.linkLife); no != nil {
		return nil, no
	}
	return struct {
		okReply
		Link string `json:"url_link"`
	}{okReply{0, "ok"}, "https://wxaurl.cn/" + random(11, letters[:62])}, nil
}

// linkLife is how long a link works.
type linkLife struct {
	Type     int   `json:"expire_type"` // 0 until a time, 1 for some days
	Time     int64 `json:"expire_time"`
	Interval int   `json:"expire_interval"`
}

func (s *Server) readLink(c *call, in any) *refusal {
	if no := s.checkMiniCall(c); no != nil {
		return no
	}
	return c.json(in)
}

func (s *Server) checkLink(path, query string, life linkLife) *refusal {
	now := s.opt.Now()
	until := time.Unix(life.Time, 0)
	if life.Type == 1 {
		until = now.AddDate(0, 0, life.Interval)
	}
	switch {
	case path != "" && !miniPage.MatchString(strings.TrimPrefix(path, "/")), len(query) > 1024:
		return refuse(40165, "invalid weapp pagepath", "path 或 query 不对", "path or query is wrong")
	case life.Type != 0 && life.Type != 1, !until.After(now), until.After(now.AddDate(0, 0, maxMiniLinkDays)):
		return refuse(85401, "time limit between 1min and 30days", "有效期应在 30 天以内", "a link lives at most 30 days")
	}
	s.note(LevelOK, "mini", "生成小程序链接", "a link to the mini program was made", path)
	return nil
}

// limits of template values, by the first part of their key (mini program 13).
var messageLimits = map[string]int{"thing": 20, "number": 32, "letter": 32, "symbol": 5, "character_string": 32, "phrase": 5, "name": 20, "phone_number": 17, "car_number": 8}

// miniSend is POST /cgi-bin/message/subscribe/send: one consent, one message.
func (s *Server) miniSend(c *call) (any, *refusal) {
	if no := s.checkMiniCall(c); no != nil {
		return nil, no
	}
	var in struct {
		To       string `json:"touser"`
		Template string `json:"template_id"`
		Page     string `json:"page"`
		State    string `json:"miniprogram_state"`
		Data     map[string]struct {
			Value string `json:"value"`
		} `json:"data"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	p := s.byMiniOpenID(in.To)
	switch {
	case p == nil:
		return nil, refuse(40003, "invalid openid", "touser 不是这个小程序的", "touser is not of this mini program")
	case in.Template == "":
		return nil, refuse(40037, "invalid template_id", "缺少 template_id", "template_id is missing")
	case !slices.Contains([]string{"", "formal", "trial", "developer"}, in.State):
		return nil, refuse(40097, "invalid args", "miniprogram_state 不对", "miniprogram_state is wrong")
	}
	if path, _, _ := strings.Cut(in.Page, "?"); path != "" && len(s.opt.Mini.Pages) > 0 && !slices.Contains(s.opt.Mini.Pages, path) {
		return nil, refuse(41030, "invalid page", "页面不存在："+path, "the page does not exist")
	}
	if len(in.Data) == 0 {
		return nil, refuse(47003, "argument invalid! data is empty", "data 为空", "data is empty")
	}
	for key, v := range in.Data {
		limit, n := messageLimits[strings.TrimRight(key, digits)], utf8.RuneCountInString(v.Value)
		if n == 0 || limit > 0 && n > limit {
			return nil, refuse(47003, "argument invalid! data."+key+".value is invalid", key+" 为空或太长", key+" is empty or too long")
		}
	}
	granted, _ := s.mini.consents.get(s.opt.Now(), p.id)
	if !granted[in.Template] {
		return nil, refuse(43101, "user refuse to accept the msg", "用户没有同意接收，或已用完", "the person did not agree to a message, or it was sent")
	}
	delete(granted, in.Template)
	s.note(LevelOK, "mini", p.name+" 收到订阅消息", p.id+" got a subscribed message", in.Template+" "+in.Page)
	return okReply{0, "ok"}, nil
}

// miniPath is where a scanned code of the mini program leads.
func miniPath(text string) (string, bool) {
	rest, ours := strings.CutPrefix(text, miniCodeText)
	page, scene, ok := strings.Cut(rest, "?scene=")
	if !ours || !ok {
		return "", false
	}
	return page + "?scene=" + url.QueryEscape(scene), true
}
