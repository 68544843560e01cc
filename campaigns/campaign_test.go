package campaigns_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/fault"
)

var noon = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func TestTheStateOfACampaignIsAPureFunctionOfRowAndClock(t *testing.T) {
	t.Parallel()
	start, end := noon, noon.Add(time.Hour)
	for _, row := range []struct {
		status campaigns.Status
		now    time.Time
		want   campaigns.State
	}{
		{campaigns.StatusDraft, start, campaigns.Unpublished},
		{campaigns.StatusPublished, start.Add(-time.Second), campaigns.Scheduled},
		{campaigns.StatusPublished, start, campaigns.Running},
		{campaigns.StatusPublished, end.Add(-time.Millisecond), campaigns.Running},
		{campaigns.StatusPublished, end, campaigns.Ended},
		{campaigns.StatusPaused, start.Add(-time.Second), campaigns.Paused},
		{campaigns.StatusPaused, start, campaigns.Paused},
		{campaigns.StatusPaused, end, campaigns.Ended},
		{campaigns.StatusEnded, start, campaigns.Ended},
		{campaigns.StatusArchived, start, campaigns.Archived},
		{"unheard of", start, campaigns.Unpublished},
	} {
		c := campaigns.Campaign{Status: row.status, StartsAt: start, EndsAt: end}
		if got := c.State(row.now); got != row.want {
			t.Errorf("%s at %s: %s, want %s", row.status, row.now, got, row.want)
		}
	}
}

func TestTheDayOfAClaimIsTheDayInTheCampaignsZone(t *testing.T) {
	t.Parallel()
	c := campaigns.Campaign{Zone: campaigns.Shanghai()}
	for utc, want := range map[string]string{"2026-11-20T16:30:00Z": "2026-11-21", "2026-11-21T15:59:59Z": "2026-11-21", "2026-11-21T16:00:00Z": "2026-11-22"} {
		now, err := time.Parse(time.RFC3339, utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Day(now); got != want {
			t.Errorf("%s is %s, want %s", utc, got, want)
		}
	}
}

func TestEventsGiveOneStateInWhateverOrderAndHoweverOften(t *testing.T) {
	t.Parallel()
	kinds := []campaigns.EventKind{
		campaigns.EventOpened, campaigns.EventCancelled, campaigns.EventReported, campaigns.EventReleased, campaigns.EventConfirmed,
		campaigns.EventDeleted, campaigns.EventRedeemed,
	}
	rapid.Check(t, func(r *rapid.T) {
		var events []campaigns.Event
		for i, kind := range rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 8).Draw(r, "kinds") {
			events = append(events, campaigns.Event{Kind: kind, At: noon.Add(time.Duration(i) * time.Second), Detail: "d", Code: "226009850808"})
		}
		apply := func(order []campaigns.Event) campaigns.Claim {
			c := campaigns.Claim{State: campaigns.Held}
			for _, e := range order {
				c.Apply(e)
				if c.Apply(e) {
					r.Fatalf("the repeat of %s changed the claim", e.Kind)
				}
			}
			return c
		}
		want := apply(events)
		shuffled := rapid.Permutation(events).Draw(r, "order")
		got := apply(shuffled)
		if got.State != want.State || got.Late() != want.Late() || !got.ConfirmedAt.Equal(want.ConfirmedAt) || !got.ReleasedAt.Equal(want.ReleasedAt) || got.Code != want.Code {
			r.Fatalf("in order %v:\n%+v\nelse\n%+v", shuffled, want, got)
		}
	})
}

func draft() campaigns.Draft {
	return campaigns.Draft{
		Account: "demo", Slug: "latte", Name: "拿铁", StartsAt: noon, EndsAt: noon.Add(time.Hour), Zone: campaigns.Shanghai(), Total: 10,
		Limits: campaigns.Limits{PerPerson: 1}, Hold: time.Minute, Issuer: campaigns.OwnCode, Texts: campaigns.Texts{Benefit: "拿铁", Brand: "咖啡", Purpose: "兑奖"},
	}
}

func TestADraftNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	good := draft()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*campaigns.Draft){
		"name":        func(d *campaigns.Draft) { d.Name = " " },
		"slug":        func(d *campaigns.Draft) { d.Slug = "../admin" },
		"starts_at":   func(d *campaigns.Draft) { d.StartsAt = time.Time{} },
		"ends_at":     func(d *campaigns.Draft) { d.EndsAt = d.StartsAt },
		"valid_until": func(d *campaigns.Draft) { d.ValidUntil = d.StartsAt },
		"total":       func(d *campaigns.Draft) { d.Total = 0 },
		"per_person":  func(d *campaigns.Draft) { d.Limits.PerPerson = 0 },
		"per_day":     func(d *campaigns.Draft) { d.Limits.PerDay = -1 },
		"hold":        func(d *campaigns.Draft) { d.Hold = time.Second },
		"issuer":      func(d *campaigns.Draft) { d.Issuer = "magic" },
		"card_id":     func(d *campaigns.Draft) { d.Issuer = campaigns.WeChatCard },
		"benefit":     func(d *campaigns.Draft) { d.Texts.Benefit = strings.Repeat("长", 25) },
		"intro":       func(d *campaigns.Draft) { d.Texts.Intro = "a\x00b" },
		"purpose":     func(d *campaigns.Draft) { d.Form, d.Texts.Purpose = campaigns.ClassicForm(), "" },
		"colour":      func(d *campaigns.Draft) { d.Texts.Colour = "red;background:url(x)" },
		"share_image": func(d *campaigns.Draft) { d.Share.Image = "javascript:alert(1)" },
		"question-0": func(d *campaigns.Draft) {
			d.Form = campaigns.Form{{Key: "a", Kind: campaigns.ChoiceField, Label: "杯型"}}
		},
	} {
		d := draft()
		spoil(&d)
		problems := fault.All(d.Check())
		if !slices.ContainsFunc(problems, func(e *fault.Error) bool { return e.Field == field }) {
			t.Errorf("%s: problems %v", field, problems)
		}
	}
}
