package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/wechat"
)

func TestAnErasureBesideClaimsLeavesNoAnswerAndTheStockIdentity(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	draft := dbtest.Draft(noon, "erase", 1000, campaigns.WeChatCard)
	draft.Limits.PerPerson, draft.Form = 50, campaigns.ClassicForm()
	c := dbtest.Publish(t, s, draft)
	v := dbtest.Visitor(t, s, 1)
	answers := map[string]string{"name": "王小明", "plate": "京A12345", "phone": "13800138000"}
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, n), Answers: answers, Consent: true})
			if err != nil && !errors.Is(err, campaigns.ErrVisitorNotFound) {
				t.Error(err)
			}
		})
		if n%10 == 5 {
			wg.Go(func() {
				if err := s.Erase(ctx, v.ID); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	page, err := s.Claims(ctx, campaigns.ClaimFilter{Account: dbtest.Account, Campaign: c.ID, Limit: 100})
	ok(t, err)
	for _, row := range page.Rows {
		must(t, row.State == campaigns.Released && len(row.Answers) == 0 && row.Nickname == "" && strings.HasPrefix(string(row.OpenID), "erased:"), "left behind: %+v", row)
	}
	stock, err := s.CheckStock(ctx, c.ID)
	ok(t, err)
	must(t, stock.Issued() == 0, "stock %+v", stock)
	for _, search := range []string{"王小明", "13800138000", "8000", string(dbtest.OpenID(1)), "访客1"} {
		page, err := s.Claims(ctx, campaigns.ClaimFilter{Account: dbtest.Account, Search: search, Limit: 10})
		ok(t, err)
		must(t, len(page.Rows) == 0, "the search for %q finds %d claims", search, len(page.Rows))
	}
	_, err = s.Profile(ctx, v.ID)
	must(t, errors.Is(err, campaigns.ErrVisitorNotFound), "the profile: %v", err)
}

// WeChat wants a person's data gone who stops following; whoever follows again has their
// card, and what it took of the limits, but nothing of what they had told.
func TestWhoStopsFollowingLosesTheirDataAndComesBackToTheirCard(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := noon
	s := dbtest.Seed(t, d, func() time.Time { return now })
	draft := dbtest.Draft(noon, "leave", 100, campaigns.OwnCode)
	draft.Limits.PerPerson, draft.Form = 2, campaigns.ClassicForm()
	c := dbtest.Publish(t, s, draft)
	leave := func(at time.Time) {
		t.Helper()
		e := wechat.Event{MsgType: "event", Event: "unsubscribe", FromUser: string(dbtest.OpenID(7)), CreateTime: at.Unix()}
		for range 2 { // WeChat repeats itself
			_, err := s.Receive(ctx, dbtest.Account, e, []byte("<xml>"+string(dbtest.OpenID(7))+"</xml>"))
			ok(t, err)
		}
	}
	found := func(search string) int {
		t.Helper()
		page, err := s.Claims(ctx, campaigns.ClaimFilter{Account: dbtest.Account, Search: search, Limit: 10})
		ok(t, err)
		return len(page.Rows)
	}
	leave(noon) // nobody knows them yet
	v := dbtest.Visitor(t, s, 7)
	claim, _, err := s.Claim(ctx, campaigns.Tap{
		Slug: c.Slug, Visitor: v.ID, Key: key(7, 0), Consent: true,
		Answers: map[string]string{"name": "王小明", "plate": "京A12345", "phone": "13800138000"},
	})
	ok(t, err)
	leave(noon.Add(-time.Minute)) // a late message about somebody who is back
	must(t, found("13800138000") == 1, "somebody who was seen since lost their data")

	now = noon.Add(time.Minute)
	leave(now)
	for _, search := range []string{"13800138000", "王小明", string(dbtest.OpenID(7))} {
		must(t, found(search) == 0, "%q is found after they left", search)
	}
	_, err = s.Profile(ctx, v.ID)
	must(t, errors.Is(err, campaigns.ErrVisitorNotFound), "the profile: %v", err)

	back := dbtest.Visitor(t, s, 7)
	st, err := s.Standing(ctx, c, back.ID)
	ok(t, err)
	must(t, back.ID != v.ID && st.Total == 1 && st.Current != nil && st.Current.ID == claim.ID && st.Current.Code == claim.Code && len(st.Current.Answers) == 0, "back at %+v", st)
	for n := range 2 {
		_, _, err = s.Claim(ctx, campaigns.Tap{
			Slug: c.Slug, Visitor: back.ID, Key: key(7, n+1), Consent: true,
			Answers: map[string]string{"name": "王小明", "plate": "京A12345", "phone": "13800138000"},
		})
		must(t, (n == 0) == (err == nil), "claim %d after coming back: %v", n, err)
	}
	stock, err := s.CheckStock(ctx, c.ID)
	must(t, err == nil && stock.Confirmed == 2, "stock %+v, %v", stock, err)
	lines, err := d.ListAudit(ctx, people.AuditFilter{Limit: 50})
	ok(t, err)
	must(t, strings.Count(fmt.Sprint(lines), "visitor.unfollow") == 1, "the audit: %v", lines)
}

func TestUsedUpLimitsAreInheritedEachTimeSomebodyComesBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	draft := dbtest.Draft(noon, "back", 100, campaigns.OwnCode)
	draft.Limits.PerPerson = 3
	c := dbtest.Publish(t, s, draft)
	seen := map[campaigns.VisitorID]bool{}
	for n := range 4 {
		v := dbtest.Visitor(t, s, 7)
		must(t, !seen[v.ID], "the row of an erased visitor came back")
		seen[v.ID] = true
		_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(7, n)})
		must(t, (n < 3) == (err == nil) && (err == nil || errors.Is(err, campaigns.ErrLimit)), "claim %d: %v", n, err)
		ok(t, s.Erase(ctx, v.ID))
		ok(t, s.Erase(ctx, v.ID))
	}
	// Nobody else pays for it.
	other := dbtest.Visitor(t, s, 8)
	_, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: other.ID, Key: key(8, 0)})
	ok(t, err)
}

func TestAConsentIsKeptWithItsVersionAndReplacedByTheNext(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	who := campaigns.Visitor{Account: dbtest.Account, OpenID: dbtest.OpenID(3), UnionID: "u3", Nickname: "👩‍👩‍👧‍👦王\u202e", Avatar: "https://thirdwx.qlogo.cn/a/132"}
	v, err := s.Agree(ctx, who, campaigns.Details{Region: "中国 广东", Sex: 9})
	ok(t, err)
	now.add(time.Hour)
	who.Nickname, who.Avatar = "微信用户", ""
	again, err := s.Agree(ctx, who, campaigns.Details{})
	ok(t, err)
	must(t, again.ID == v.ID && again.Nickname == "微信用户" && again.Avatar == "", "now %+v", again)
	p, err := s.Profile(ctx, v.ID)
	ok(t, err)
	must(t, p.Nickname == "微信用户" && p.Avatar == "" && p.Region == "" && p.UnionID == "u3", "stored %+v", p)
	must(t, len(p.Consents) == 2 && p.Consent().At.Equal(noon.Add(time.Hour)) && p.Consents[1].Withdrawn.Equal(noon.Add(time.Hour)), "consents %+v", p.Consents)
	must(t, p.Consents[0].Version == campaigns.ProfileConsentVersion && p.Consents[0].What == campaigns.ProfileData, "consent %+v", p.Consents[0])
	// A silent visit later neither erases the profile nor counts as consent.
	_, err = s.Visit(ctx, campaigns.Visitor{Account: dbtest.Account, OpenID: dbtest.OpenID(3)})
	ok(t, err)
	p, err = s.Profile(ctx, v.ID)
	ok(t, err)
	must(t, p.Nickname == "微信用户" && len(p.Consents) == 2, "after a visit %+v", p)
}
