package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/stores"
)

func TestChangesSayTheNamesOfThingsAndThatSomeWereDeleted(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	ctx, li := context.Background(), campaigns.Actor{ID: "p-li", Name: "李四"}
	account := dbtest.Draft(noon, "x", 1, campaigns.OwnCode).Account
	staff, err := o.campaigns.CreateList(ctx, li, account, campaigns.ListPhone, "员工手机号")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := o.campaigns.CreateList(ctx, li, account, campaigns.ListPhone, "临时名单")
	if err != nil {
		t.Fatal(err)
	}
	place, err := o.stores.CreatePlace(ctx, stores.Actor{}, stores.AccountID(account), stores.PlaceDraft{Kind: stores.ShopKind, Code: "E1", Name: "东门店"})
	if err != nil {
		t.Fatal(err)
	}
	goods, err := o.stores.CreateGoods(ctx, stores.Actor{}, stores.AccountID(account), stores.GoodsDraft{Barcode: "690123", Name: "热拿铁", Unit: "杯"})
	if err != nil {
		t.Fatal(err)
	}
	c := o.draft("named")
	change := campaigns.DraftOf(c)
	change.Rules.AllowList, change.Rules.BlockList = staff.ID, gone.ID
	change.Rules.LowStock = campaigns.LowStock{Percent: 10, Reaction: campaigns.LowPause}
	change.Redeeming = campaigns.Redeeming{Places: []string{place.ID.String()}, Goods: goods.ID.String(), Quantity: 1}
	change.Design.Layout = campaigns.CoverCard
	if _, err := o.campaigns.Edit(ctx, li, c.ID, change); err != nil {
		t.Fatal(err)
	}
	change = campaigns.DraftOf(o.reload(c))
	change.Rules.BlockList = ""
	if _, err := o.campaigns.Edit(ctx, li, c.ID, change); err != nil {
		t.Fatal(err)
	}
	if err := o.campaigns.DeleteList(ctx, li, gone.ID); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/admin/campaigns/" + c.ID.String() + "/versions", "/admin/audit?object=campaign:" + c.ID.String(), "/admin/audit.csv?object=campaign:" + c.ID.String()} {
		a := d.get(path)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		for _, want := range []string{"员工手机号", "已删除的名单", "东门店", "热拿铁", "卡片里面", "自动暂停"} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		for _, id := range []string{string(staff.ID), string(gone.ID), place.ID.String(), goods.ID.String()} {
			if strings.Contains(a.body, ">"+id+"<") || strings.Contains(a.body, "→ "+id) {
				t.Errorf("%s shows the id %s", path, id)
			}
		}
	}
	if a := d.get("/admin/campaigns/"+c.ID.String()+"/versions", "Accept-Language", "en"); !strings.Contains(a.body, "a deleted list") {
		t.Error("the versions are not in English")
	}
}
