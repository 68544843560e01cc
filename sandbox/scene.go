package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// scene is a code of the account with a parameter (protocol 7.1).
type scene struct {
	ticket, url string
	number      int64 // 0 when it has a text
	text        string
	until       time.Time // zero: forever
	scans       int
}

func (x *scene) value() string {
	if x.number != 0 {
		return strconv.FormatInt(x.number, 10)
	}
	return x.text
}

func (x *scene) over(now time.Time) bool { return !x.until.IsZero() && !now.Before(x.until) }

type sceneView struct {
	Ticket  string `json:"ticket"`
	Scene   string `json:"scene"`
	Forever bool   `json:"forever"`
	Over    bool   `json:"over"`
	Scans   int    `json:"scans"`
}

const (
	maxScenes     = 2000 // the oldest temporary ones go first
	shownScenes   = 50
	maxSceneLife  = 2_592_000
	minSceneLife  = 60
	maxLimitScene = 100_000
	maxSceneText  = 64
)

// createScene is POST /cgi-bin/qrcode/create. A permanent scene has one code for good.
func (s *Server) createScene(c *call) (any, *refusal) {
	if no := s.checkAccountCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Expire *int64 `json:"expire_seconds"`
		Action string `json:"action_name"`
		Info   struct {
			Scene struct {
				ID  json.Number `json:"scene_id"`
				Str *string     `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	bad := func(zh, en string) (any, *refusal) { return nil, refuse(40053, "invalid action info", zh, en) }
	want := scene{}
	switch in.Action {
	case "QR_SCENE", "QR_LIMIT_SCENE":
		top := int64(1<<32 - 1)
		if in.Action == "QR_LIMIT_SCENE" {
			top = maxLimitScene
		}
		n, err := in.Info.Scene.ID.Int64()
		if err != nil || n < 1 || n > top {
			return bad("scene_id 应为 1 到 "+strconv.FormatInt(top, 10)+" 的整数", "scene_id must be an integer from 1 to "+strconv.FormatInt(top, 10))
		}
		want.number = n
	case "QR_STR_SCENE", "QR_LIMIT_STR_SCENE":
		if t := in.Info.Scene.Str; t == nil || *t == "" || utf8.RuneCountInString(*t) > maxSceneText {
			return bad("scene_str 应为 1 到 64 个字符", "scene_str must have 1 to 64 characters")
		}
		want.text = *in.Info.Scene.Str
	default:
		return bad("action_name 不对："+in.Action, "unknown action_name "+in.Action)
	}
	now, life := s.opt.Now(), int64(0)
	if in.Action == "QR_SCENE" || in.Action == "QR_STR_SCENE" {
		life = minSceneLife
		if in.Expire != nil {
			life = *in.Expire
		}
		if life < minSceneLife || life > maxSceneLife {
			return nil, refuse(40035, "invalid parameter", "expire_seconds 应为 60 到 2592000", "expire_seconds must be from 60 to 2592000")
		}
		want.until = now.Add(time.Duration(life) * time.Second)
	}
	x := s.addScene(want)
	if x == nil {
		return nil, refuse(45029, "qrcode count out of limit", "永久二维码太多", "too many permanent codes")
	}
	s.note(LevelOK, "account", "生成带参二维码："+x.value(), "a code for the scene "+x.value()+" was made", in.Action)
	return struct {
		Ticket string `json:"ticket"`
		Expire int64  `json:"expire_seconds,omitempty"`
		URL    string `json:"url"`
	}{x.ticket, life, x.url}, nil
}

// addScene keeps a code. A permanent one that exists is the answer again; nil when the
// shelf is full of permanent ones.
func (s *Server) addScene(want scene) *scene {
	if want.until.IsZero() {
		for _, x := range s.scenes {
			if x.until.IsZero() && x.number == want.number && x.text == want.text {
				return x
			}
		}
	}
	if len(s.scenes) >= maxScenes {
		i := slices.IndexFunc(s.scenes, func(x *scene) bool { return !x.until.IsZero() })
		if i < 0 {
			return nil
		}
		s.scenes = slices.Delete(s.scenes, i, i+1)
	}
	// The number keeps tickets apart; the padding and the + and / of real ones must be
	// escaped in an address, so these have them too.
	s.sceneID++
	want.ticket = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x81\x07\xfb\xef\xbe%s%07d", random(52, letters), s.sceneID))
	want.url = "http://weixin.qq.com/q/02" + random(28, letters)
	s.scenes = append(s.scenes, &want)
	return &want
}

func (s *Server) scene(ticket string) *scene {
	i := slices.IndexFunc(s.scenes, func(x *scene) bool { return x.ticket == ticket })
	if i < 0 {
		return nil
	}
	return s.scenes[i]
}

// showScene is GET /cgi-bin/showqrcode: the picture, here with the scene in words, because
// the sandbox's phone scans by a touch.
func (s *Server) showScene(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	x := s.scene(r.URL.Query().Get("ticket"))
	live := x != nil && !x.over(s.opt.Now())
	s.mu.Unlock()
	if !live {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 430 430" width="430" height="430"><rect width="430" height="430" fill="#fff"/>`+
		`<g fill="none" stroke="#1c1c1e" stroke-width="18"><path d="M40 120V40h80M310 40h80v80M390 310v80h-80M120 390H40v-80"/></g>`+
		`<g font-family="sans-serif" text-anchor="middle" fill="#1c1c1e"><text x="215" y="160" font-size="26">沙箱二维码</text>`+
		`<text x="215" y="232" font-size="34" font-weight="700" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`+
		`<text x="215" y="292" font-size="20">在沙箱手机里点「扫一扫」</text></g></svg>`,
		min(330, 26*utf8.RuneCountInString(x.value())), html.EscapeString(x.value()))
}

// Scan is a persona who scans a code: somebody new follows by it, a follower makes a SCAN.
// An error is a code that is unknown or over.
func (s *Server) Scan(personaID, ticket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, false)
	if err != nil {
		return err
	}
	x := s.scene(ticket)
	if x == nil || x.over(s.opt.Now()) {
		return errors.New("二维码已过期 · the code is over")
	}
	x.scans++
	if !p.chat.following {
		s.follows(p, "ADD_SCENE_QR_CODE", x)
		return nil
	}
	s.opens(p, actionWindow, actionCount)
	s.note(LevelOK, "chat", p.name+" 扫码："+x.value(), p.id+" scanned "+x.value(), "")
	s.send(p, "SCAN", pairs{{"EventKey", cdata(x.value())}, {"Ticket", cdata(x.ticket)}})
	return nil
}

// followerInfo is GET /cgi-bin/user/info (protocol 5.6).
func (s *Server) followerInfo(c *call) (any, *refusal) {
	if no := c.get(); no != nil {
		return nil, no
	}
	if no := s.checkAccountCall(c); no != nil {
		return nil, no
	}
	p, no := s.byOpenID(c.query.Get("openid"))
	if no != nil {
		return nil, no
	}
	if !p.chat.following {
		return struct {
			Subscribe int    `json:"subscribe"`
			OpenID    string `json:"openid"`
		}{0, p.openID}, nil
	}
	out := struct {
		Subscribe int    `json:"subscribe"`
		OpenID    string `json:"openid"`
		Language  string `json:"language"`
		Time      int64  `json:"subscribe_time"`
		Remark    string `json:"remark"`
		Group     int    `json:"groupid"`
		Tags      []int  `json:"tagid_list"`
		Via       string `json:"subscribe_scene"`
		Number    int64  `json:"qr_scene"`
		Text      string `json:"qr_scene_str"`
	}{Subscribe: 1, OpenID: p.openID, Language: "zh_CN", Time: p.chat.since.Unix(), Tags: []int{}, Via: p.chat.via}
	if p.chat.scene != nil {
		out.Number, out.Text = p.chat.scene.number, p.chat.scene.text
	}
	return out, nil
}

// byOpenID finds a person of the account; errcode 40003.
func (s *Server) byOpenID(openID string) (*persona, *refusal) {
	for _, p := range s.people {
		if openID != "" && p.openID == openID {
			return p, nil
		}
	}
	return nil, refuse(40003, "invalid openid", "openid 不是这个公众号的", "the openid is not of this account")
}
