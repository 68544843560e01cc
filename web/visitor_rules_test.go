package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

// rowsOf makes a list with rows.
func (w *world) rowsOf(kind campaigns.ListKind, values ...string) campaigns.ListID {
	w.Helper()
	ctx := context.Background()
	l, err := w.service.CreateList(ctx, campaigns.Actor{}, dbtest.Account, kind, string(kind)+values[0])
	if err != nil {
		w.Fatal(err)
	}
	var rows []campaigns.ImportRow
	for i, v := range values {
		rows = append(rows, campaigns.ImportRow{Row: i + 1, Text: v})
	}
	m := w.service.ListImport(campaigns.Actor{}, l)
	if err := m.Look(ctx, rows, func(int, int) {}); err != nil {
		w.Fatal(err)
	}
	if n, err := m.Store(ctx, func(int, int) {}); err != nil || n != len(values) {
		w.Fatalf("%d rows, %v", n, err)
	}
	return l.ID
}

func TestARefusalOfARuleIsAStateOfThePage(t *testing.T) {
	t.Parallel()
	phoneForm := campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}}
	rows := []struct {
		name   string
		rules  func(w *world, d *campaigns.Draft)
		before func(w *world, slug string) // what happened before the visitor comes
		enters string                      // the state that the page opens in
		fields []string
		status int
		state  string
		words  string
	}{
		{
			name: "somebody who does not follow", enters: "need_follow", words: "长按二维码关注“示例咖啡”",
			rules: func(_ *world, d *campaigns.Draft) { d.Rules.Followers = true },
		},
		{
			name: "a follower", enters: "ready", status: 303,
			rules:  func(_ *world, d *campaigns.Draft) { d.Rules.Followers = true },
			before: func(w *world, _ string) { w.fans["oannabel"] = true },
		},
		{
			name: "another channel", enters: "not_eligible", words: "指定的渠道",
			rules: func(_ *world, d *campaigns.Draft) { d.Rules.Channels = []string{"menu"} },
		},
		{
			name: "the right channel", enters: "ready", status: 303,
			rules: func(_ *world, d *campaigns.Draft) { d.Rules.Channels = []string{"menu", "poster"} },
		},
		{
			name: "not on the list", enters: "form", fields: []string{"f_phone", "13900000009", "consent", "1"}, status: 200, state: "not_eligible", words: "受邀",
			rules: func(w *world, d *campaigns.Draft) {
				d.Form, d.Rules.AllowList = phoneForm, w.rowsOf(campaigns.ListPhone, "13900000001")
			},
		},
		{
			name: "on the list", enters: "form", fields: []string{"f_phone", "139 0000 0001", "consent", "1"}, status: 303,
			rules: func(w *world, d *campaigns.Draft) {
				d.Form, d.Rules.AllowList = phoneForm, w.rowsOf(campaigns.ListPhone, "13900000001")
			},
		},
		{
			name: "blocked", enters: "ready", status: 200, state: "blocked", words: "并提供编号",
			rules: func(w *world, d *campaigns.Draft) {
				d.Rules.BlockList = w.rowsOf(campaigns.ListOpenID, "oannabel")
			},
		},
		{
			name: "the share of the day is gone", enters: "day_quota", words: "明天 10:00 再来",
			rules: func(_ *world, d *campaigns.Draft) {
				d.Rules.DayTotal, d.Rules.ReleaseMinute, d.EndsAt = 1, 10*60, d.EndsAt.AddDate(0, 0, 3)
			},
			before: func(w *world, slug string) {
				b := w.browser().enter(slug, "earlier")
				b.post("/c/"+slug+"/claim", b.form(), false).goes("/c/" + slug + "?ch=poster")
			},
		},
		{
			name: "a number that has claimed", enters: "form", fields: []string{"f_phone", "13900000001", "consent", "1"}, status: 200, state: "not_eligible", words: "已经领过",
			rules: func(_ *world, d *campaigns.Draft) { d.Form, d.Rules.Once = phoneForm, []string{campaigns.OncePhone} },
			before: func(w *world, slug string) {
				b := w.browser().enter(slug, "earlier")
				b.post("/c/"+slug+"/claim", b.form("f_phone", "13900000001", "consent", "1"), false).goes("/c/" + slug + "?ch=poster")
			},
		},
		{
			name: "no invitation", enters: "form", status: 422, state: "form_error", words: "请填写邀请码",
			rules: func(_ *world, d *campaigns.Draft) {
				d.Rules.Invitation = campaigns.Invitation{Mode: campaigns.SharedInvitation, Code: "LATTE"}
			},
		},
		{
			name: "a wrong invitation", enters: "form", fields: []string{"invitation", "<b>mocha"}, status: 422, state: "form_error", words: "邀请码不对",
			rules: func(_ *world, d *campaigns.Draft) {
				d.Rules.Invitation = campaigns.Invitation{Mode: campaigns.SharedInvitation, Code: "LATTE"}
			},
		},
		{
			name: "a used invitation", enters: "form", fields: []string{"invitation", "vip-1"}, status: 422, state: "form_error", words: "邀请码不对",
			rules: func(w *world, d *campaigns.Draft) {
				d.Rules.Invitation = campaigns.Invitation{Mode: campaigns.ListInvitation, List: w.rowsOf(campaigns.ListCode, "VIP-1")}
			},
			before: func(w *world, slug string) {
				b := w.browser().enter(slug, "earlier")
				b.post("/c/"+slug+"/claim", b.form("invitation", "VIP-1"), false).goes("/c/" + slug + "?ch=poster")
			},
		},
		{
			name: "the invitation", enters: "form", fields: []string{"invitation", "latte"}, status: 303,
			rules: func(_ *world, d *campaigns.Draft) {
				d.Rules.Invitation = campaigns.Invitation{Mode: campaigns.SharedInvitation, Code: "LATTE"}
			},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish("ruled", campaigns.OwnCode, func(d *campaigns.Draft) { row.rules(w, d) })
			if row.before != nil {
				row.before(w, "ruled")
			}
			b := w.browser().enter("ruled", "annabel").wants(200, row.enters)
			if row.status != 0 {
				b.post("/c/ruled/claim", b.form(row.fields...), false)
				if b.status != row.status || row.state != "" && b.state() != row.state {
					t.Fatalf("got %d %q, want %d %q\n%.1500s", b.status, b.state(), row.status, row.state, b.body)
				}
			}
			if !strings.Contains(b.body, row.words) || strings.Contains(b.body, "<b>mocha") {
				t.Errorf("the page does not say %q\n%s", row.words, b.body)
			}
			if row.status == 303 {
				b.get("/c/ruled?ch=poster").wants(200, "claimed_local")
			}
		})
	}
}

func TestFollowingOpensThePageAfterAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("fans", campaigns.OwnCode, func(d *campaigns.Draft) { d.Rules.Followers = true })
	b := w.browser().enter("fans", "annabel").wants(200, "need_follow")
	if !strings.Contains(b.body, `src="data:image/png;base64,`) {
		t.Error("there is no picture to press and hold")
	}
	w.mu.Lock()
	w.fans["oannabel"] = true
	w.mu.Unlock()
	w.pass(4 * time.Second)
	b.get("/c/fans?ch=poster").wants(200, "ready")
	// A forged tap of somebody who left again is refused as well.
	w.mu.Lock()
	delete(w.fans, "oannabel")
	w.mu.Unlock()
	w.pass(2 * time.Minute)
	b.post("/c/fans/claim", b.form(), true).wants(200, "need_follow")
	if len(w.claims("fans")) != 0 {
		t.Error("a claim was made")
	}
}

func TestACodeOfAPoolIsShownAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	pool, err := w.service.CreatePool(ctx, campaigns.Actor{}, dbtest.Account, "shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.AddToPool(ctx, pool.ID, []string{"SHOP-77-abc"}, w.clock()); err != nil {
		t.Fatal(err)
	}
	w.publish("pooled", campaigns.CodePool, func(d *campaigns.Draft) { d.Rules.Pool = pool.ID })
	b := w.browser().enter("pooled", "annabel").wants(200, "ready")
	b.post("/c/pooled/claim", b.form(), true).wants(200, "claimed_local")
	if !strings.Contains(b.body, "SHOP-77-abc") || !strings.Contains(b.body, "<svg") {
		t.Error("the code is not on the page")
	}
	other := w.browser().enter("pooled", "barbara").wants(200, "ready")
	other.post("/c/pooled/claim", other.form(), true).wants(200, "sold_out")
}
