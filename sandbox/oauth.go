package sandbox

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	codeLife    = 5 * time.Minute
	consentLife = 10 * time.Minute
	userLife    = 2 * time.Hour
	refreshLife = 30 * 24 * time.Hour
)

// consent is an authorisation page that waits for an answer.
type consent struct {
	person   *persona
	scope    string
	redirect *url.URL
	state    string
	snapshot bool
}

// grant is an OAuth code. It is remembered longer than it works, so that a code that
// came too late is told from one that never was.
type grant struct {
	oauthToken
	until time.Time
	used  bool
}

// oauthToken says whom a user token stands for.
type oauthToken struct {
	person   *persona
	openID   string
	scope    string
	snapshot bool
}

var pages = template.Must(template.ParseFS(ui, "ui/*.html"))

// pagePolicy lets the phone's own pages load their own files only. What each may show
// besides is added to it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"

func page(w http.ResponseWriter, name, policy string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy+policy)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = pages.ExecuteTemplate(w, name, data)
}

// pageError is an error page of the authorise address (protocol 5.5).
type pageError struct{ Code, ZH, EN string }

var (
	authorizeShape = regexp.MustCompile(`^appid=([^&]*)&redirect_uri=([^&]*)&response_type=([^&]*)&scope=([^&]*)(?:&state=([^&]*))?(?:&forcePopup=(?:true|false))?(?:&forceSnapShot=(true|false))?$`)
	stateShape     = regexp.MustCompile(`^[a-zA-Z0-9]{0,128}$`)
)

// readAuthorize checks the query of the authorise address: names, order, encoding, domain.
func (s *Server) readAuthorize(raw string) (consent, *pageError) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return consent{}, &pageError{"10000", "参数错误", "the query cannot be read"}
	}
	for _, p := range []struct{ name, code string }{{"appid", "10012"}, {"redirect_uri", "10011"}, {"scope", "10010"}} {
		if q.Get(p.name) == "" {
			return consent{}, &pageError{p.code, p.name + " 参数为空", p.name + " is empty"}
		}
	}
	parts := authorizeShape.FindStringSubmatch(raw)
	if parts == nil {
		return consent{}, &pageError{"10000", "参数错误：名称或顺序不对", "parameters must be appid, redirect_uri, response_type, scope, state, in this order"}
	}
	u, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case q.Get("appid") != s.opt.AppID:
		return consent{}, &pageError{"10016", "AppID 参数错误", "unknown AppID"}
	case q.Get("response_type") != "code":
		return consent{}, &pageError{"10000", "response_type 应为 code", "response_type must be code"}
	case q.Get("scope") != "snsapi_base" && q.Get("scope") != "snsapi_userinfo":
		return consent{}, &pageError{"10005", "Scope 参数错误或没有 Scope 权限", "wrong scope, or no right to it"}
	case strings.ContainsAny(parts[2], ":/?"), err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return consent{}, &pageError{"10000", "redirect_uri 应为完整编码的 http(s) 地址", "redirect_uri must be a whole address, percent-encoded"}
	case !onDomain(u, s.opt.OAuthDomain):
		return consent{}, &pageError{"10003", "redirect_uri 域名与后台配置不一致", "redirect_uri is not on the web authorisation domain"}
	case !stateShape.MatchString(q.Get("state")):
		return consent{}, &pageError{"10000", "state 只能是 128 位以内的字母和数字", "state must be letters and digits, at most 128"}
	}
	return consent{scope: q.Get("scope"), redirect: u, state: q.Get("state"), snapshot: parts[6] == "true"}, nil
}

// authorize is the page that asks for consent, or passes on silently.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.personaOf(r)
	c, no := s.readAuthorize(r.URL.RawQuery)
	if no == nil && p.kind == kindPC {
		no = &pageError{"0", "请在微信客户端打开链接", "please open this link in WeChat"}
	}
	if no != nil {
		s.note(LevelRefused, "oauth", "授权页报错 "+no.Code+"："+no.ZH, no.EN, r.URL.RawQuery)
		page(w, "authorize.html", "; img-src 'self' data:; frame-ancestors 'self'", map[string]any{"Error": no})
		return
	}
	c.person, c.snapshot = p, c.snapshot && c.scope == "snsapi_userinfo" || p.kind == kindSnapshot || s.acts(oauthSnapshot)
	switch {
	case s.acts(oauthDeny), c.scope == "snsapi_userinfo" && p.kind == kindDeny:
		s.denied(w, r, c)
	case c.scope == "snsapi_base", c.snapshot:
		s.allowed(w, r, c)
	default:
		id := random(32, letters)
		s.consents.put(s.opt.Now(), id, c, s.opt.Now().Add(consentLife))
		s.note(LevelInfo, "oauth", p.name+" 看到授权页", p.id+" is asked for consent", "")
		page(w, "authorize.html", "; img-src 'self' data:; frame-ancestors 'self'", map[string]any{"ID": id, "Name": p.name, "Persona": p.id, "Domain": c.redirect.Host})
	}
}

// consentAnswer follows a button of the page. The id in the link is a secret of the page,
// so nobody else can press it.
func (s *Server) consentAnswer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.consents.take(s.opt.Now(), r.URL.Query().Get("id"))
	switch {
	case !ok || c.person != s.personaOf(r):
		page(w, "authorize.html", "; img-src 'self' data:; frame-ancestors 'self'", map[string]any{"Error": &pageError{"10000", "授权页已失效", "this page is no longer valid"}})
	case r.URL.Query().Get("choice") == "allow":
		s.allowed(w, r, c)
	default:
		s.denied(w, r, c)
	}
}

func (s *Server) allowed(w http.ResponseWriter, r *http.Request, c consent) {
	now := s.opt.Now()
	t := oauthToken{person: c.person, openID: c.person.openID, scope: c.scope, snapshot: c.snapshot}
	if c.snapshot {
		t.openID = c.person.virtual
	}
	code := "0" + random(31, letters[:62])
	s.grants.put(now, code, &grant{oauthToken: t, until: now.Add(codeLife)}, now.Add(time.Hour))
	s.note(LevelOK, "oauth", c.person.name+" 授权 "+c.scope, c.person.id+" authorised", "")
	back(w, r, c, "code", code)
}

func (s *Server) denied(w http.ResponseWriter, r *http.Request, c consent) {
	s.note(LevelRefused, "oauth", c.person.name+" 拒绝授权", c.person.id+" denied; the page gets no code", "")
	back(w, r, c)
}

// back redirects to the page that asked; its own query stays as it was.
func back(w http.ResponseWriter, r *http.Request, c consent, pairs ...string) {
	u := *c.redirect
	query := u.RawQuery
	for _, kv := range [][]string{pairs, {"state", c.state}} {
		if len(kv) == 2 {
			query = strings.TrimPrefix(query+"&", "&") + kv[0] + "=" + url.QueryEscape(kv[1])
		}
	}
	u.RawQuery = query
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.String(), http.StatusFound)
}

type oauthReply struct {
	Token    string `json:"access_token"`
	Expires  int    `json:"expires_in"`
	Refresh  string `json:"refresh_token"`
	OpenID   string `json:"openid"`
	Scope    string `json:"scope"`
	Snapshot int    `json:"is_snapshotuser,omitempty"`
	UnionID  string `json:"unionid,omitempty"`
}

func (s *Server) oauthReply(t oauthToken, refresh string) oauthReply {
	now := s.opt.Now()
	out := oauthReply{Token: "81_" + random(86, letters), Expires: 7200, Refresh: refresh, OpenID: t.openID, Scope: t.scope}
	if out.Refresh == "" {
		out.Refresh = "81_" + random(86, letters)
		s.refresh.put(now, out.Refresh, t, now.Add(refreshLife))
	}
	if t.snapshot {
		out.Snapshot = 1
	} else if t.scope == "snsapi_userinfo" {
		out.UnionID = s.unionID(t.person)
	}
	s.oauth.put(now, out.Token, t, now.Add(userLife))
	return out
}

// oauthAccess is GET /sns/oauth2/access_token.
func (s *Server) oauthAccess(c *call) (any, *refusal) {
	if c.query.Get("grant_type") != "authorization_code" {
		return nil, refuse(40002, "invalid grant_type", "grant_type 应为 authorization_code", "grant_type must be authorization_code")
	}
	if no := s.checkApp(c.query.Get("appid"), c.query.Get("secret")); no != nil {
		return nil, no
	}
	code := c.query.Get("code")
	if code == "" {
		return nil, refuse(41008, "missing code", "缺少 code", "code is missing")
	}
	g, ok := s.grants.get(s.opt.Now(), code)
	switch {
	case !ok:
		return nil, refuse(40029, "invalid code", "不认识这个 code", "unknown code")
	case g.used:
		return nil, refuse(40163, "code been used", "code 已经用过", "the code was used before")
	case s.acts(codeExpired) || !s.opt.Now().Before(g.until):
		return nil, refuse(42003, "code expired", "code 已过 5 分钟", "the code is older than five minutes")
	}
	g.used = true
	s.note(LevelOK, "oauth", "code 换到 "+g.person.name+" 的 openid", "code exchanged for the openid of "+g.person.id, "")
	return s.oauthReply(g.oauthToken, ""), nil
}

// oauthRefresh is GET /sns/oauth2/refresh_token.
func (s *Server) oauthRefresh(c *call) (any, *refusal) {
	if c.query.Get("grant_type") != "refresh_token" {
		return nil, refuse(40002, "invalid grant_type", "grant_type 应为 refresh_token", "grant_type must be refresh_token")
	}
	if c.query.Get("appid") != s.opt.AppID {
		return nil, refuse(40013, "invalid appid", "AppID 不对", "unknown AppID")
	}
	value := c.query.Get("refresh_token")
	t, ok := s.refresh.get(s.opt.Now(), value)
	if !ok {
		return nil, refuse(40030, "invalid refresh_token", "refresh_token 不对", "unknown refresh_token")
	}
	return s.oauthReply(t, value), nil
}

// userToken checks the token and openid of a call about one person.
func (s *Server) userToken(c *call) (oauthToken, *refusal) {
	value := c.query.Get("access_token")
	if value == "" {
		return oauthToken{}, refuse(41001, "access_token missing", "缺少 access_token", "access_token is missing")
	}
	t, ok := s.oauth.get(s.opt.Now(), value)
	if !ok {
		for _, known := range s.tokens.known {
			if known.value == value {
				return t, refuse(48001, "api unauthorized", "要用网页授权的 token，不是全局 token", "this needs the web authorisation token")
			}
		}
		return t, refuse(40001, "invalid credential, access_token is invalid or not latest", "网页授权 token 不对", "unknown web authorisation token")
	}
	if c.query.Get("openid") != t.openID {
		return t, refuse(40003, "invalid openid", "openid 不对", "the openid does not belong to the token")
	}
	return t, nil
}

// userInfo is GET /sns/userinfo.
func (s *Server) userInfo(c *call) (any, *refusal) {
	t, no := s.userToken(c)
	if no != nil {
		return nil, no
	}
	if t.scope != "snsapi_userinfo" || s.acts(userInfoDenied) {
		return nil, refuse(48001, "api unauthorized", "授权范围不含用户资料", "the scope holds no profile data")
	}
	name, picture, union := t.person.name, origin(c.Request)+"/mmopen/"+t.person.id+"/132", s.unionID(t.person)
	if t.snapshot {
		name, picture, union = "微信用户", "", ""
	}
	return struct {
		OpenID    string   `json:"openid"`
		Nickname  string   `json:"nickname"`
		Sex       int      `json:"sex"`
		Language  string   `json:"language"`
		City      string   `json:"city"`
		Province  string   `json:"province"`
		Country   string   `json:"country"`
		Picture   string   `json:"headimgurl"`
		Privilege []string `json:"privilege"`
		UnionID   string   `json:"unionid,omitempty"`
	}{OpenID: t.openID, Nickname: name, Picture: picture, Privilege: []string{}, UnionID: union}, nil
}

// oauthCheck is GET /sns/auth.
func (s *Server) oauthCheck(c *call) (any, *refusal) {
	if _, no := s.userToken(c); no != nil {
		return nil, refuse(40003, "invalid openid", "token 或 openid 无效", "the token or the openid is not valid")
	}
	return okReply{Msg: "ok"}, nil
}

type okReply struct {
	Code int    `json:"errcode"`
	Msg  string `json:"errmsg"`
}
