package db_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

const day = 24 * time.Hour

// asked is a published campaign whose phone numbers go sooner than the rest.
func asked(tb testing.TB, s *campaigns.Service, slug campaigns.Slug, now time.Time) *campaigns.Campaign {
	d := dbtest.Draft(now, slug, 2000, campaigns.OwnCode)
	d.Form, d.Texts.RetentionDay = campaigns.ClassicForm(), 30
	d.Form[3].Retention = 7 // the phone number
	d.Limits.PerPerson, d.Limits.PerDay = 20, 0
	d.EndsAt = now.Add(60 * day)
	return dbtest.Publish(tb, s, d)
}

func answer(tb testing.TB, s *campaigns.Service, c *campaigns.Campaign, v campaigns.Visitor, n int, phone string) *campaigns.Claim {
	tb.Helper()
	claim, _, err := s.Claim(context.Background(), campaigns.Tap{
		Slug: c.Slug, Visitor: v.ID, Key: key(int(c.ID%1000), n), Consent: true,
		Answers: map[string]string{"name": "欧阳独一无二", "plate": "京A12345", "phone": phone},
	})
	ok(tb, err)
	return claim
}

func TestOnlyAnswersPastTheirTimeGoAndTheFileHoldsThemNoMore(t *testing.T) {
	t.Parallel()
	ctx, folder := context.Background(), t.TempDir()
	d := dbtest.OpenAt(t, folder)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	c, other := asked(t, s, "over", noon), asked(t, s, "goes-on", noon)
	staff := campaigns.Actor{ID: "p", Name: "test"}
	v := dbtest.Visitor(t, s, 1)
	const phone, kept = "13912345678", "13887654321"
	claim, running := answer(t, s, c, v, 1, phone), answer(t, s, other, v, 2, kept)
	before, err := s.CheckStock(ctx, c.ID)
	ok(t, err)
	found := func(text string) int {
		page, err := s.Claims(ctx, campaigns.ClaimFilter{Account: dbtest.Account, Campaign: c.ID, Search: text, Limit: 10})
		ok(t, err)
		return len(page.Rows)
	}
	forget := func(want int) {
		t.Helper()
		n, err := s.Forget(ctx)
		ok(t, err)
		must(t, n == want, "%d claims were forgotten, want %d", n, want)
	}
	read := func(id campaigns.ClaimID) campaigns.Answers {
		claim, err := s.Detail(ctx, id)
		ok(t, err)
		return claim.Claim.Answers
	}

	ok(t, s.End(ctx, staff, c.ID)) // staff end it long before its last day
	ended, err := s.Campaign(ctx, c.ID)
	ok(t, err)
	must(t, ended.Over().Equal(noon), "it was over at %v", ended.Over())
	ok(t, s.Archive(ctx, staff, c.ID)) // which does not move the end
	now.add(7*day - time.Second)
	forget(0)
	now.add(time.Second)
	must(t, found("5678") == 1 && found("欧阳") == 1, "the searches find nothing to begin with")
	forget(1)
	got := read(claim.ID)
	must(t, got["phone"] == "" && len(got) == 3 && got["name"] == "欧阳独一无二" && got["plate"] == "京A12345", "answers %v", got)
	must(t, found(phone) == 0 && found("5678") == 0 && found("欧阳") == 1, "the phone number is still found")
	for _, name := range []string{"kaquan.db", "kaquan.db-wal"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		ok(t, err)
		must(t, !bytes.Contains(content, []byte(phone)), "%s holds the phone number", name)
		must(t, name != "kaquan.db" || bytes.Contains(content, []byte(kept)), "the test looks at the wrong file")
	}
	forget(0)
	must(t, read(running.ID)["phone"] == kept, "a campaign that goes on lost its answers")

	now.add(23 * day)
	forget(1)
	got = read(claim.ID)
	must(t, got["name"] == "" && got["plate"] == "" && len(got) == 3 && found("欧阳") == 0, "answers %v", got)
	forget(0)
	after, err := s.CheckStock(ctx, c.ID)
	ok(t, err)
	must(t, after == before, "the stock was %+v and is %+v", before, after)
	row, err := s.Detail(ctx, claim.ID)
	ok(t, err)
	must(t, row.Claim.Code == claim.Code && row.Claim.State == campaigns.Confirmed && row.Claim.ConsentText == claim.ConsentText && len(row.History) > 0, "the claim is %+v", row.Claim)
	n, err := d.Raw(`SELECT COUNT(*) FROM audit WHERE action = 'campaign.forget' AND detail = '{"claims":1}' AND actor_name = 'system'`)
	ok(t, err)
	must(t, n == 2, "%d audit lines", n)
}

func TestForgettingGoesThroughEveryClaimAndStandsBackFromAnEdit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	c := asked(t, s, "many", noon)
	for n := range 23 {
		answer(t, s, c, dbtest.Visitor(t, s, n%3), n, fmt.Sprintf("138%08d", n))
	}
	now.add(c.EndsAt.Sub(noon) + 8*day)
	due, some := c.Due(now.now())
	must(t, some && due.Goes("phone") && !due.Goes("name") && !due.Goes("gone"), "due %+v", due)

	edited := *c
	edited.Version-- // somebody edited it since it was read
	changed, _, err := d.ForgetAnswers(ctx, &edited, due, 0, 10)
	ok(t, err)
	must(t, changed == 0, "%d claims of a campaign that somebody edited", changed)
	var sizes []int
	for after := campaigns.ClaimID(0); ; {
		n, next, err := d.ForgetAnswers(ctx, c, due, after, 10)
		ok(t, err)
		sizes = append(sizes, n)
		if after = next; next == 0 {
			break
		}
	}
	must(t, slices.Equal(sizes, []int{10, 10, 3}), "batches of %v", sizes)
	n, err := d.Raw(`SELECT COUNT(*) FROM claims WHERE holder_phone <> '' OR phone_tail <> '' OR holder_name = ''`)
	ok(t, err)
	must(t, n == 0, "%d claims are not as they should be", n)

	// Questions that the form has no more go with the campaign's own time.
	now.add(30 * day)
	due, _ = c.Due(now.now())
	must(t, due.Goes("name") && due.Goes("gone"), "due %+v", due)
	n, err = s.Forget(ctx)
	ok(t, err)
	must(t, n == 23, "%d claims", n)
}

func TestACampaignKeepsAnswersAsLongAsItSays(t *testing.T) {
	t.Parallel()
	c := campaigns.Campaign{EndsAt: noon, Zone: campaigns.Shanghai(), Form: campaigns.ClassicForm(), Status: campaigns.StatusPublished}
	kept := c.Keeping()
	must(t, len(kept) == 1 && kept[0].Days == campaigns.DefaultRetention && kept[0].Until.Equal(noon.Add(90*day)), "kept %+v", kept)
	c.Form[0].Retention, c.Texts.RetentionDay = 365, 30
	kept = c.Keeping()
	must(t, len(kept) == 2 && kept[0].Days == 30 && kept[1].Days == 365 && slices.Equal(kept[1].Keys, []string{"name"}), "kept %+v", kept)
	c.EndedAt = noon.Add(day) // ended when it was over already
	must(t, c.Over().Equal(noon), "over at %v", c.Over())
	c.Status = campaigns.StatusDraft
	_, some := c.Due(noon.Add(999 * day))
	must(t, !some, "a draft forgets")
}
