package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/people"
)

// ready is a draft with everything that a check asks for.
func (o *office) ready(slug campaigns.Slug, change func(*campaigns.Draft)) *campaigns.Campaign {
	o.t.Helper()
	d := dbtest.Draft(noon, slug, 100, campaigns.OwnCode)
	d.Texts.Terms, d.Texts.Contact = "第一条", "400-000-0000"
	if change != nil {
		change(&d)
	}
	c, err := o.campaigns.Create(context.Background(), campaigns.Actor{Name: "test"}, d)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func TestADraftInOrderIsPublishedWithOneButton(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.ready("fine", nil)
	path := "/admin/campaigns/" + c.ID.String()
	a := d.get(path + "/preflight")
	if a.status != http.StatusOK || !strings.Contains(a.words(), "全部通过，可以发布。") || strings.Contains(a.body, `name="reason"`) || !strings.Contains(a.body, path+"/publish") || strings.Contains(a.words(), "preflight.") {
		t.Errorf("%d %s", a.status, a.words())
	}
	if a := d.post(path+"/publish", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != path || o.reload(c).Status != campaigns.StatusPublished {
		t.Errorf("%d %s", a.status, a.header.Get("Location"))
	}
	if a := d.get(path + "/preflight"); a.header.Get("Location") != path {
		t.Errorf("a published campaign is checked: %d", a.status)
	}
	if a := d.post(path+"/publish", nil); a.status != http.StatusSeeOther || o.reload(c).Status != campaigns.StatusPublished {
		t.Errorf("again: %d", a.status)
	}
}

func TestAWarningNeedsAReasonThatTheAuditKeeps(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.ready("warned", func(d *campaigns.Draft) { d.Texts.Terms = "" })
	path := "/admin/campaigns/" + c.ID.String()
	a := d.post(path+"/publish", nil)
	if a.header.Get("Location") != path+"/preflight" {
		t.Fatalf("without a reason: %d %s", a.status, a.header.Get("Location"))
	}
	a = d.get(path + "/preflight")
	if !strings.Contains(a.body, `data-check="terms" data-level="warn"`) || !strings.Contains(a.body, path+"/edit?step=terms#f-terms") || !strings.Contains(a.body, `name="reason"`) {
		t.Errorf("the page does not name the warning, its place and ask for a reason: %s", a.words())
	}
	for reason, words := range map[string]string{"": "至少 3 个字", " 急 ": "至少 3 个字", strings.Repeat("长", 201): "最多 200 个字"} {
		a := d.post(path+"/publish", url.Values{"reason": {reason}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), words) || !strings.Contains(a.body, `id="f-reason-error"`) {
			t.Errorf("%q: %d", reason, a.status)
		}
	}
	if o.reload(c).Status != campaigns.StatusDraft || len(o.audited("campaign.publish")) != 0 {
		t.Fatal("it was published without a reason")
	}
	if a := d.post(path+"/publish", url.Values{"reason": {"规则在海报上，\n周一补"}}); a.header.Get("Location") != path || o.reload(c).Status != campaigns.StatusPublished {
		t.Fatalf("with a reason: %d", a.status)
	}
	entries := o.audited("campaign.publish")
	if len(entries) != 1 || !strings.Contains(entries[0].Detail, "规则在海报上， 周一补") || !strings.Contains(entries[0].Detail, "preflight.terms.none") {
		t.Errorf("audit %+v", entries)
	}
}

func TestABlockStopsPublishingWhateverTheReason(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	own := o.ready("own", nil)
	path := "/admin/campaigns/" + own.ID.String()
	bad := doctor.Finding{Check: doctor.OAuthDomain, Account: string(dbtest.Account), Level: doctor.Fail, What: doctor.Text{Key: "doctor.check.oauth_domain"}, At: noon}
	if _, err := o.db.SaveFindings(context.Background(), noon, []doctor.Finding{bad}, true); err != nil {
		t.Fatal(err)
	}
	a := d.get(path + "/preflight")
	if !strings.Contains(a.body, `data-check="oauth_domain" data-level="block"`) || strings.Contains(a.body, path+"/publish") || !strings.Contains(a.body, `href="/admin/health"`) {
		t.Errorf("no block, or a button: %s", a.words())
	}
	a = d.post(path+"/publish", url.Values{"reason": {"老板说可以"}})
	if a.header.Get("Location") != path+"/preflight" || o.reload(own).Status != campaigns.StatusDraft {
		t.Errorf("published with a block: %d", a.status)
	}
	if a := d.get(path + "/preflight"); !strings.Contains(a.words(), "没有发布") {
		t.Error("nothing says that it was not published")
	}
}

func TestTheResultOfThePreflightHoldsForTheVersionThatWasChecked(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.ready("edited", nil)
	checks := campaigns.Preflight(c, noon, campaigns.Evidence{})
	draft := campaigns.DraftOf(c)
	draft.Name = "另一个"
	if _, err := o.campaigns.Edit(context.Background(), campaigns.Actor{}, c.ID, draft); err != nil {
		t.Fatal(err)
	}
	if err := o.campaigns.PublishChecked(context.Background(), campaigns.Actor{}, c, checks, ""); err == nil || o.reload(c).Status != campaigns.StatusDraft {
		t.Errorf("published what nobody checked: %v", err)
	}
}

func TestThePreviewPageListsEveryStateWithItsWordsAndTheTextsToChange(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.ready("shown", nil)
	path := "/admin/campaigns/" + c.ID.String()
	d := o.signIn(people.Operator)
	a := d.get(path + "/preview?state=sold_out&theme=dark&ch=poster")
	for _, want := range []string{
		`src="` + path + `/preview/page?ch=poster&amp;state=sold_out&amp;theme=dark"`, path + "/edit?step=terms#f-terms", path + "/edit?step=card#f-benefit", path + "/edit?step=terms#f-contact",
		`<option value="sold_out" selected>`, "/c/shown?", `class="kq-qr"`,
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, words := range []string{"已经领完了", "请在微信中打开", "还没开始", "活动暂停中", "没有找到这个活动", "按现在的设置不会出现"} {
		if !strings.Contains(a.words(), words) {
			t.Errorf("the list does not say %q", words)
		}
	}
	frame := d.get(path + "/preview/page?state=sold_out")
	if policy := frame.header.Get("Content-Security-Policy"); frame.status != http.StatusOK || !strings.Contains(frame.body, `data-state="sold_out"`) || !strings.Contains(policy, "frame-ancestors 'self'") || !strings.HasSuffix(policy, "sandbox allow-top-navigation-by-user-activation") {
		t.Errorf("%d, policy %q", frame.status, frame.header.Get("Content-Security-Policy"))
	}
	if a := o.signIn(people.Viewer).get(path + "/preview"); strings.Contains(a.body, "/edit?") || strings.Contains(a.body, "/preflight") {
		t.Error("somebody who may not edit is sent to the editor")
	}
}

func TestWorkInTheEditorThatIsNotSavedIsAWarning(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Operator)
	c := o.ready("typed", nil)
	path, level := "/admin/campaigns/"+c.ID.String(), `data-check="work" data-level="warn"`
	if a := d.get(path + "/preflight"); strings.Contains(a.body, `data-check="work"`) {
		t.Error("there is no work, and a word about it")
	}
	if kept := d.autosave(path+"/edit", fieldsOfStep("stock", "", 1, "total", "不知道", "hold", "1")); kept.State != "kept" {
		t.Fatalf("%+v", kept)
	}
	a := d.get(path + "/preflight")
	if !strings.Contains(a.body, level) || !strings.Contains(a.words(), "有 2 个问题要改，先看「时间与库存」") || !strings.Contains(a.body, path+"/edit?step=stock#f-total") || !strings.Contains(a.body, `name="reason"`) {
		t.Errorf("%s", a.words())
	}
	if a := o.signIn(people.Owner).get(path + "/preflight"); strings.Contains(a.body, `data-check="work"`) {
		t.Error("it is somebody else's work")
	}
	if a := d.post(path+"/publish", nil); a.header.Get("Location") != path+"/preflight" || o.reload(c).Status != campaigns.StatusDraft {
		t.Errorf("it is published past the warning: %d", a.status)
	}
	// A button inside a step keeps the work without saving it, though nothing is wrong with it.
	d.post(path+"/edit", fieldsOfStep("stock", "save", 1))
	now := o.reload(c)
	d.post(path+"/edit", fieldsOfStep("card", "slug-typed-7", now.Version, "slug", string(now.Slug)))
	a = d.get(path + "/preflight")
	if !strings.Contains(a.body, level) || !strings.Contains(a.words(), "暂存的修改还没有保存") || !strings.Contains(a.body, `href="`+path+`/edit"`) {
		t.Errorf("%s", a.words())
	}
	if d.post(path+"/publish", url.Values{"reason": {"先发布旧的"}}); o.reload(c).Status != campaigns.StatusPublished {
		t.Error("a reason does not publish")
	}
	if lines := o.audited("campaign.publish"); len(lines) != 1 || !strings.Contains(lines[0].Detail, "work: preflight.work.unsaved") {
		t.Errorf("the audit: %v", lines)
	}
}
