package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/wechat"
)

// hubCards is WeChat at the till through the real client.
type hubCards struct{ hub *wechat.Hub }

func (h hubCards) Check(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) (wechat.CodeInfo, error) {
	a, err := h.hub.Account(ctx, string(id))
	if err != nil {
		return wechat.CodeInfo{}, err
	}
	return a.CheckCode(ctx, wechat.CodeQuery{CardID: card, Code: string(code)})
}

func (h hubCards) Consume(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) error {
	a, err := h.hub.Account(ctx, string(id))
	if err != nil {
		return err
	}
	_, err = a.ConsumeCode(ctx, card, string(code))
	return err
}

// counter is two stores with people, and a browser at the door.
type counter struct {
	*office
	guomao, south stores.Place
	pins          map[stores.StaffID]string
	li, wang      stores.Staff // a clerk and the manager of guomao
	zhang         stores.Staff // a clerk of south
}

func openCounter(t *testing.T) *counter {
	t.Helper()
	w := &counter{office: openOffice(t), pins: map[stores.StaffID]string{}}
	place := func(name, code string) stores.Place {
		p, err := w.stores.CreatePlace(t.Context(), stores.Actor{Name: "test"}, shopAccount, stores.PlaceDraft{Kind: stores.ShopKind, Name: name, Code: code})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	w.guomao, w.south = place("国贸店", "GM"), place("南站店", "NZ")
	w.li, w.wang, w.zhang = w.hire(w.guomao, "小李", stores.Clerk), w.hire(w.guomao, "王店长", stores.Manager), w.hire(w.south, "小张", stores.Clerk)
	return w
}

func (w *counter) hire(p stores.Place, name string, role stores.Role) stores.Staff {
	w.t.Helper()
	m, pin, err := w.stores.CreateStaff(w.t.Context(), stores.Actor{Name: "test"}, shopAccount, stores.StaffDraft{Place: p.ID, Name: name, Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	w.pins[m.ID] = pin
	return m
}

// stranger is a browser that nobody signed in with.
func (w *counter) stranger() *desk { return &desk{office: w.office, cookies: map[string]string{}} }

var tokenPattern = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// signedIn is the browser of a member of the staff at the scanner.
func (w *counter) signedIn(m stores.Staff) *desk {
	w.t.Helper()
	d := w.stranger()
	a := d.post("/s/signin", url.Values{"place": {m.Place.String()}, "staff": {m.ID.String()}, "pin": {w.pins[m.ID]}})
	if a.status != http.StatusSeeOther {
		w.t.Fatalf("%s is not signed in: %d %s", m.Name, a.status, a.words())
	}
	a = d.get("/s/scan")
	if d.csrf = captured(tokenPattern, a.body); d.csrf == "" {
		w.t.Fatalf("no token: %d %s", a.status, a.words())
	}
	return d
}

func (w *counter) look(d *desk, code string) answered {
	return d.post("/s/look", url.Values{"code": {code}})
}

var claimPattern = regexp.MustCompile(`name="claim" value="([^"]+)"`)

// confirm presses the button of a card that was looked at.
func (w *counter) confirm(d *desk, card answered) answered {
	a := d.post("/s/redeem", url.Values{"claim": {captured(claimPattern, card.body)}, "key": {keyField(card)}})
	if a.status != http.StatusSeeOther {
		return a
	}
	return d.get(a.header.Get("Location"))
}

func TestStaffSignInWithTheirPINAndAreLockedOutAfterFiveWrongOnes(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	d := w.stranger()
	if a := d.get("/s/"); a.status != http.StatusOK || !strings.Contains(a.words(), "国贸店") || !strings.Contains(a.words(), "南站店") {
		t.Fatalf("the door: %d %s", a.status, a.words())
	}
	if a := d.get("/s/at/" + w.guomao.ID.String()); !strings.Contains(a.words(), "小李") || strings.Contains(a.words(), "小张") {
		t.Errorf("the door of one store: %s", a.words())
	}
	try := func(place stores.Place, who stores.StaffID, pin string) answered {
		return d.post("/s/signin", url.Values{"place": {place.ID.String()}, "staff": {who.String()}, "pin": {pin}})
	}
	for _, row := range []struct {
		name, pin string
		place     stores.Place
		who       stores.StaffID
		status    int
		says      string
	}{
		{"nobody chosen", "123456", w.guomao, 0, 422, "请选择您的名字"},
		{"no PIN", "12345", w.guomao, w.li.ID, 422, "PIN 是 6 位数字"},
		{"the other store's", w.pins[w.zhang.ID], w.guomao, w.zhang.ID, 422, "PIN 不对"},
		{"a wrong one", "000000", w.guomao, w.li.ID, 422, "PIN 不对"},
	} {
		if a := try(row.place, row.who, row.pin); a.status != row.status || !strings.Contains(a.words(), row.says) {
			t.Errorf("%s: %d %s", row.name, a.status, a.words())
		}
	}
	for range 4 {
		try(w.guomao, w.li.ID, "000000")
	}
	if a := try(w.guomao, w.li.ID, w.pins[w.li.ID]); a.status != http.StatusTooManyRequests || !strings.Contains(a.words(), "15 分钟后再试") {
		t.Errorf("after five: %d %s", a.status, a.words())
	}
	w.setTime(noon.Add(16 * time.Minute))
	if a := try(w.guomao, w.li.ID, w.pins[w.li.ID]); a.status != http.StatusSeeOther {
		t.Fatalf("a quarter later: %d %s", a.status, a.words())
	}
	if a := d.get("/s/scan"); !strings.Contains(a.words(), "国贸店") || !strings.Contains(a.words(), "小李") {
		t.Errorf("the till does not say where and who: %s", a.words())
	}
	if a := d.get("/s/"); a.header.Get("Location") != "/s/scan" {
		t.Error("who is signed in sees the door")
	}
	d.csrf = captured(tokenPattern, d.get("/s/scan").body)
	if a := d.post("/s/signout", nil); a.status != http.StatusSeeOther {
		t.Errorf("sign out: %d", a.status)
	}
	if a := d.get("/s/scan"); a.header.Get("Location") != "/s/?over=1" {
		t.Errorf("after signing out: %d", a.status)
	}
	if a := d.get("/s/"); !strings.Contains(a.words(), "6 位 PIN") {
		t.Error("the last store is forgotten")
	}
}

func TestAWriteAtTheTillNeedsSessionTokenAndSite(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	d := w.signedIn(w.li)
	for _, path := range []string{"/s/look", "/s/redeem", "/s/undo", "/s/sync", "/s/today", "/s/conflict", "/s/signout"} {
		if a := d.post(path, url.Values{"_csrf": {"wrong"}}); a.status != http.StatusForbidden {
			t.Errorf("%s without the token: %d", path, a.status)
		}
		if a := d.post(path, nil, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, a.status)
		}
		if a := w.stranger().post(path, nil); a.header.Get("Location") != "/s/?over=1" {
			t.Errorf("%s of a stranger: %d", path, a.status)
		}
		if a := w.stranger().post(path, nil, "X-Kq-Fragment", "1"); a.status != http.StatusUnauthorized {
			t.Errorf("%s of a stranger's script: %d", path, a.status)
		}
	}
	if err := w.stores.SwitchStaff(t.Context(), stores.Actor{Name: "test"}, w.li.ID, true); err != nil {
		t.Fatal(err)
	}
	if a := d.get("/s/scan"); a.header.Get("Location") != "/s/?over=1" {
		t.Errorf("a disabled member: %d", a.status)
	}
	if a := d.get("/s/?over=1"); !strings.Contains(a.words(), "登录已失效，或已被停用") {
		t.Errorf("says: %s", a.words())
	}
}

func TestTheTillGivesTheExactReason(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	d := w.signedIn(w.li)
	n := 0
	card := func(slug campaigns.Slug, change func(*campaigns.Draft)) *campaigns.Claim {
		t.Helper()
		draft := dbtest.Draft(noon, slug, 100, campaigns.OwnCode)
		draft.EndsAt = noon.Add(60 * 24 * time.Hour)
		if change != nil {
			change(&draft)
		}
		n++
		return w.claim(dbtest.Publish(t, w.campaigns, draft), n, "")
	}
	record := func(c *campaigns.Claim, kind campaigns.EventKind) {
		t.Helper()
		if _, err := w.db.Record(t.Context(), c.ID, campaigns.Event{Kind: kind, Source: campaigns.FromPush, At: noon}, nil); err != nil {
			t.Fatal(err)
		}
	}
	good := card("good", func(d *campaigns.Draft) { d.Redeeming.Note = "核对车牌"; d.Texts.Terms = "每人限用一次" })
	gifted, deleted := card("gift", nil), card("del", nil)
	record(gifted, campaigns.EventGifted)
	record(deleted, campaigns.EventDeleted)
	later := card("later", func(d *campaigns.Draft) { d.Redeeming.From = time.Date(2026, 12, 1, 0, 0, 0, 0, campaigns.Shanghai()) })
	over := card("over", func(d *campaigns.Draft) { d.ValidUntil, d.EndsAt = noon.Add(2*time.Hour), noon.Add(time.Hour) })
	elsewhere := card("south", func(d *campaigns.Draft) { d.Redeeming.Places = []string{w.south.ID.String()} })
	used := card("used", nil)
	if a := w.confirm(d, w.look(d, string(used.Code))); !strings.Contains(a.words(), "核销成功") {
		t.Fatalf("not redeemed: %s", a.words())
	}
	w.setTime(noon.Add(3 * time.Hour))
	for _, row := range []struct{ code, says string }{
		{good.Code.Grouped(), "确认核销"},
		{string(good.Code), "每人限用一次"},
		{string(good.Code), "核对车牌"},
		{string(used.Code), "已于今天 12:00 在国贸店由小李核销"},
		{string(later.Code), "未到使用时间：12月1日起可用"},
		{string(over.Code), "已过期（11月20日）"},
		{string(gifted.Code), "用户正在转赠"},
		{string(deleted.Code), "用户已删除此券"},
		{string(elsewhere.Code), "不是本店可用的券"},
		{"000000000000", "没有这张券，请核对数字"},
		{"KQ1.zzzzzz." + string(good.Code) + "..AAAA", "二维码不是我们签发的，请勿核销"},
		{"券", "这不是券码，请核对"},
	} {
		if a := w.look(d, row.code); !strings.Contains(a.words(), row.says) {
			t.Errorf("%s: %d %s", row.says, a.status, a.words())
		}
	}
	// A pass that the claim page shows is as good as its digits.
	c, err := w.campaigns.Campaign(t.Context(), good.Campaign)
	if err != nil {
		t.Fatal(err)
	}
	pass, err := w.redeeming.Pass(t.Context(), good, c)
	if err != nil || !strings.HasPrefix(pass, "KQ1.") {
		t.Fatalf("%q %v", pass, err)
	}
	if a := w.look(d, pass); !strings.Contains(a.body, "data-text=\""+pass) {
		t.Errorf("a signed code: %s", a.words())
	}
}

// The card is one write, whoever presses: one wins, everybody else reads who and when.
func TestAHundredStaffPressAtOnceAndOneWins(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	claim := w.claim(w.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "")
	const staff = 100
	tills, cards := make([]*desk, staff), make([]answered, staff)
	for i := range tills {
		m := w.hire(w.guomao, fmt.Sprintf("店员%d", i), stores.Clerk)
		token, session, _, err := w.stores.SignIn(t.Context(), stores.SignIn{Place: w.guomao.ID, Staff: m.ID, PIN: w.pins[m.ID]})
		if err != nil {
			t.Fatal(err)
		}
		tills[i] = &desk{office: w.office, cookies: map[string]string{"kq_staff": token}, csrf: session.CSRF}
		cards[i] = w.look(tills[i], string(claim.Code))
	}
	answers := make([]answered, staff)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range tills {
		all.Go(func() { <-start; answers[i] = w.confirm(tills[i], cards[i]) })
	}
	close(start)
	all.Wait()
	won := 0
	for i, a := range answers {
		switch words := a.words(); {
		case strings.Contains(words, "核销成功"):
			won++
		case a.status != http.StatusConflict || !regexp.MustCompile(`已于今天 12:00 在国贸店由店员\d+核销`).MatchString(words):
			t.Errorf("till %d: %d %s", i, a.status, words)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestARedemptionIsTakenBackByItsClerkOrTheManagerForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	c := w.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	li, wang := w.signedIn(w.li), w.signedIn(w.wang)
	other := w.signedIn(w.hire(w.guomao, "小周", stores.Clerk))
	south := w.signedIn(w.zhang)
	id := func(a answered) string {
		return captured(regexp.MustCompile(`data-path="/s/redemption/(\d+)"`), a.body)
	}
	first := w.confirm(li, w.look(li, string(w.claim(c, 1, "").Code)))
	if !strings.Contains(first.words(), "撤销（ 5:00 ）") {
		t.Errorf("no countdown: %s", first.words())
	}
	for _, row := range []struct {
		who    *desk
		after  time.Duration
		status int
		says   string
	}{
		{south, 0, http.StatusNotFound, "没有这次核销"},
		{other, 0, http.StatusForbidden, "您的角色不能进行这个操作"},
		{wang, 4*time.Minute + 59*time.Second, http.StatusSeeOther, ""},
		{wang, 4*time.Minute + 59*time.Second, http.StatusSeeOther, ""}, // again: nothing more happens
	} {
		w.setTime(noon.Add(row.after))
		if a := row.who.post("/s/undo", url.Values{"id": {id(first)}}); a.status != row.status || !strings.Contains(a.words(), row.says) {
			t.Errorf("after %v: %d %s", row.after, a.status, a.words())
		}
	}
	if a := li.get("/s/redemption/" + id(first)); !strings.Contains(a.words(), "已撤销") || !strings.Contains(a.words(), "由王店长撤销") {
		t.Errorf("undone: %s", a.words())
	}
	second := w.confirm(li, w.look(li, string(w.claim(c, 2, "").Code)))
	w.setTime(noon.Add(4*time.Minute + 59*time.Second + 5*time.Minute + time.Second))
	if a := li.post("/s/undo", url.Values{"id": {id(second)}}); a.status != http.StatusConflict || !strings.Contains(a.words(), "已超过 5 分钟") {
		t.Errorf("too late: %d %s", a.status, a.words())
	}
}

func TestAnOfflineQueueIsBookedOnceAndAConflictBecomesTheManagersTask(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	c := w.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	li, wang := w.signedIn(w.li), w.signedIn(w.wang)
	pass := func(claim *campaigns.Claim) string {
		text, err := w.redeeming.Pass(t.Context(), claim, c)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	fresh, taken := w.claim(c, 1, ""), w.claim(c, 2, "")
	w.confirm(wang, w.look(wang, string(taken.Code)))
	send := func(d *desk, items string) (map[string]string, int) {
		r := httptest.NewRequest(http.MethodPost, "/s/sync", strings.NewReader(items))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-CSRF-Token", d.csrf)
		a := d.do(r)
		var got struct {
			Done []struct{ Key, Verdict string }
		}
		_ = json.Unmarshal([]byte(a.body), &got)
		verdicts := map[string]string{}
		for _, one := range got.Done {
			verdicts[one.Key] = one.Verdict
		}
		return verdicts, a.status
	}
	at := noon.Add(-10 * time.Minute).UnixMilli()
	items := fmt.Sprintf(`{"items":[{"text":%q,"at":%d,"key":"queue-key-1"},{"text":%q,"at":%d,"key":"queue-key-2"},{"text":"!!","at":%d,"key":"queue-key-3"}]}`, pass(fresh), at, pass(taken), at, at)
	for range 2 { // the answer to the first was lost
		got, status := send(li, items)
		if status != http.StatusOK || got["queue-key-1"] != "good" || got["queue-key-2"] != "used" || got["queue-key-3"] != "unknown" {
			t.Fatalf("%d %v", status, got)
		}
	}
	if _, status := send(li, "{"); status != http.StatusUnprocessableEntity {
		t.Errorf("no JSON: %d", status)
	}
	if a := li.get("/s/today"); !strings.Contains(a.words(), "离线") || strings.Contains(a.words(), "待处理") {
		t.Errorf("the clerk's day: %s", a.words())
	}
	day := wang.get("/s/today")
	if !strings.Contains(day.words(), "待处理") || !strings.Contains(day.words(), taken.Code.Grouped()) || !strings.Contains(day.words(), "国贸店 11月20日 核销 2 张") {
		t.Errorf("the manager's day: %s", day.words())
	}
	task := captured(regexp.MustCompile(`action="/s/conflict"[^>]*>.*?name="id" value="(\d+)"`), strings.ReplaceAll(day.body, "\n", ""))
	for _, row := range []struct {
		who        *desk
		id, note   string
		wantStatus int
	}{
		{li, task, "x", http.StatusForbidden},
		{wang, "99", "x", http.StatusNotFound},
		{wang, task, " ", http.StatusUnprocessableEntity},
		{wang, task, "已联系顾客", http.StatusSeeOther},
	} {
		if a := row.who.post("/s/conflict", url.Values{"id": {row.id}, "note": {row.note}}); a.status != row.wantStatus {
			t.Errorf("%q %q: %d %s", row.id, row.note, a.status, a.words())
		}
	}
	if a := wang.get("/s/today"); strings.Contains(a.words(), "待处理") {
		t.Error("the task is still open")
	}
}

func TestTheManagerFindsCardsByTheEndOfAPhoneNumberAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	c := w.campaign("latte", "冬日拿铁", campaigns.OwnCode)
	w.claim(c, 7, "")
	wang, li := w.signedIn(w.wang), w.signedIn(w.li)
	find := func(d *desk, tail string) answered { return d.post("/s/today", url.Values{"tail": {tail}}) }
	a := find(wang, "0007")
	if !strings.Contains(a.words(), "138****0007") || !strings.Contains(a.words(), "冬日拿铁") || strings.Contains(a.body, "13800130007") || strings.Contains(a.words(), "王小明7") {
		t.Errorf("found: %s", a.words())
	}
	if a := find(wang, "0008"); !strings.Contains(a.words(), "没有找到可用的券") {
		t.Errorf("nothing: %s", a.words())
	}
	if a := find(wang, "7"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("one digit: %d", a.status)
	}
	if a := find(li, "0007"); a.status != http.StatusForbidden {
		t.Errorf("a clerk: %d %s", a.status, a.words())
	}
}

func TestNobodyGuessesTheirWayToACard(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	claim := w.claim(w.campaign("latte", "冬日拿铁", campaigns.OwnCode), 1, "")
	d := w.signedIn(w.li)
	for i := range 10 {
		if a := w.look(d, fmt.Sprintf("00000000%04d", i)); a.status != http.StatusOK {
			t.Fatalf("guess %d: %d", i, a.status)
		}
	}
	if a := w.look(d, string(claim.Code)); a.status != http.StatusTooManyRequests {
		t.Errorf("after ten guesses: %d", a.status)
	}
	w.setTime(noon.Add(time.Minute))
	if a := w.look(d, string(claim.Code)); !strings.Contains(a.words(), "确认核销") {
		t.Errorf("a minute later: %d %s", a.status, a.words())
	}
	for range 70 {
		w.look(d, string(claim.Code))
	}
	if a := w.look(d, string(claim.Code)); a.status != http.StatusTooManyRequests {
		t.Errorf("after seventy look-ups: %d", a.status)
	}
}

func TestACardOfWeChatsIsRedeemedThereAndNobodyIsPromisedAWayBack(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	draft := dbtest.Draft(noon, "wash", 100, campaigns.WeChatCard)
	claim := w.claim(dbtest.Publish(t, w.campaigns, draft), 1, "")
	claim, err := w.db.Record(t.Context(), claim.ID, campaigns.Event{Kind: campaigns.EventConfirmed, Source: campaigns.FromPush, At: noon, Code: "912345678901"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	state, consume := "NORMAL", `{"errcode":-1,"errmsg":"busy"}`
	var mu sync.Mutex
	w.setAnswer(func(path string) string {
		mu.Lock()
		defer mu.Unlock()
		switch path {
		case "/cgi-bin/stable_token", "/cgi-bin/token":
			return `{"access_token":"token-0123456789","expires_in":7200}`
		case "/card/code/get":
			return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","card":{"card_id":"pTestCard0000000000000000001"},"openid":"oTestVisitor0000000000000001","can_consume":%v,"user_card_status":%q}`, state == "NORMAL", state)
		case "/card/code/consume":
			return consume
		}
		return `{"errcode":40001,"errmsg":"no"}`
	})
	d := w.signedIn(w.li)
	card := w.look(d, string(claim.Code))
	if !strings.Contains(card.words(), "核销后谁都不能撤销") {
		t.Errorf("before: %s", card.words())
	}
	waiting := w.confirm(d, card)
	if !strings.Contains(waiting.words(), "等待微信确认") {
		t.Fatalf("without an answer: %d %s", waiting.status, waiting.words())
	}
	mu.Lock()
	state = "CONSUMED"
	mu.Unlock()
	w.setTime(noon.Add(time.Minute))
	if n, err := w.redeeming.Settle(t.Context()); n != 1 || err != nil {
		t.Fatalf("settled %d %v", n, err)
	}
	path := captured(regexp.MustCompile(`data-path="([^"]+)"`), waiting.body)
	done := d.get(path, "X-Kq-Fragment", "1")
	if !strings.Contains(done.words(), "核销成功") || !strings.Contains(done.words(), "微信卡券不能撤销") || strings.Contains(done.body, "data-undo") || strings.Contains(done.body, "<html") {
		t.Errorf("after: %s", done.words())
	}
	if a := d.post("/s/undo", url.Values{"id": {strings.TrimPrefix(path, "/s/redemption/")}}); a.status != http.StatusConflict {
		t.Errorf("undo: %d %s", a.status, a.words())
	}
}

func TestAWeChatIdentityIsBoundOnceAndSignsInFromThenOn(t *testing.T) {
	t.Parallel()
	w := openCounter(t)
	w.setAnswer(func(path string) string {
		if path == "/sns/oauth2/access_token" {
			return `{"access_token":"a","openid":"oTestVisitorOfTheStaff00001","scope":"snsapi_base"}`
		}
		return `{"errcode":40001,"errmsg":"no"}`
	})
	link, _, err := w.stores.BindLink(t.Context(), stores.Actor{Name: "test"}, w.li.ID)
	if err != nil {
		t.Fatal(err)
	}
	phone := w.stranger()
	agent := []string{"User-Agent", "Mozilla/5.0 (Linux; Android 13) MicroMessenger/8.0.49"}
	if a := phone.get("/s/bind/" + link); a.status != http.StatusConflict || !strings.Contains(a.words(), "请在微信里打开这个链接") {
		t.Errorf("elsewhere: %d %s", a.status, a.words())
	}
	// comeBack goes through WeChat's silent page and returns to where it began.
	comeBack := func(path string) answered {
		t.Helper()
		a := phone.get(path, agent...)
		to, err := url.Parse(a.header.Get("Location"))
		if a.status != http.StatusFound || err != nil || to.Query().Get("scope") != "snsapi_base" {
			t.Fatalf("no authorisation: %d %s", a.status, a.header.Get("Location"))
		}
		a = phone.get("/w/oauth/callback?code=c1&state="+to.Query().Get("state"), agent...)
		if a.header.Get("Location") != path {
			t.Fatalf("came back to %q (%d)", a.header.Get("Location"), a.status)
		}
		return phone.get(path, agent...)
	}
	if a := comeBack("/s/wechat?account=demo"); a.status != http.StatusForbidden || !strings.Contains(a.words(), "还没有绑定店员") {
		t.Errorf("not bound: %d %s", a.status, a.words())
	}
	ask := phone.get("/s/bind/"+link, agent...)
	if !strings.Contains(ask.words(), "小李") || !strings.Contains(ask.words(), "国贸店") {
		t.Fatalf("asks: %d %s", ask.status, ask.words())
	}
	form := url.Values{"_csrf": {captured(tokenPattern, ask.body)}}
	if a := phone.post("/s/bind/"+link, url.Values{"_csrf": {"wrong"}}, agent...); a.status != http.StatusForbidden {
		t.Errorf("bound without the token: %d", a.status)
	}
	if a := phone.post("/s/bind/"+link, form, agent...); a.status != http.StatusSeeOther {
		t.Fatalf("bind: %d %s", a.status, a.words())
	}
	if a := phone.get("/s/scan", agent...); a.status != http.StatusOK || !strings.Contains(a.words(), "小李") {
		t.Errorf("after binding: %d %s", a.status, a.words())
	}
	if a := phone.get("/s/bind/"+link, agent...); !strings.Contains(a.words(), "绑定链接已失效") {
		t.Errorf("twice: %s", a.words())
	}
	delete(phone.cookies, "kq_staff")
	if a := phone.get("/s/wechat?account=demo", agent...); a.status != http.StatusSeeOther || phone.cookies["kq_staff"] == "" {
		t.Errorf("with the identity alone: %d", a.status)
	}
	if got := redemption.UndoTime; got != 5*time.Minute {
		t.Errorf("the undo window is %v", got)
	}
}
