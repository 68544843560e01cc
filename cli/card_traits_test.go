package cli

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/redemption"
	"kaquan/sandbox"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/wechat"
)

// Whatever a card demands in cardExt, its way is the same: signed so that the wallet takes
// it, confirmed by WeChat's push, redeemed at the till.
func TestCardsOfEveryKindAreClaimedConfirmedAndRedeemed(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		card           sandbox.Card
		slug           campaigns.Slug
		openID, ownRef bool // are in cardExt
		unnamed        bool // the page loses outer_str
	}{
		{sandbox.Card{ID: "pKind0000000000000000plain"}, "plain", false, false, false},
		{sandbox.Card{ID: "pKind0000000000000000bound", BindOpenID: true}, "bound", true, false, false},
		{sandbox.Card{ID: "pKind00000000000000000code", UseCustomCode: true}, "own-code", false, true, false},
		{sandbox.Card{ID: "pKind000000000000boundcode", UseCustomCode: true, BindOpenID: true}, "own-bound", true, true, true},
		{sandbox.Card{ID: "pKind00000000000000deposit", UseCustomCode: true, Deposit: true}, "deposit", false, false, false},
	}
	var cards []sandbox.Card
	for _, k := range kinds {
		k.card.Title, k.card.Brand, k.card.Stock = "拿铁", "示例咖啡", 5
		cards = append(cards, k.card)
	}
	w := newWorld(t, nil, nil, cards...)
	till := w.till()
	for _, k := range kinds {
		d := dbtest.Draft(w.app.Campaigns.Now(), k.slug, 5, campaigns.WeChatCard)
		d.CardID, d.Form = wechat.CardID(k.card.ID), campaigns.ClassicForm()
		c := dbtest.Publish(t, w.app.Campaigns, d)

		v := w.visitor()
		v.enter(string(k.slug)).wants("form")
		signed, ok := v.signature()
		if !ok {
			t.Fatal("the page has no signature")
		}
		v.works(signed)
		v.claim(string(k.slug)).wants("claiming")
		page := v.body
		_, first := v.card(string(k.slug))
		v.body = page
		id, ext := v.card(string(k.slug)) // another tap: the wallet takes it all the same
		claim := w.claimOf(c)
		person, err := w.app.Campaigns.Visitor(t.Context(), claim.Visitor)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{first, ext} {
			var fields map[string]any
			if err := json.Unmarshal([]byte(text), &fields); err != nil {
				t.Fatalf("%s: %v in %q", k.slug, err, text)
			}
			if code, has := fields["code"]; has != k.ownRef || has && code != string(claim.Ref) {
				t.Errorf("%s: code %v", k.slug, code)
			}
			if openID, has := fields["openid"]; has != k.openID || has && openID != string(person.OpenID) {
				t.Errorf("%s: openid %v", k.slug, openID)
			}
		}
		if k.unnamed { // nobody signs outer_str: person and card find the claim too
			ext = strings.Replace(ext, `"outer_str":"`+string(claim.Ref)+`"`, `"outer_str":""`, 1)
			if strings.Contains(ext, `"outer_str":"`+string(claim.Ref)) {
				t.Fatalf("the reference is still in %s", ext)
			}
		}
		v.add(signed, id, ext)
		w.until("the push confirms the claim of "+string(k.slug), func() bool { return w.claimOf(c).State == campaigns.Confirmed })
		claim = w.claimOf(c)
		if (string(claim.Code) == string(claim.Ref)) != k.ownRef || claim.Code == "" {
			t.Errorf("%s: the code is %q, the reference %q", k.slug, claim.Code, claim.Ref)
		}
		v.open("/c/" + string(k.slug) + "?ch=poster")
		if state := found(statePattern, v.body); state != "claimed" && state != "already" {
			t.Errorf("%s: the visitor sees %q", k.slug, state)
		}

		look, err := w.app.Redemption.Look(t.Context(), till, string(claim.Code))
		if err != nil || look.Verdict != redemption.Good || look.Unchecked {
			t.Fatalf("%s: at the till %+v, %v", k.slug, look, err)
		}
		r, _, err := w.app.Redemption.Redeem(t.Context(), till, redemption.Confirm{Claim: claim.ID, Key: "redeem-" + string(k.slug)})
		if err != nil || r.State != redemption.Done {
			t.Errorf("%s: redeemed %+v, %v", k.slug, r, err)
		}
		if again, err := w.app.Redemption.Look(t.Context(), till, string(claim.Code)); err != nil || again.Verdict != redemption.Used {
			t.Errorf("%s: a second time %s, %v", k.slug, again.Verdict, err)
		}
	}
}

// Before a campaign goes online its checks say what Kaquan does for a card that is not plain.
func TestThePreflightTellsWhatACardDemands(t *testing.T) {
	t.Parallel()
	const bound, own = "卡券绑定了 openid", "券码由 Kaquan 在领取时生成，只能通过接口核销"
	cards := []sandbox.Card{
		{ID: "pCheck000000000000000plain", Title: "拿铁", Stock: 50},
		{ID: "pCheck0000000000000special", Title: "拿铁", Stock: 50, UseCustomCode: true, BindOpenID: true},
		{ID: "pCheck0000000000000deposit", Title: "拿铁", Stock: 50, UseCustomCode: true, Deposit: true},
	}
	w := newWorld(t, nil, nil, cards...)
	boss := w.signedIn()
	for i, want := range []struct{ bound, own bool }{{false, false}, {true, true}, {false, false}} {
		d := dbtest.Draft(w.app.Campaigns.Now(), campaigns.Slug(fmt.Sprintf("check-%d", i)), 5, campaigns.WeChatCard)
		d.CardID = wechat.CardID(cards[i].ID)
		c, err := w.app.Campaigns.Create(t.Context(), campaigns.Actor{Name: "test"}, d)
		if err != nil {
			t.Fatal(err)
		}
		boss.send(http.MethodGet, w.app.Public+admin.PreflightPath(c), "", "")
		text := html.UnescapeString(boss.body)
		if boss.status != http.StatusOK || !strings.Contains(text, "微信卡券可以领取") || strings.Contains(text, bound) != want.bound || strings.Contains(text, own) != want.own {
			t.Errorf("%s: %d\n%.4000s", d.CardID, boss.status, text)
		}
	}
}

// claimOf is the campaign's only claim.
func (w *world) claimOf(c *campaigns.Campaign) campaigns.Claim {
	w.Helper()
	page, err := w.app.DB.Claims(w.Context(), campaigns.ClaimFilter{Account: c.Account, Campaign: c.ID, Limit: 5})
	if err != nil || len(page.Rows) != 1 {
		w.Fatalf("%d claims of %s (%v)", len(page.Rows), c.Slug, err)
	}
	return page.Rows[0].Claim
}

// till is a member of the staff at a store.
func (w *world) till() *redemption.Till {
	w.Helper()
	by, account := stores.Actor{Name: "test"}, stores.AccountID(demoAccount)
	place, err := w.app.Stores.CreatePlace(w.Context(), by, account, stores.PlaceDraft{Kind: stores.ShopKind, Name: "国贸店", Code: "GM"})
	if err != nil {
		w.Fatal(err)
	}
	m, _, err := w.app.Stores.CreateStaff(w.Context(), by, account, stores.StaffDraft{Place: place.ID, Name: "王店长", Role: stores.Manager})
	if err != nil {
		w.Fatal(err)
	}
	return &redemption.Till{Staff: m, Place: place}
}
