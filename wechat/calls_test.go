package wechat

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	visitorID = OpenID("oVisitor0123456789")
	cardID    = CardID("pZI8Fjwsy5fVPRBeD78J4RmqVvBc")
)

// serve answers one path, but refuses every token except the newest.
func (s *setup) serve(path, answer string) {
	s.platform.say(func(r *http.Request, _ []byte) string {
		switch {
		case r.URL.Path != path:
			return ""
		case r.URL.Query().Get("access_token") != s.platform.token:
			return `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest"}`
		}
		return answer
	})
}

// ready is a process that has its token.
func (s *setup) ready() *Account {
	a := s.process()
	s.token(a, AccessToken)
	return a
}

// gatewayCall is one call with what it sends and what it makes of a good answer.
type gatewayCall struct {
	name, path   string
	method, body string
	query        string // beside the token
	answer       string
	do           func(s *setup, a *Account) (any, error)
	want         any
}

func utc(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// counted is the name under which the platform counts a call.
func (c gatewayCall) counted() string {
	if _, kind, found := strings.Cut(c.query, "type="); found {
		return c.path + "/" + kind
	}
	return c.path
}

type twoOf struct{ A, B any }

var gatewayCalls = []gatewayCall{
	{
		name: "cards", path: "/card/batchget", method: "POST",
		body:   `{"offset":50,"count":2,"status_list":["CARD_STATUS_VERIFY_OK","CARD_STATUS_DISPATCH"]}`,
		answer: `{"errcode":0,"errmsg":"ok","card_id_list":["p1","p2"],"total_num":52}`,
		do: func(s *setup, a *Account) (any, error) {
			ids, total, err := a.Cards(s.Context(), 50, 2, CardApproved, CardDispatched)
			return twoOf{ids, total}, err
		},
		want: twoOf{[]CardID{"p1", "p2"}, 52},
	},
	{
		name: "card", path: "/card/get", method: "POST", body: `{"card_id":"` + string(cardID) + `"}`,
		answer: `{"errcode":0,"errmsg":"ok","card":{"card_type":"GENERAL_COUPON","general_coupon":{"base_info":{"id":"` + string(cardID) + `","title":"满100减20","brand_name":"海底捞",
"logo_url":"http://mmbiz.qpic.cn/mmbiz/x/0","color":"#63b359","notice":"出示","status":"CARD_STATUS_VERIFY_FALL","get_limit":3,"use_custom_code":true,"get_custom_code_mode":"GET_CUSTOM_CODE_MODE_DEPOSIT",
"bind_openid":true,"can_share":false,"sku":{"quantity":7,"total_quantity":"100"},"date_info":{"type":1,"begin_timestamp":1397577600,"end_timestamp":1399910400}},"default_detail":"x"}}}`,
		do: func(s *setup, a *Account) (any, error) {
			c, err := a.Card(s.Context(), cardID)
			if !strings.Contains(string(c.Raw), "default_detail") && err == nil {
				err = errors.New("the raw card is not kept")
			}
			c.Raw = nil
			return c, err
		},
		want: CardInfo{
			ID: cardID, Type: "GENERAL_COUPON", Title: "满100减20", Brand: "海底捞", Logo: "https://mmbiz.qpic.cn/mmbiz/x/0", Color: "#63b359", Notice: "出示",
			Status: CardRefused, Left: 7, Total: 100, GetLimit: 3, UseCustomCode: true, Deposit: true, BindOpenID: true, CanGiveFriend: true,
			Validity: Validity{Begin: utc(1397577600), End: utc(1399910400)},
		},
	},
	{
		name: "more stock", path: "/card/modifystock", method: "POST", body: `{"card_id":"` + string(cardID) + `","increase_stock_value":30}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do:     func(s *setup, a *Account) (any, error) { return nil, a.ModifyStock(s.Context(), cardID, 30) },
	},
	{
		name: "less stock", path: "/card/modifystock", method: "POST", body: `{"card_id":"` + string(cardID) + `","reduce_stock_value":5}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do:     func(s *setup, a *Account) (any, error) { return nil, a.ModifyStock(s.Context(), cardID, -5) },
	},
	{
		name: "check a code", path: "/card/code/get", method: "POST", body: `{"card_id":"` + string(cardID) + `","code":"012345678901","check_consume":true}`,
		answer: `{"errcode":0,"errmsg":"ok","card":{"card_id":"` + string(cardID) + `","begin_time":1404205036,"end_time":1404205037},"openid":"oVisitor0123456789","can_consume":true,"user_card_status":"NORMAL","outer_str":"12b"}`,
		do: func(s *setup, a *Account) (any, error) {
			return a.CheckCode(s.Context(), CodeQuery{CardID: cardID, Code: "012345678901", CheckConsume: true})
		},
		want: CodeInfo{CardID: cardID, OpenID: visitorID, CanConsume: true, Status: CodeNormal, Begin: utc(1404205036), End: utc(1404205037), OuterStr: "12b"},
	},
	{
		name: "redeem", path: "/card/code/consume", method: "POST", body: `{"code":"012345678901"}`,
		answer: `{"errcode":0,"errmsg":"ok","card":{"card_id":"` + string(cardID) + `"},"openid":"oVisitor0123456789"}`,
		do:     func(s *setup, a *Account) (any, error) { return a.ConsumeCode(s.Context(), "", "012345678901") },
		want:   ConsumeResult{CardID: cardID, OpenID: visitorID},
	},
	{
		name: "make a card void", path: "/card/code/unavailable", method: "POST", body: `{"code":"012345678901","card_id":"` + string(cardID) + `","reason":"误发"}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) {
			return nil, a.VoidCode(s.Context(), cardID, "012345678901", "误发")
		},
	},
	{
		name: "a wallet", path: "/card/user/getcardlist", method: "POST", body: `{"openid":"oVisitor0123456789","card_id":"` + string(cardID) + `"}`,
		answer: `{"errcode":0,"errmsg":"ok","card_list":[{"code":"012345678901","card_id":"` + string(cardID) + `"},{"code":"1","card_id":"pOther"}],"has_share_card":true}`,
		do: func(s *setup, a *Account) (any, error) {
			cards, shared, err := a.UserCards(s.Context(), visitorID, cardID)
			return twoOf{cards, shared}, err
		},
		want: twoOf{[]UserCard{{cardID, "012345678901"}}, true},
	},
	{
		name: "make a menu", path: "/cgi-bin/menu/create", method: "POST",
		body:   `{"button":[{"type":"click","name":"今日优惠","key":"V1001"},{"name":"更多","sub_button":[{"type":"view","name":"官网","url":"https://a.example/?a=1&b=<2>"}]}]}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) {
			return nil, a.CreateMenu(s.Context(), Menu{[]Button{
				{Type: ButtonClick, Name: "今日优惠", Key: "V1001"},
				{Name: "更多", Sub: []Button{{Type: ButtonView, Name: "官网", URL: "https://a.example/?a=1&b=<2>"}}},
			}})
		},
	},
	{
		name: "read the menu", path: "/cgi-bin/menu/get", method: "GET",
		answer: `{"menu":{"button":[{"type":"click","name":"今日","key":"k","sub_button":[]},{"name":"更多","sub_button":[{"type":"view","name":"官网","url":"javascript:alert(1)","sub_button":[]}]}],"menuid":208396938}}`,
		do:     func(s *setup, a *Account) (any, error) { return a.GetMenu(s.Context()) },
		want:   Menu{[]Button{{Type: ButtonClick, Name: "今日", Key: "k"}, {Name: "更多", Sub: []Button{{Type: ButtonView, Name: "官网"}}}}},
	},
	{
		name: "delete the menu", path: "/cgi-bin/menu/delete", method: "GET", answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) { return nil, a.DeleteMenu(s.Context()) },
	},
	{
		name: "a temporary code", path: "/cgi-bin/qrcode/create", method: "POST",
		body:   `{"expire_seconds":604800,"action_name":"QR_STR_SCENE","action_info":{"scene":{"scene_str":"c12-shop3"}}}`,
		answer: `{"ticket":"gQH47joAAAAAAAAAASxodHRwOi8v==","expire_seconds":604800,"url":"http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI"}`,
		do: func(s *setup, a *Account) (any, error) {
			return a.CreateQR(s.Context(), QRRequest{Scene: "c12-shop3", Temporary: true, Expires: 7 * 24 * time.Hour})
		},
		want: QRCode{Ticket: "gQH47joAAAAAAAAAASxodHRwOi8v==", URL: "http://weixin.qq.com/q/kZgfwMTm72WWPkovabbI", Expires: 7 * 24 * time.Hour},
	},
	{
		name: "a permanent code", path: "/cgi-bin/qrcode/create", method: "POST",
		body:   `{"action_name":"QR_LIMIT_STR_SCENE","action_info":{"scene":{"scene_str":"门店3"}}}`,
		answer: `{"ticket":"T","url":"http://weixin.qq.com/q/x"}`,
		do:     func(s *setup, a *Account) (any, error) { return a.CreateQR(s.Context(), QRRequest{Scene: "门店3"}) },
		want:   QRCode{Ticket: "T", URL: "http://weixin.qq.com/q/x"},
	},
	{
		name: "a temporary number", path: "/cgi-bin/qrcode/create", method: "POST",
		body:   `{"expire_seconds":60,"action_name":"QR_SCENE","action_info":{"scene":{"scene_id":4294967295}}}`,
		answer: `{"ticket":"T","url":"http://weixin.qq.com/q/x","expire_seconds":99999999}`,
		do: func(s *setup, a *Account) (any, error) {
			return a.CreateQR(s.Context(), QRRequest{SceneID: 1<<32 - 1, Temporary: true, Expires: time.Minute})
		},
		want: QRCode{Ticket: "T", URL: "http://weixin.qq.com/q/x", Expires: MaxQRLife},
	},
	{
		name: "a permanent number", path: "/cgi-bin/qrcode/create", method: "POST",
		body:   `{"action_name":"QR_LIMIT_SCENE","action_info":{"scene":{"scene_id":100000}}}`,
		answer: `{"ticket":"T","url":"http://weixin.qq.com/q/x"}`,
		do:     func(s *setup, a *Account) (any, error) { return a.CreateQR(s.Context(), QRRequest{SceneID: 100000}) },
		want:   QRCode{Ticket: "T", URL: "http://weixin.qq.com/q/x"},
	},
	{
		name: "a follower", path: "/cgi-bin/user/info", method: "GET", query: "&lang=zh_CN&openid=oVisitor0123456789",
		answer: `{"subscribe":1,"openid":"oVisitor0123456789","subscribe_time":1382694957,"unionid":"o6_bmasdasdsad6_2sgVt7hMZOPfL","subscribe_scene":"ADD_SCENE_QR_CODE","qr_scene":98765,"qr_scene_str":"","language":"zh_CN"}`,
		do:     func(s *setup, a *Account) (any, error) { return a.Follower(s.Context(), visitorID) },
		want: Follower{
			OpenID: visitorID, Subscribed: true, Since: utc(1382694957), Scene: "ADD_SCENE_QR_CODE", QRScene: "98765",
			UnionID: "o6_bmasdasdsad6_2sgVt7hMZOPfL", Language: "zh_CN",
		},
	},
	{
		name: "a late text", path: "/cgi-bin/message/custom/send", method: "POST",
		body:   `{"touser":"oVisitor0123456789","msgtype":"text","text":{"content":"领好了 <a href=\"https://a.example/?a=1&b=2\">看看</a>"}}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) {
			return nil, a.SendCustomText(s.Context(), visitorID, `领好了 <a href="https://a.example/?a=1&b=2">看看</a>`)
		},
	},
	{
		name: "a late picture", path: "/cgi-bin/message/custom/send", method: "POST",
		body: `{"touser":"oVisitor0123456789","msgtype":"image","image":{"media_id":"M1"}}`, answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) {
			return nil, a.SendCustom(s.Context(), visitorID, Image{"M1"})
		},
	},
	{
		name: "a late article", path: "/cgi-bin/message/custom/send", method: "POST",
		body:   `{"touser":"oVisitor0123456789","msgtype":"news","news":{"articles":[{"title":"T","description":"D","url":"https://a.example/","picurl":""}]}}`,
		answer: `{"errcode":0,"errmsg":"ok"}`,
		do: func(s *setup, a *Account) (any, error) {
			return nil, a.SendCustom(s.Context(), visitorID, News{Title: "T", Description: "D", URL: "https://a.example/"})
		},
	},
	{
		name: "a picture", path: "/cgi-bin/media/upload", method: "POST", query: "&type=image",
		answer: `{"type":"image","media_id":"MEDIA_1","created_at":1700000000}`,
		do:     func(s *setup, a *Account) (any, error) { return a.UploadImage(s.Context(), pngBytes) },
		want:   Media{ID: "MEDIA_1", CreatedAt: utc(1700000000)},
	},
}

func TestEachCallSendsAndReadsWhatTheProtocolSays(t *testing.T) {
	t.Parallel()
	for _, c := range gatewayCalls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			a := s.ready()
			s.serve(c.path, c.answer)
			got, err := c.do(s, a)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %#v, %v\nwant %#v", got, err, c.want)
			}
			if body := strings.TrimSuffix(s.platform.bodies[c.path], "\n"); c.path != "/cgi-bin/media/upload" && body != c.body {
				t.Errorf("sent %s\nwant %s", body, c.body)
			}
			if got, want := s.platform.queries[c.path], c.method+" access_token="+s.platform.token+c.query; got != want {
				t.Errorf("asked %s, want %s", got, want)
			}
			s.called(c.counted(), 1)
		})
	}
}

func TestEachCallTriesOnceMoreWithANewToken(t *testing.T) {
	t.Parallel()
	for _, c := range gatewayCalls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			a := s.ready()
			s.serve(c.path, c.answer)
			s.platform.forget()
			first := s.platform.count(pathStable)
			if got, err := c.do(s, a); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%#v, %v", got, err)
			}
			s.called(c.counted(), 2)
			s.called(pathStable, first+1)

			// A token that is never good enough ends after the one repeat.
			again := s.platform.count(c.counted())
			s.serve(c.path, `{"errcode":42001,"errmsg":"access_token expired"}`)
			var api *APIError
			if _, err := c.do(s, a); !errors.As(err, &api) || api.Code != 42001 {
				t.Errorf("refused for ever: %v", err)
			}
			if n := s.platform.count(c.counted()) - again; n > 2 {
				t.Errorf("%d tries", n)
			}
		})
	}
}

func TestEachCallRefusesAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range gatewayCalls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			a := s.ready()
			for what, answer := range map[string]string{
				"a page": "<html>proxy</html>", "cut": c.answer[:len(c.answer)-3], "too large": `{"x":"` + strings.Repeat("x", maxAnswer) + `"}`,
				"a list": "[]", "a word as code": `{"errcode":"x"}`,
			} {
				s.serve(c.path, answer)
				var bad *AnswerError
				got, err := c.do(s, a)
				if !errors.As(err, &bad) || bad.Path != c.path {
					t.Errorf("%s: %#v, %v", what, got, err)
				}
				noSecrets(t, what, err.Error())
			}
			s.serve(c.path, `{"errcode":48001,"errmsg":"api unauthorized oVisitor0123456789 `+s.platform.token+` rid: 65a1b2c3-0badcafe-12345678"}`)
			var api *APIError
			_, err := c.do(s, a)
			if !errors.As(err, &api) || api.Code != 48001 || api.RID == "" || api.Class() != ClassPermission {
				t.Errorf("no permission: %v", err)
			}
			if strings.Contains(err.Error(), s.platform.token) || strings.Contains(c.body+c.query, string(visitorID)) && strings.Contains(err.Error(), string(visitorID)) {
				t.Errorf("the error shows a secret: %v", err)
			}
			// Without its fields an answer is not taken for an empty one.
			if c.want != nil && c.name != "a wallet" && c.name != "cards" {
				var bad *AnswerError
				s.serve(c.path, `{"errcode":0,"errmsg":"ok"}`)
				if got, err := c.do(s, a); !errors.As(err, &bad) {
					t.Errorf("no fields: %#v, %v", got, err)
				}
			}
		})
	}
}

func TestWhatWeChatWouldRefuseIsNotSent(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	before := s.platform.count(pathStable)
	s.platform.say(func(r *http.Request, _ []byte) string {
		t.Errorf("%s was called", r.URL.Path)
		return `{"errcode":0}`
	})
	long := strings.Repeat("x", 300)
	ctx := t.Context()
	for name, c := range map[string]struct {
		code int
		do   func() error
	}{
		"offset":        {40097, func() error { _, _, err := a.Cards(ctx, -1, 5); return err }},
		"count":         {40097, func() error { _, _, err := a.Cards(ctx, 0, 51); return err }},
		"card":          {40073, func() error { _, err := a.Card(ctx, "卡"); return err }},
		"stock card":    {40073, func() error { return a.ModifyStock(ctx, "", 1) }},
		"no stock":      {40097, func() error { return a.ModifyStock(ctx, cardID, 0) }},
		"much stock":    {40097, func() error { return a.ModifyStock(ctx, cardID, -1<<63) }},
		"code":          {40056, func() error { _, err := a.CheckCode(ctx, CodeQuery{Code: long}); return err }},
		"code's card":   {40073, func() error { _, err := a.CheckCode(ctx, CodeQuery{Code: "1", CardID: " "}); return err }},
		"redeem":        {40056, func() error { _, err := a.ConsumeCode(ctx, cardID, "1\n2"); return err }},
		"wallet":        {40003, func() error { _, _, err := a.UserCards(ctx, "", ""); return err }},
		"wallet's card": {40073, func() error { _, _, err := a.UserCards(ctx, visitorID, CardID(long)); return err }},
		"follower":      {40003, func() error { _, err := a.Follower(ctx, OpenID(long)); return err }},
		"two scenes":    {40053, func() error { _, err := a.CreateQR(ctx, QRRequest{Scene: "a", SceneID: 1}); return err }},
		"no scene":      {40053, func() error { _, err := a.CreateQR(ctx, QRRequest{}); return err }},
		"long scene":    {40053, func() error { _, err := a.CreateQR(ctx, QRRequest{Scene: strings.Repeat("门", 65)}); return err }},
		"big scene":     {40053, func() error { _, err := a.CreateQR(ctx, QRRequest{SceneID: 100001}); return err }},
		"long life": {40097, func() error {
			_, err := a.CreateQR(ctx, QRRequest{Scene: "a", Temporary: true, Expires: MaxQRLife + 1})
			return err
		}},
		"no life":        {40097, func() error { _, err := a.CreateQR(ctx, QRRequest{Scene: "a", Temporary: true}); return err }},
		"permanent life": {40097, func() error { _, err := a.CreateQR(ctx, QRRequest{Scene: "a", Expires: time.Hour}); return err }},
		"no picture":     {40006, func() error { _, err := a.UploadImage(ctx, nil); return err }},
		"large picture":  {40006, func() error { _, err := a.UploadImage(ctx, make([]byte, MaxImage+1)); return err }},
		"no PNG":         {40005, func() error { _, err := a.UploadImage(ctx, []byte("<svg onload=alert(1)>")); return err }},
		"nobody":         {40003, func() error { return a.SendCustomText(ctx, "", "x") }},
		"no text":        {45002, func() error { return a.SendCustomText(ctx, visitorID, " \r\n") }},
		"nothing":        {44002, func() error { return a.SendCustom(ctx, visitorID, nil) }},
	} {
		var api *APIError
		if err := c.do(); !errors.As(err, &api) || api.Code != c.code {
			t.Errorf("%s: %v, want %d", name, err, c.code)
		}
	}
	s.called(pathStable, before)
}

func TestACardThatIsVoidAlreadyIsNoError(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	for _, no := range []string{`{"errcode":40127,"errmsg":"x"}`, `{"errcode":-1,"errmsg":"busy"}`, `garbage`} {
		s.serve("/card/code/unavailable", no)
		s.serve("/card/code/get", `{"errcode":0,"card":{"card_id":"`+string(cardID)+`"},"openid":"oVisitor0123456789","user_card_status":"UNAVAILABLE"}`)
		if err := a.VoidCode(t.Context(), cardID, "1", ""); err != nil {
			t.Errorf("%s: %v", no, err)
		}
		s.serve("/card/code/get", `{"errcode":0,"card":{"card_id":"`+string(cardID)+`"},"openid":"oVisitor0123456789","user_card_status":"GIFTING"}`)
		if err := a.VoidCode(t.Context(), cardID, "1", ""); err == nil {
			t.Errorf("%s: a card that is being given away counts as void", no)
		}
	}
	if err := a.VoidCode(t.Context(), cardID, "1\n2", ""); err == nil {
		t.Error("a code of two lines was sent")
	}
}

func TestCodesOfWeChatAreErrorsOfOurs(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	for _, c := range []struct {
		path, code string
		want       error
		do         func() error
	}{
		{"/card/code/consume", "40099", ErrCodeConsumed, func() error { _, err := a.ConsumeCode(t.Context(), cardID, "1"); return err }},
		{"/card/code/get", "40127", ErrCodeUnusable, func() error {
			_, err := a.CheckCode(t.Context(), CodeQuery{Code: "1", CheckConsume: true})
			return err
		}},
		{"/card/code/get", "40056", ErrCodeUnknown, func() error { _, err := a.CheckCode(t.Context(), CodeQuery{Code: "1"}); return err }},
		{"/cgi-bin/menu/get", "46003", ErrNoMenu, func() error { _, err := a.GetMenu(t.Context()); return err }},
		{"/cgi-bin/message/custom/send", "45015", ErrWindowClosed, func() error { return a.SendCustomText(t.Context(), visitorID, "x") }},
		{"/cgi-bin/message/custom/send", "45047", ErrWindowUsed, func() error { return a.SendCustomText(t.Context(), visitorID, "x") }},
		{"/cgi-bin/message/custom/send", "43004", ErrNotFollower, func() error { return a.SendCustomText(t.Context(), visitorID, "x") }},
	} {
		s.serve(c.path, `{"errcode":`+c.code+`,"errmsg":"x"}`)
		err := c.do()
		var api *APIError
		if !errors.Is(err, c.want) || !errors.As(err, &api) || errors.Is(err, ErrCodeUsed) {
			t.Errorf("%s: %v", c.code, err)
		}
	}
}
