package reach_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/reach"
	"kaquan/wechat"
)

const account = string(dbtest.Account)

// chat is the service on a real database, with a WeChat that answers what tests want.
type chat struct {
	*testing.T
	db        *db.DB
	campaigns *campaigns.Service
	*reach.Service

	mu      sync.Mutex
	time    time.Time
	answers map[string]string // by path
	calls   map[string][]string
}

func open(t *testing.T) *chat {
	t.Helper()
	c := &chat{T: t, db: dbtest.Open(t), time: time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC), calls: map[string][]string{}, answers: map[string]string{
		"/cgi-bin/stable_token": `{"access_token":"token-0123456789","expires_in":7200}`,
	}}
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[r.URL.Path] = append(c.calls[r.URL.Path], string(body))
		answer := c.answers[r.URL.Path]
		if answer == "hang up" {
			connection, _, _ := w.(http.Hijacker).Hijack()
			_ = connection.Close()
			return
		}
		if answer == "" {
			answer = `{"errcode":48001,"errmsg":"api unauthorized"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(platform.Close)
	c.campaigns = dbtest.Seed(t, c.db, c.now)
	hub := wechat.NewHub(wechat.HubOptions{Store: c.db, HTTP: platform.Client(), Now: c.now, Owner: "test", Find: func(_ context.Context, id string) (wechat.Credentials, error) {
		k := dbtest.Credentials()
		k.APIURL = platform.URL
		return k, nil
	}})
	c.Service = reach.New(reach.Options{Store: c.db, WeChat: hub, PublicURL: "https://kq.example.com/", Now: c.now})
	return c
}

func (c *chat) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *chat) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

func (c *chat) answer(path, body string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[path] = body
}

func (c *chat) called(path string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[path]
}

func (c *chat) rule(r reach.Rule) int64 {
	c.Helper()
	r.Account, r.Enabled = account, true
	id, err := c.SaveRule(c.Context(), r)
	if err != nil {
		c.Fatal(err)
	}
	return id
}

func (c *chat) hears(e wechat.Event) wechat.Reply {
	c.Helper()
	reply, err := c.Reply(c.Context(), account, e)
	if err != nil {
		c.Fatal(err)
	}
	if reply != nil {
		if body, err := wechat.RenderReply("oVisitor", "gh_account", c.now(), reply); err != nil || len(body) == 0 {
			c.Fatalf("the reply cannot be sent: %v", err)
		}
	}
	return reply
}

func says(id, text string) wechat.Event {
	return wechat.Event{MsgType: "text", MsgID: id, Content: text, FromUser: "oVisitor"}
}

func did(event, key, person string, at int64) wechat.Event {
	return wechat.Event{MsgType: "event", Event: event, EventKey: key, FromUser: person, CreateTime: at}
}

func draft(slug campaigns.Slug, now time.Time) campaigns.Draft {
	d := dbtest.Draft(now, slug, 10, campaigns.OwnCode)
	d.Share = campaigns.Share{Title: "请你喝拿铁 <b>", Desc: "限量", Image: "https://kq.example.com/x.png"}
	return d
}

func TestAnswersCarryTheLinkAndItsChannel(t *testing.T) {
	t.Parallel()
	c := open(t)
	out := dbtest.Publish(t, c.campaigns, draft("winter", c.now()))
	hidden, err := c.campaigns.Create(t.Context(), campaigns.Actor{}, draft("hidden", c.now()))
	if err != nil {
		t.Fatal(err)
	}
	c.rule(reach.Rule{Trigger: reach.OnKeyword, Words: []string{"券"}, Contains: true, Kind: reach.SayText, Text: "领券：{link} 或 {link}", Campaign: int64(out.ID), Channel: "kw"})
	c.rule(reach.Rule{Trigger: reach.OnKeyword, Words: []string{"秘密"}, Kind: reach.SayCampaign, Campaign: int64(hidden.ID)})
	other := c.rule(reach.Rule{Trigger: reach.OnElse, Kind: reach.SayText, Text: "你好 👋 <a href=\"https://example.com\">这里</a>"})
	if got := c.hears(says("1", "发券！")); got != (wechat.Text{Content: "领券：https://kq.example.com/c/winter?ch=kw 或 https://kq.example.com/c/winter?ch=kw"}) {
		t.Errorf("answered %+v", got)
	}
	for range 3 { // one message, delivered three times
		if got, ok := c.hears(says("2", "秘密")).(wechat.Text); !ok || !strings.HasPrefix(got.Content, "你好") {
			t.Errorf("a campaign that is not out does not give way: %+v", got)
		}
	}
	if r, err := c.Rule(t.Context(), account, other); err != nil || r.Hits != 1 || !r.LastHit.Equal(c.now()) {
		t.Errorf("hits %d at %s, %v", r.Hits, r.LastHit, err)
	}
	if err := c.SwitchRule(t.Context(), account, other, false); err != nil {
		t.Fatal(err)
	}
	if got := c.hears(says("3", "秘密")); got != nil {
		t.Errorf("a rule that is off answers %+v", got)
	}
	if _, err := c.Rule(t.Context(), "other", other); !errors.Is(err, reach.ErrRuleNotFound) {
		t.Errorf("the rule of another account: %v", err)
	}
	if err := c.DeleteRule(t.Context(), account, other); err != nil {
		t.Fatal(err)
	}
	if rules, err := c.Rules(t.Context(), account); err != nil || len(rules) != 2 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

func TestScansAreCountedOnceAndGiveTheirChannelToTheAnswer(t *testing.T) {
	t.Parallel()
	c := open(t)
	out := dbtest.Publish(t, c.campaigns, draft("winter", c.now()))
	c.answer("/cgi-bin/qrcode/create", `{"ticket":"t&1","expire_seconds":604800,"url":"http://weixin.qq.com/q/abc"}`)
	sc, err := c.CreateScene(t.Context(), account, reach.SceneDraft{Name: "一号店", Channel: "shop1", Days: "7"})
	if err != nil || sc.Scene != "shop1" || !sc.ExpiresAt.Equal(c.now().Add(7*24*time.Hour)) {
		t.Fatalf("%+v %v", sc, err)
	}
	if body := c.called("/cgi-bin/qrcode/create")[0]; !strings.Contains(body, `"QR_STR_SCENE"`) || !strings.Contains(body, `"scene_str":"shop1"`) {
		t.Errorf("asked for %s", body)
	}
	if _, err := c.CreateScene(t.Context(), account, reach.SceneDraft{Name: "again", Channel: "shop1", Days: "7"}); !errors.Is(err, reach.ErrSceneTaken) {
		t.Errorf("the same scene: %v", err)
	}
	c.rule(reach.Rule{Trigger: reach.OnScene, Words: []string{"shop1"}, Kind: reach.SayCampaign, Campaign: int64(out.ID)})
	follow := did("subscribe", "qrscene_shop1", "oA", 1)
	for range 3 {
		got, ok := c.hears(follow).(wechat.News)
		if !ok || got.URL != "https://kq.example.com/c/winter?ch=shop1" || got.Title != "请你喝拿铁 <b>" || got.Description != "限量" || got.PicURL == "" {
			t.Fatalf("answered %+v", got)
		}
	}
	c.hears(did("unsubscribe", "", "oA", 2))
	c.hears(did("subscribe", "qrscene_shop1", "oA", 3)) // back again: no new follower
	c.hears(did("scan", "shop1", "oB", 4))
	c.hears(did("scan", "made-up", "oB", 5))
	scenes, err := c.Scenes(t.Context(), account)
	if err != nil || len(scenes) != 1 || scenes[0].Scans != 3 || scenes[0].Followers != 1 || !scenes[0].LastScan.Equal(c.now()) {
		t.Fatalf("%+v %v", scenes, err)
	}
	c.pass(8 * 24 * time.Hour)
	if !scenes[0].Expired(c.now()) {
		t.Error("the code outlives its days")
	}
	c.answer("/cgi-bin/qrcode/create", `{"ticket":"t2","url":"http://weixin.qq.com/q/def"}`)
	if sc, err = c.CreateScene(t.Context(), account, reach.SceneDraft{Name: "永久", Scene: "shop1", Channel: "shop1", Permanent: true}); err != nil || !sc.ExpiresAt.IsZero() {
		t.Fatalf("a code that ran out cannot be made again: %v", err)
	}
	if err := c.DeleteScene(t.Context(), account, "shop1"); !errors.Is(err, reach.ErrSceneStays) {
		t.Errorf("a permanent code goes: %v", err)
	}
	if scenes, _ = c.Scenes(t.Context(), account); scenes[0].Scans != 3 || scenes[0].Ticket != "t2" {
		t.Errorf("renewed %+v", scenes[0])
	}
	for _, wrong := range []reach.SceneDraft{{}, {Name: "x", Channel: "a b", Days: "1"}, {Name: "x", Channel: "a", Days: "31"}, {Name: "x", Channel: "a", Scene: "<b>", Days: "1"}, {Name: "x\u202e", Channel: "a", Days: "1"}} {
		if _, err := c.CreateScene(t.Context(), account, wrong); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

func TestWrongRulesAreRefusedAtTheirFields(t *testing.T) {
	t.Parallel()
	c := open(t)
	out := dbtest.Publish(t, c.campaigns, draft("winter", c.now()))
	good := reach.Rule{Account: account, Trigger: reach.OnKeyword, Words: []string{"a"}, Kind: reach.SayText, Text: "x"}
	for field, change := range map[string]func(*reach.Rule){
		"trigger":  func(r *reach.Rule) { r.Trigger = "storm" },
		"words":    func(r *reach.Rule) { r.Words = []string{"a\u202eb"} },
		"kind":     func(r *reach.Rule) { r.Kind = "song" },
		"text":     func(r *reach.Rule) { r.Text = strings.Repeat("很", 700) },
		"campaign": func(r *reach.Rule) { r.Text = "{link}" },
		"channel":  func(r *reach.Rule) { r.Channel = `"><b>` },
		"name":     func(r *reach.Rule) { r.Name = strings.Repeat("x", 41) },
		"priority": func(r *reach.Rule) { r.Priority = 101 },
		"picture":  func(r *reach.Rule) { r.Kind, r.Picture = reach.SayPicture, 99 },
		"image": func(r *reach.Rule) {
			r.Kind, r.Campaign, r.Image = reach.SayCampaign, int64(out.ID), "javascript:alert(1)"
		},
		"title": func(r *reach.Rule) {
			r.Kind, r.Campaign, r.Title = reach.SayCampaign, int64(out.ID), strings.Repeat("长", 65)
		},
	} {
		r := good
		change(&r)
		_, err := c.SaveRule(t.Context(), r)
		if all := fault.All(err); len(all) != 1 || all[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	// The length counts with the link in place of its mark.
	long := good
	long.Campaign, long.Text = int64(out.ID), strings.Repeat("{link}", 60)
	if _, err := c.SaveRule(t.Context(), long); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a text that grows too long: %v", err)
	}
	for _, words := range [][]string{nil, {"　"}, {strings.Repeat("x", 65)}, make([]string, 21)} {
		r := good
		r.Words = words
		if _, err := c.SaveRule(t.Context(), r); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("words %q: %v", words, err)
		}
	}
	if _, err := c.SaveRule(t.Context(), reach.Rule{ID: 77, Account: account, Trigger: reach.OnElse, Kind: reach.SayText, Text: "x"}); !errors.Is(err, reach.ErrRuleNotFound) {
		t.Errorf("a rule that is not there: %v", err)
	}
	for range reach.MaxRules {
		c.rule(good)
	}
	if _, err := c.SaveRule(t.Context(), good); !errors.Is(err, reach.ErrTooManyRules) {
		t.Errorf("one too many: %v", err)
	}
}

func TestPicturesAreUploadedOutsideOfRepliesAndRenewed(t *testing.T) {
	t.Parallel()
	c := open(t)
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]byte{nil, []byte("<svg/>"), append(file.Bytes(), make([]byte, reach.MaxPicture)...)} {
		if _, err := c.AddPicture(t.Context(), account, wrong); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%d bytes: %v", len(wrong), err)
		}
	}
	id, err := c.AddPicture(t.Context(), account, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.AddPicture(t.Context(), account, file.Bytes()); err != nil || again != id {
		t.Errorf("the same picture is %d and %d, %v", id, again, err)
	}
	c.rule(reach.Rule{Trigger: reach.OnKeyword, Words: []string{"图"}, Kind: reach.SayPicture, Picture: id})
	const upload = "/cgi-bin/media/upload"
	number := 0
	renew := func(want int) {
		t.Helper()
		if err := c.RenewPictures(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(c.called(upload)); got != want {
			t.Fatalf("%d uploads, want %d", got, want)
		}
	}
	shows := func(want wechat.Reply) {
		t.Helper()
		number++
		if got := c.hears(says(fmt.Sprint("p", number), "图")); got != want {
			t.Fatalf("answered %+v, want %+v", got, want)
		}
	}
	shows(nil)
	if len(c.called(upload)) != 0 {
		t.Fatal("a reply uploads")
	}
	renew(1) // refused with 48001
	renew(1) // not again at once
	shows(nil)
	c.pass(11 * time.Minute)
	c.answer(upload, fmt.Sprintf(`{"type":"image","media_id":"m1","created_at":%d}`, c.now().Unix()))
	renew(2)
	shows(wechat.Image{MediaID: "m1"})
	c.pass(2 * 24 * time.Hour)
	renew(2)
	shows(wechat.Image{MediaID: "m1"})
	c.pass(13 * time.Hour)
	c.answer(upload, fmt.Sprintf(`{"type":"image","media_id":"m2","created_at":%d}`, c.now().Unix()))
	renew(3)
	shows(wechat.Image{MediaID: "m2"})
	c.pass(3 * 24 * time.Hour) // nobody renewed
	shows(nil)
}

func TestTheMenuGoesToWeChatAndComesBack(t *testing.T) {
	t.Parallel()
	c := open(t)
	menu := wechat.Menu{Buttons: []wechat.Button{{Type: wechat.ButtonView, Name: "领券 & 更多", URL: "https://example.com/?a=1&b=2"}}}
	if err := c.PublishMenu(t.Context(), account, wechat.Menu{}, "小李"); !errors.Is(err, reach.ErrMenuWrong) || len(c.called("/cgi-bin/menu/create")) != 0 {
		t.Errorf("an empty menu: %v", err)
	}
	if err := c.PublishMenu(t.Context(), account, menu, "小李"); err == nil {
		t.Error("WeChat's refusal is lost")
	}
	state, err := c.Menu(t.Context(), account)
	if err != nil || len(state.Draft.Buttons) != 1 || !state.PublishedAt.IsZero() || state.DraftBy != "小李" {
		t.Errorf("after a refusal %+v %v", state, err)
	}
	c.answer("/cgi-bin/menu/create", `{"errcode":0,"errmsg":"ok"}`)
	if err := c.PublishMenu(t.Context(), account, menu, "小李"); err != nil {
		t.Fatal(err)
	}
	sent := c.called("/cgi-bin/menu/create")
	if last := sent[len(sent)-1]; !strings.Contains(last, "领券 & 更多") || !strings.Contains(last, "a=1&b=2") {
		t.Errorf("sent %s", last)
	}
	if state, _ = c.Menu(t.Context(), account); len(reach.MenuChanges(state.Published, state.Draft)) != 0 || !state.PublishedAt.Equal(c.now()) {
		t.Errorf("published %+v", state)
	}
	c.answer("/cgi-bin/menu/get", `{"menu":{"button":[{"type":"click","name":"别人的","key":"K","sub_button":[]}]}}`)
	if err := c.LoadMenu(t.Context(), account, "小李"); err != nil {
		t.Fatal(err)
	}
	if state, _ = c.Menu(t.Context(), account); state.Draft.Buttons[0].Key != "K" {
		t.Errorf("loaded %+v", state.Draft)
	}
	c.answer("/cgi-bin/menu/delete", `{"errcode":0,"errmsg":"ok"}`)
	if err := c.DeleteMenu(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if state, _ = c.Menu(t.Context(), account); len(state.Published.Buttons) != 0 || len(state.Draft.Buttons) != 1 {
		t.Errorf("deleted %+v", state)
	}
	c.answer("/cgi-bin/menu/get", `{"errcode":46003,"errmsg":"menu no exist"}`)
	if err := c.LoadMenu(t.Context(), account, "小李"); err != nil {
		t.Errorf("no menu is an error: %v", err)
	}
}

func TestStockIsChangedOnceForEachForm(t *testing.T) {
	t.Parallel()
	c := open(t)
	const path = "/card/modifystock"
	change := reach.StockChange{Key: "0123456789abcdef", Account: account, Card: "pTestCard0000000000000000001", Delta: 100}
	for outcome, answer := range map[reach.Outcome]string{
		reach.StockChanged: `{"errcode":0,"errmsg":"ok"}`, reach.StockRefused: `{"errcode":40122,"errmsg":"bad quantity"}`, reach.StockUnknown: "hang up",
	} {
		c.answer(path, answer)
		change.Key = "0123456789abcdef-" + string(outcome)
		before := len(c.called(path))
		got, first, err := c.ChangeStock(t.Context(), change)
		if got != outcome || !first || (err == nil) != (outcome == reach.StockChanged) {
			t.Errorf("%s: %s %t %v", outcome, got, first, err)
		}
		c.answer(path, `{"errcode":0,"errmsg":"ok"}`)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if got, first, err := c.ChangeStock(t.Context(), change); got != outcome || first || err != nil {
					t.Errorf("again: %s %t %v", got, first, err)
				}
			})
		}
		all.Wait()
		if n := len(c.called(path)) - before; n != 1 {
			t.Errorf("%s: WeChat was asked %d times", outcome, n)
		}
	}
	for _, wrong := range []reach.StockChange{{Key: "", Delta: 1}, {Key: "0123456789abcdefX", Delta: 0}, {Key: "0123456789abcdefX", Delta: reach.MaxDelta + 1}} {
		if _, first, err := c.ChangeStock(t.Context(), wrong); first || err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

func TestCardsAreAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	c := open(t)
	var refused *wechat.APIError
	if _, err := c.Cards(t.Context(), account); !errors.As(err, &refused) || refused.Code != 48001 {
		t.Fatalf("without the right: %v", err)
	}
	c.answer("/card/batchget", `{"errcode":0,"card_id_list":["pTestCard0000000000000000001"],"total_num":1}`)
	c.answer("/card/get", `{"errcode":0,"card":{"card_type":"GENERAL_COUPON","general_coupon":{"base_info":{"id":"pTestCard0000000000000000001","title":"拿铁","status":"CARD_STATUS_VERIFY_OK","sku":{"quantity":5,"total_quantity":9}}}}}`)
	for range 3 {
		list, err := c.Cards(t.Context(), account)
		if err != nil || len(list.Cards) != 1 || list.Cards[0].Left != 5 || list.Cards[0].Err != nil {
			t.Fatalf("%+v %v", list, err)
		}
	}
	if n := len(c.called("/card/get")); n != 1 {
		t.Errorf("asked %d times", n)
	}
	c.pass(61 * time.Second)
	_, _ = c.Cards(t.Context(), account)
	if n := len(c.called("/card/get")); n != 2 {
		t.Errorf("asked %d times after a minute", n)
	}
}
