package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
)

func (o *office) stateOf(claim *campaigns.Claim) campaigns.ClaimState {
	o.t.Helper()
	c, err := o.db.ClaimByID(context.Background(), claim.ID)
	if err != nil {
		o.t.Fatal(err)
	}
	return c.State
}

// after follows a form's answer to the page that it leads to.
func (d *desk) after(a answered) answered {
	d.t.Helper()
	if a.status != http.StatusSeeOther {
		d.t.Fatalf("%d %.300s", a.status, a.words())
	}
	return d.get(a.header.Get("Location"))
}

func TestStaffMakeACardVoidFromItsPage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d, viewer := o.signIn(people.Operator), o.signIn(people.Viewer)
	claim := o.claim(o.campaign("void", "冬日拿铁", campaigns.OwnCode), 1, "")
	path := "/admin/claims/" + claim.ID.String()
	for _, page := range []answered{d.get(path), d.get(path, "HX-Request", "true")} {
		if !strings.Contains(page.body, `action="`+path+`/void"`) || !strings.Contains(page.words(), "名额不退回库存") {
			t.Errorf("no way to make it void: %.300s", page.words())
		}
	}
	if page := viewer.get(path); strings.Contains(page.body, "/void") || strings.Contains(page.body, "/block") {
		t.Error("a viewer is offered what they may not do")
	}
	if page := d.after(d.post(path+"/void", url.Values{})); !strings.Contains(page.words(), "请选择作废的原因") || o.stateOf(claim) != campaigns.Confirmed {
		t.Errorf("without a reason: %.200s", page.words())
	}
	page := d.after(d.post(path+"/void", url.Values{"reason": {"abuse"}, "note": {"同一人多次"}}))
	for _, want := range []string{"已作废", "工作人员 · 违反活动规则"} {
		if !strings.Contains(page.words(), want) {
			t.Errorf("the page does not say %s: %.800s", want, page.words())
		}
	}
	if o.stateOf(claim) != campaigns.Voided || strings.Contains(page.body, path+"/void") || strings.Contains(page.body, "同一人多次") {
		t.Errorf("%s; the dialog is still there, or the note is shown", o.stateOf(claim))
	}
	if words := o.signIn(people.Owner).get("/admin/audit").words(); !strings.Contains(words, "作废卡券") || !strings.Contains(words, "违反活动规则") || !strings.Contains(words, "同一人多次") {
		t.Errorf("the audit: %.500s", words)
	}
	_, list := o.redeemed("已用")
	used := "/admin/claims/" + list[0].Claim.String()
	if page := d.get(used); strings.Contains(page.body, used+"/void") {
		t.Error("a used card can be made void")
	}
	if page := d.after(d.post(used+"/void", url.Values{"reason": {"mistake"}})); !strings.Contains(page.words(), "只能作废在用户手里、还没有使用的券") {
		t.Errorf("%.200s", page.words())
	}
}

func TestWhatWeChatSaysIsWhatStaffRead(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.campaign("wallet", "微信券", campaigns.WeChatCard)
	claim := o.claim(c, 1, "")
	if _, err := o.db.Record(context.Background(), claim.ID, campaigns.Event{Kind: campaigns.EventConfirmed, Source: campaigns.FromPush, At: noon, Code: "412345678901"}, nil); err != nil {
		t.Fatal(err)
	}
	path := "/admin/claims/" + claim.ID.String()
	if page := d.get(path); !strings.Contains(page.words(), "微信卡包里的卡券会同时失效") {
		t.Error("the dialog does not say that the wallet loses the card")
	}
	page := d.after(d.post(path+"/void", url.Values{"reason": {"mistake"}}))
	if !strings.Contains(page.words(), "微信没有作废这张卡券：") || o.stateOf(claim) != campaigns.Confirmed {
		t.Errorf("%s: %.300s", o.stateOf(claim), page.words())
	}
}

func TestCheckedClaimsAreMadeVoidTogetherAndTheOthersAreExplained(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.campaign("many", "冬日拿铁", campaigns.OwnCode)
	a, b := o.claim(c, 1, ""), o.claim(c, 2, "")
	_, list := o.redeemed("已用")
	table := d.get("/admin/claims?q=").body
	for _, id := range []string{a.ID.String(), b.ID.String(), list[0].Claim.String()} {
		if !regexp.MustCompile(`<input type="checkbox"[^>]*form="bulk"[^>]*name="id"[^>]*value="` + id + `"`).MatchString(table) {
			t.Errorf("the row of %s has no box", id)
		}
	}
	if strings.Contains(o.signIn(people.Finance).get("/admin/claims").body, `id="bulk"`) {
		t.Error("finance is offered what they may not do")
	}
	form := url.Values{"op": {"void"}, "reason": {"mistake"}, "next": {"/admin/claims?campaign=" + c.ID.String()}, "id": {a.ID.String(), b.ID.String(), list[0].Claim.String(), a.ID.String()}}
	answer := d.post("/admin/claims/bulk", form)
	if to := answer.header.Get("Location"); to != form.Get("next") {
		t.Errorf("back to %s", to)
	}
	if words := d.after(answer).words(); !strings.Contains(words, "已作废 2 条。 1 条没有作废：只能作废") {
		t.Errorf("%.300s", words)
	}
	if o.stateOf(a) != campaigns.Voided || o.stateOf(b) != campaigns.Voided {
		t.Errorf("%s and %s", o.stateOf(a), o.stateOf(b))
	}
	for name, form := range map[string]url.Values{"nobody": {"op": {"void"}, "reason": {"mistake"}}, "nothing": {"op": {""}, "id": {a.ID.String()}}} {
		if words := d.after(d.post("/admin/claims/bulk", form)).words(); !strings.Contains(words, "没有选中任何记录") {
			t.Errorf("%s: %.200s", name, words)
		}
	}
	if n := len(o.audited("claims.void")); n != 2 {
		t.Errorf("%d lines in the audit", n)
	}
}

func TestABlockedPersonIsMarkedFoundAndLetInAgain(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c, next := o.campaign("block", "冬日拿铁", campaigns.OwnCode), o.campaign("next", "春日茶", campaigns.OwnCode)
	claim, other := o.claim(c, 1, ""), o.claim(c, 2, "")
	path := "/admin/claims/" + claim.ID.String()
	tap := func() error {
		_, _, err := o.campaigns.Claim(context.Background(), campaigns.Tap{Slug: next.Slug, Visitor: claim.Visitor, Key: "a-key-of-a-page", Consent: true, Answers: map[string]string{
			"name": "王小明", "plate": "京A12345", "phone": "13800138000", "car_model": "轿车",
		}})
		return err
	}
	page := d.after(d.post("/admin/claims/bulk", url.Values{"op": {"block"}, "id": {claim.ID.String()}}))
	if !strings.Contains(page.words(), "已屏蔽 1 位用户") {
		t.Fatalf("%.300s", page.words())
	}
	undo := regexp.MustCompile(`action="(/admin/claims/unblock\?v=[0-9a-z]+)"`).FindStringSubmatch(page.body)
	if undo == nil {
		t.Fatal("there is no way back")
	}
	if err := tap(); err == nil || o.stateOf(claim) != campaigns.Confirmed {
		t.Errorf("blocked: %v, the old claim is %s", err, o.stateOf(claim))
	}
	found := d.get("/admin/claims?blocked=1")
	if !strings.Contains(found.body, claim.ID.String()) || strings.Contains(found.body, other.ID.String()) || !strings.Contains(found.words(), "已屏蔽") {
		t.Errorf("the filter: %.500s", found.words())
	}
	if export := d.get(admin.ExportNewPath(admin.ExportsPath + "?blocked=1")); !strings.Contains(export.words(), "只看已屏蔽的用户") {
		t.Errorf("an export of blocked people does not say so: %.500s", export.words())
	}
	if detail := d.get(path); !strings.Contains(detail.words(), "解除屏蔽") || strings.Contains(detail.body, path+"/block") {
		t.Errorf("the page of a blocked person: %.500s", detail.words())
	}
	if words := d.after(d.post(undo[1], url.Values{"next": {path}})).words(); !strings.Contains(words, "已解除 1 位用户的屏蔽") {
		t.Errorf("%.300s", words)
	}
	if err := tap(); err != nil {
		t.Error(err)
	}
	if words := d.after(d.post(path+"/block", nil)).words(); !strings.Contains(words, "已屏蔽 1 位用户") {
		t.Errorf("%.300s", words)
	}
	if len(o.audited("visitor.block")) != 2 || len(o.audited("visitor.unblock")) != 1 {
		t.Errorf("audit: %+v %+v", o.audited("visitor.block"), o.audited("visitor.unblock"))
	}
}

func TestAProgramMakesACardVoid(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.ScopeClaimsWrite)
	claim := a.claim(a.campaign("api-void", "冬日拿铁", campaigns.OwnCode), 1, "")
	path := programs + "/claims/" + claim.ID.String() + "/void"
	for body, field := range map[string]string{`{}`: "reason", `{"reason":"x"}`: "reason", `{"reason":"other"}`: "note", `{"why":"x"}`: "why"} {
		if r := a.call(http.MethodPost, path, token, body); r.status != 422 || !strings.Contains(r.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	other := a.token(func(n *people.NewAPIToken) { n.Accounts = []string{"elsewhere"} }, people.ScopeClaimsWrite)
	if r := a.call(http.MethodPost, path, other, `{"reason":"mistake"}`); r.status != 404 {
		t.Errorf("another account's token: %d", r.status)
	}
	for range 2 {
		r := a.call(http.MethodPost, path, token, `{"reason":"mistake","note":"重复"}`)
		if m := r.json(t); r.status != 200 || m["state"] != "voided" || m["masked"] != true {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if e := a.audited("claims.void"); len(e) != 1 || e[0].ActorName != "官网" {
		t.Errorf("audit %+v", e)
	}
	_, list := a.redeemed("已用")
	r := a.call(http.MethodPost, programs+"/claims/"+list[0].Claim.String()+"/void", token, `{"reason":"mistake"}`)
	if r.status != 409 || r.problem() != "claims.void.error.state" {
		t.Errorf("a used card: %d %s", r.status, r.body)
	}
}
