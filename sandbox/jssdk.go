package sandbox

import (
	"crypto/sha1" //nolint:gosec // the protocol signs with SHA-1
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Share is what a page asked to be shared.
type Share struct {
	Title string `json:"title"`
	Desc  string `json:"desc"`
	Link  string `json:"link"`
	Image string `json:"image"`
}

// script is the JS-SDK: the bridge, then the published package. Outside of WeChat the
// bridge is missing, as it is there.
func (s *Server) script(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	outside, missing := s.personaOf(r).kind == kindPC, s.acts(scriptMissing)
	if missing {
		s.note(LevelInfo, "jssdk", "开关起作用："+scriptMissing, "switch at work: "+scriptMissing, "")
	}
	s.mu.Unlock()
	if missing {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	if !outside {
		bridge, _ := ui.ReadFile("ui/bridge.js")
		_, _ = w.Write(append(bridge, '\n'))
	}
	_, _ = w.Write(s.opt.SDK)
}

// pageOrigin reports whether pages of this origin may talk to the bridge.
func (s *Server) pageOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() || onDomain(u, append(slices.Clone(s.opt.JSDomains), s.opt.OAuthDomain)...)
}

// cross opens a bridge call to the pages that the account's domains and this machine serve.
func (s *Server) cross(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := r.Header.Get("Origin")
		if !s.pageOrigin(from) {
			http.Error(w, "this origin may not use the bridge", http.StatusForbidden)
			return
		}
		head := w.Header()
		head.Add("Vary", "Origin")
		head.Set("Access-Control-Allow-Origin", from)
		head.Set("Access-Control-Allow-Credentials", "true")
		head.Set("Cache-Control", "no-store")
		switch r.Method {
		case http.MethodOptions:
			head.Set("Access-Control-Allow-Methods", "POST")
			head.Set("Access-Control-Allow-Headers", "Content-Type")
			w.WriteHeader(http.StatusNoContent)
		case http.MethodPost:
			head.Set("Content-Type", "application/json; charset=utf-8")
			h(w, r)
		default:
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
		}
	}
}

// invocation is one WeixinJSBridge.invoke of a page.
type invocation struct {
	API  string          `json:"api"`
	URL  string          `json:"url"` // location.href
	Args json.RawMessage `json:"args"`

	person *persona
	origin string
	verifyArgs
}

// verifyArgs are the fields that the SDK adds to every call.
type verifyArgs struct {
	AppID     string   `json:"verifyAppId"`
	SignType  string   `json:"verifySignType"`
	Timestamp string   `json:"verifyTimestamp"`
	Nonce     string   `json:"verifyNonceStr"`
	Signature string   `json:"verifySignature"`
	APIs      []string `json:"verifyJsApiList"`
}

// page is the address without its fragment.
func (v *invocation) page() string { address, _, _ := strings.Cut(v.URL, "#"); return address }

// key names the configuration that a page stands on.
func (v *invocation) key() string {
	return strings.Join([]string{v.person.id, v.AppID, v.Timestamp, v.Nonce, v.Signature, v.page()}, "\n")
}

// outcome is what the bridge gets: an answer for the page, or something to show first.
type outcome struct {
	Reply  map[string]any `json:"reply,omitempty"`
	Toast  string         `json:"toast,omitempty"`
	Sheet  *sheetView     `json:"sheet,omitempty"`
	Wallet []cardView     `json:"wallet,omitempty"`
	Pay    *paySheetView  `json:"pay,omitempty"`
	Scan   *scanView      `json:"scan,omitempty"`
	Open   string         `json:"open,omitempty"` // address that the app opens
}

func reply(api, result string) outcome {
	return outcome{Reply: map[string]any{"err_msg": api + ":" + result}}
}

// invoke is the app side of the JS-SDK.
func (s *Server) invoke(w http.ResponseWriter, r *http.Request) {
	var in invocation
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.API == "" {
		http.Error(w, `{"error":"bad call"}`, http.StatusBadRequest)
		return
	}
	// Arguments of the wrong shape are no verification, and are refused as such below.
	_ = json.Unmarshal(in.Args, &in.verifyArgs)
	s.mu.Lock()
	defer s.mu.Unlock()
	in.person, in.origin = s.personaOf(r), r.Header.Get("Origin")
	_, _ = w.Write(compact(s.run(&in)))
}

// run answers a call; the mutex is held.
func (s *Server) run(in *invocation) outcome {
	switch in.API {
	case "preVerifyJSAPI":
		return s.preVerify(in)
	case "checkJsApi":
		return s.checkJSAPI(in)
	case "sendAppMessage", "shareTimeline", "shareQQ", "shareWeiboApp", "shareQZone":
		return s.shared(in) // a person pressed the menu, no permission needed
	case payAPI:
		return s.payRequest(in)
	}
	if !slices.Contains(bridgeAPIs, in.API) {
		s.note(LevelRefused, "jssdk", in.API+"：沙箱没有这个接口", "the sandbox has no "+in.API, "")
		return outcome{Reply: map[string]any{"err_msg": "system:function_not_exist"}}
	}
	allowed, ok := s.verified.get(s.opt.Now(), in.key())
	switch {
	case !ok:
		s.note(LevelRefused, "jssdk", in.API+"：wx.config 还没有成功", in.API+" without a successful wx.config for this page", in.page())
		return reply(in.API, "permission denied")
	case !allowed[in.API]:
		s.note(LevelRefused, "jssdk", in.API+"：不在 jsApiList 里", in.API+" is not in jsApiList", in.page())
		return reply(in.API, "permission denied")
	}
	switch in.API {
	case "batchAddCard":
		return s.addCards(in)
	case "batchViewCard":
		return s.viewCards(in)
	case scanAPI:
		return s.scan(in)
	case "updateAppMessageShareData", "updateTimelineShareData", "onMenuShareAppMessage", "onMenuShareTimeline":
		return s.shareData(in)
	case "getNetworkType":
		return outcome{Reply: map[string]any{"err_msg": "network_type:wifi"}}
	}
	s.note(LevelOK, "jssdk", in.API+" 成功", in.API+" ok", "")
	return reply(in.API, "ok")
}

// bridgeAPIs are the calls, under their names in the app, that need a wx.config.
var bridgeAPIs = []string{
	"batchAddCard", "batchViewCard", "updateAppMessageShareData", "updateTimelineShareData", "getNetworkType", "closeWindow",
	payAPI, scanAPI, "hideOptionMenu", "showOptionMenu", "hideMenuItems", "showMenuItems", "hideAllNonBaseMenuItem", "showAllNonBaseMenuItem",
}

// menuAPIs come as listeners, not as calls; wx.checkJsApi knows them.
var menuAPIs = []string{"menu:share:timeline", "menu:share:appmessage", "menu:share:qq", "menu:share:weiboApp", "menu:share:QZone", "checkJsApi"}

// sha1Hex is the lower-case hexadecimal SHA-1 of a text.
func sha1Hex(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// preVerify checks wx.config (protocol 2.3): app, domain, then the signature over the
// address that the page really has.
func (s *Server) preVerify(in *invocation) outcome {
	no := func(text, zh, en, detail string) outcome {
		s.note(LevelRefused, "jssdk", "wx.config："+zh, "wx.config: "+en, detail)
		return reply(in.API, "fail, Error: "+text)
	}
	u, err := url.Parse(in.page())
	switch {
	case in.person.kind == kindSnapshot || s.acts(oauthSnapshot):
		s.note(LevelRefused, "jssdk", "wx.config：快照页不能用 JS-SDK", "wx.config: no JS-SDK on a snapshot page", "")
		return reply(in.API, "permission denied")
	case in.AppID != s.opt.AppID:
		return no("invalid appid", "appId 不对", "unknown appId", in.AppID)
	case err != nil || u.Scheme+"://"+u.Host != in.origin || !onDomain(u, s.opt.JSDomains...):
		return no("invalid url domain", "页面域名不在 JS 接口安全域名里", "the page is not on a JS-SDK safe domain", in.page())
	case len(in.APIs) == 0:
		return no("jsApiList is empty", "jsApiList 为空", "jsApiList is empty", "")
	case in.Timestamp == "" || strings.Trim(in.Timestamp, digits) != "" || in.Nonce == "":
		return no("invalid signature", "timestamp 或 nonceStr 不对", "timestamp or nonceStr is malformed", in.Timestamp+" "+in.Nonce)
	}
	if s.acts(jsBadSignature) {
		return no("invalid signature", "签名错误（开关）", "invalid signature (switch)", "")
	}
	text := func(ticket, page string) string {
		return "jsapi_ticket=" + ticket + "&noncestr=" + in.Nonce + "&timestamp=" + in.Timestamp + "&url=" + page
	}
	live := s.liveTickets("jsapi")
	for _, t := range live {
		signed := text(t.value, in.page())
		if sha1Hex(signed) != in.Signature {
			continue
		}
		allowed := map[string]bool{}
		for _, name := range in.APIs {
			allowed[name] = true
		}
		s.verified.put(s.opt.Now(), in.key(), allowed, s.opt.Now().Add(2*time.Hour))
		s.note(LevelOK, "jssdk", "wx.config 成功", "wx.config ok", signed)
		return reply(in.API, "ok")
	}
	if len(live) == 0 {
		return no("invalid signature", "没有有效的 jsapi ticket", "no jsapi ticket is valid now", "")
	}
	newest := live[len(live)-1].value
	zh, en := "签名错误", "invalid signature"
	for _, guess := range s.configGuesses(in, newest, text) {
		if sha1Hex(guess.text) == in.Signature {
			zh, en = "签名错误："+guess.zh, "invalid signature: "+guess.en
			break
		}
	}
	return no("invalid signature", zh, en, text(newest, in.page()))
}

type guess struct{ text, zh, en string }

// configGuesses are the usual ways to sign the wrong string.
func (s *Server) configGuesses(in *invocation, newest string, text func(ticket, page string) string) []guess {
	bare, _, _ := strings.Cut(in.page(), "?")
	plain, err := url.QueryUnescape(in.page())
	if err != nil {
		plain = in.page()
	}
	list := []guess{
		{text(newest, in.URL), "签入了 # 后面的部分", "the part after # was signed"},
		{text(newest, bare), "没有签入 ? 后面的部分", "the query was left out"},
		{text(newest, plain), "签的是解码后的地址", "the decoded address was signed"},
		{text(newest, url.QueryEscape(in.page())), "签的是编码后的地址", "the encoded address was signed"},
	}
	for _, t := range s.liveTickets("wx_card") {
		list = append(list, guess{text(t.value, in.page()), "用了 wx_card 的 ticket", "the wx_card ticket was used"})
	}
	return list
}

// checkJSAPI answers wx.checkJsApi.
func (s *Server) checkJSAPI(in *invocation) outcome {
	var args struct {
		List []string `json:"jsApiList"`
	}
	_ = json.Unmarshal(in.Args, &args)
	result := map[string]bool{}
	for _, name := range args.List[:min(len(args.List), 100)] {
		result[name] = slices.Contains(bridgeAPIs, name) || slices.Contains(menuAPIs, name)
	}
	out := reply(in.API, "ok")
	out.Reply["checkResult"] = result
	return out
}

// shareArgs reads a share under both spellings of the image field.
func shareArgs(raw json.RawMessage) Share {
	var args struct {
		Title, Desc, Link string
		ImgURL            string `json:"imgUrl"`
		OldImg            string `json:"img_url"`
	}
	_ = json.Unmarshal(raw, &args)
	if args.ImgURL == "" {
		args.ImgURL = args.OldImg
	}
	return Share{args.Title, args.Desc, args.Link, args.ImgURL}
}

func (sh Share) String() string {
	return "title=" + sh.Title + "\ndesc=" + sh.Desc + "\nlink=" + sh.Link + "\nimg=" + sh.Image
}

// shareData is a page that says what its menu shares. The link must be on a safe domain.
func (s *Server) shareData(in *invocation) outcome {
	sh := shareArgs(in.Args)
	if u, err := url.Parse(sh.Link); err != nil || !onDomain(u, s.opt.JSDomains...) {
		s.note(LevelRefused, "jssdk", in.API+"：分享链接不在安全域名里", in.API+": the link is not on a safe domain", sh.String())
		return reply(in.API, "fail link is not on a safe domain")
	}
	s.share[in.person.id] = sh
	s.note(LevelOK, "jssdk", "设置分享内容："+sh.Title, in.API+" ok", sh.String())
	return reply(in.API, "ok")
}

// shared is a person who shares the page.
func (s *Server) shared(in *invocation) outcome {
	sh := shareArgs(in.Args)
	s.note(LevelOK, "jssdk", in.person.name+" 分享了："+sh.Title, in.person.id+" shared the page ("+in.API+")", sh.String())
	return reply(in.API, "ok")
}
