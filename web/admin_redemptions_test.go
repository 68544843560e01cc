package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/sheets"
	"kaquan/stores"
)

// redeemed makes a store whose manager redeemed a card in each of the named campaigns.
func (o *office) redeemed(names ...string) (redemption.Till, []redemption.Redemption) {
	o.t.Helper()
	ctx := context.Background()
	check := func(err error) {
		o.t.Helper()
		if err != nil {
			o.t.Fatal(err)
		}
	}
	place, err := o.stores.CreatePlace(ctx, stores.Actor{Name: "test"}, shopAccount, stores.PlaceDraft{Kind: stores.ShopKind, Name: "国贸店", Code: "GM"})
	check(err)
	m, _, err := o.stores.CreateStaff(ctx, stores.Actor{Name: "test"}, shopAccount, stores.StaffDraft{Place: place.ID, Name: "王店长", Role: stores.Manager})
	check(err)
	till := redemption.Till{Staff: m, Place: place}
	var list []redemption.Redemption
	for i, name := range names {
		d := dbtest.Draft(noon, campaigns.Slug(fmt.Sprintf("till-%d", i)), 10, campaigns.OwnCode)
		d.Name = name
		c := dbtest.Publish(o.t, o.campaigns, d)
		claim, _, err := o.campaigns.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: dbtest.Visitor(o.t, o.campaigns, 7000+i).ID, Key: fmt.Sprintf("tap-till-%08d", i)})
		check(err)
		r, _, err := o.redeeming.Redeem(ctx, &till, redemption.Confirm{Claim: claim.ID, Key: fmt.Sprintf("redeem-%08d", i)})
		check(err)
		list = append(list, r)
	}
	return till, list
}

func TestTheAdminSeesWhatWasRedeemedWhereAndByWhom(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	till, list := o.redeemed("冬日拿铁", "=HYPERLINK(1)")
	d := o.signIn(people.Operator)
	page := d.get("/admin/redemptions")
	for _, want := range []string{"冬日拿铁", "国贸店", "王店长", list[0].Code.Grouped(), "核销 2 张，撤销 0 张"} {
		if page.status != http.StatusOK || !strings.Contains(page.body, want) {
			t.Errorf("%d: the page does not have %s", page.status, want)
		}
	}
	for query, there := range map[string]bool{
		"campaign=" + list[0].Campaign.String(): true, "campaign=" + list[1].Campaign.String(): false, "code=" + url.QueryEscape(list[0].Code.Grouped()): true,
		"state=undone": false, "place=" + till.Place.ID.String(): true, "place=zz": false, "staff=" + till.Staff.ID.String(): true, "from=2026-11-21": false, "to=2026-11-20": true,
		"before=" + strconv.FormatInt(int64(list[0].ID), 10): false,
	} {
		if got := strings.Contains(d.get("/admin/redemptions?"+query).body, "/admin/claims/"+list[0].Claim.String()+`"`); got != there {
			t.Errorf("%s shows the first: %t", query, got)
		}
	}
	if body := d.get("/admin/claims/" + list[0].Claim.String()).body; !strings.Contains(body, "国贸店 · 王店长") {
		t.Error("the claim's page does not tell where it was redeemed")
	}

	csv := d.get("/admin/redemptions.csv")
	if csv.status != http.StatusOK || !strings.HasPrefix(csv.body, "\ufeff") || !strings.Contains(csv.body, "'=HYPERLINK(1)") || strings.Count(csv.body, "\n") != 3 {
		t.Errorf("the csv is %d %q", csv.status, csv.body)
	}
	xlsx := d.get("/admin/redemptions.xlsx?campaign=" + list[0].Campaign.String())
	rows, err := sheets.Read([]byte(xlsx.body), 10, 20)
	if err != nil || len(rows) != 2 {
		t.Errorf("the xlsx has %d rows: %v", len(rows), err)
	}
	if n := len(o.audited("redemptions.export")); n != 2 {
		t.Errorf("%d exports are recorded", n)
	}
}

func TestAConflictIsClosedWithANote(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	till, list := o.redeemed("冬日拿铁")
	_, err := o.redeeming.Sync(context.Background(), &till, []redemption.Offline{{Text: string(list[0].Code), At: noon.Add(-time.Hour), Key: "offline-0001"}})
	if err != nil {
		t.Fatal(err)
	}
	d := o.signIn(people.Operator)
	open, err := o.redeeming.Conflicts(context.Background(), dbtest.Account, 0, true)
	if err != nil || len(open) != 1 {
		t.Fatalf("%+v %v", open, err)
	}
	path := "/admin/redemptions/conflicts/" + strconv.FormatInt(open[0].ID, 10)
	if page := d.get("/admin/redemptions"); !strings.Contains(page.body, path) {
		t.Error("the page does not show the task")
	}
	if page := d.post(path, url.Values{"note": {"  "}}); page.status != http.StatusUnprocessableEntity || !strings.Contains(page.body, "请写明处理结果") {
		t.Errorf("without a note: %d", page.status)
	}
	if page := d.post(path, url.Values{"note": {"已联系顾客"}}); page.status != http.StatusSeeOther {
		t.Errorf("with a note: %d", page.status)
	}
	all, err := o.redeeming.Conflicts(context.Background(), dbtest.Account, 0, false)
	if err != nil || len(all) != 1 || all[0].Note != "已联系顾客" || all[0].ResolvedAt.IsZero() {
		t.Errorf("%+v %v", all, err)
	}
	if page := d.post("/admin/redemptions/conflicts/999", url.Values{"note": {"x"}}); page.status != http.StatusNotFound {
		t.Errorf("another's task: %d", page.status)
	}
}

func TestANewSigningKeyLeavesOldPassesGood(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	till, _ := o.redeemed()
	c := dbtest.Publish(t, o.campaigns, dbtest.Draft(noon, "pass", 10, campaigns.OwnCode))
	claim, _, err := o.campaigns.Claim(context.Background(), campaigns.Tap{Slug: c.Slug, Visitor: dbtest.Visitor(t, o.campaigns, 7100).ID, Key: "tap-pass-00000001"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := o.redeeming.Pass(context.Background(), claim, c)
	if err != nil {
		t.Fatal(err)
	}
	o.setTime(noon.Add(time.Minute))
	d := o.signIn(people.Owner)
	if page := d.get("/admin/redemptions"); !strings.Contains(page.body, "更换密钥") {
		t.Error("the owner is not offered a new key")
	}
	if page := d.post("/admin/redemptions/key", url.Values{}); page.status != http.StatusSeeOther {
		t.Fatalf("renewing answers %d", page.status)
	}
	after, err := o.redeeming.Pass(context.Background(), claim, c)
	if err != nil || after == before {
		t.Errorf("the pass is still of the old key: %v", err)
	}
	for _, pass := range []string{before, after} {
		if v, err := o.redeeming.Look(context.Background(), &till, pass); err != nil || v.Verdict != redemption.Good {
			t.Errorf("a pass is %s: %v", v.Verdict, err)
		}
	}
	if len(o.audited("redemptions.key_renew")) != 1 {
		t.Error("the renewal is not recorded")
	}
}

func TestProgramsReadRedemptionsPageByPage(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	_, list := a.redeemed("甲", "乙", "丙")
	token := a.token(nil, people.ScopeRedemptions)
	var seen []string
	cursor := ""
	for range 4 {
		body := a.get("/api/v1/redemptions?limit=2&cursor="+cursor, token).json(t)
		for _, r := range body["redemptions"].([]any) {
			seen = append(seen, r.(map[string]any)["campaign_name"].(string))
		}
		if cursor = body["next"].(string); cursor == "" {
			break
		}
	}
	if strings.Join(seen, "") != "丙乙甲" {
		t.Errorf("the pages have %v", seen)
	}
	one := a.get("/api/v1/redemptions?code="+string(list[1].Code), token).json(t)["redemptions"].([]any)
	if len(one) != 1 || one[0].(map[string]any)["place_name"] != "国贸店" {
		t.Errorf("by its code: %v", one)
	}
}
