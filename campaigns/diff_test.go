package campaigns_test

import (
	"encoding/json"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

func TestADiffNamesEveryFieldThatDiffersInWords(t *testing.T) {
	t.Parallel()
	base := func() campaigns.Draft {
		d := dbtest.Draft(time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), "diff", 100, campaigns.OwnCode)
		d.Form = campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}}
		d.ValidUntil = time.Time{}
		return d
	}
	if list := campaigns.Diff(base(), base()); len(list) != 0 {
		t.Fatalf("a draft differs from itself: %v", list)
	}
	for field, row := range map[string]struct {
		change        func(*campaigns.Draft)
		before, after string
	}{
		"name":        {func(d *campaigns.Draft) { d.Name = "新名" }, base().Name, "新名"},
		"total":       {func(d *campaigns.Draft) { d.Total = 250 }, "100", "250"},
		"per_day":     {func(d *campaigns.Draft) { d.Limits.PerDay = 2 }, "", "2"},
		"valid_until": {func(d *campaigns.Draft) { d.ValidUntil = time.Date(2026, 12, 24, 16, 0, 0, 0, time.UTC) }, "", "2026-12-25 00:00"},
		"show_stock":  {func(d *campaigns.Draft) { d.Texts.ShowStock = !d.Texts.ShowStock }, map[bool]string{true: "true", false: "false"}[base().Texts.ShowStock], map[bool]string{true: "false", false: "true"}[base().Texts.ShowStock]},
		"share_title": {func(d *campaigns.Draft) { d.Share.Title = "来领" }, base().Share.Title, "来领"},
		"hold":        {func(d *campaigns.Draft) { d.Hold = 5 * time.Minute }, dbtestHold(base().Hold), "300"},
		"form":        {func(d *campaigns.Draft) { d.Form[0].Required = false }, `{"key":"phone","kind":"mobile","label":"手机号","required":true}`, `{"key":"phone","kind":"mobile","label":"手机号","required":false}`},
		"from":        {func(d *campaigns.Draft) { d.Redeeming.From = time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC) }, "", "2026-12-01 00:00"},
	} {
		after := base()
		row.change(&after)
		list := campaigns.Diff(base(), after)
		if len(list) != 1 || list[0] != (campaigns.Change{Field: field, Before: row.before, After: row.after}) {
			t.Errorf("%s: %q", field, list)
		}
	}
}

func dbtestHold(d time.Duration) string { b, _ := json.Marshal(int(d / time.Second)); return string(b) }

func TestADraftComesBackFromItsVersionAsItWas(t *testing.T) {
	t.Parallel()
	d := dbtest.Draft(time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), "kept", 100, campaigns.WeChatCard)
	d.Form = campaigns.ClassicForm()
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again campaigns.Draft
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if list := campaigns.Diff(d, again); len(list) != 0 || !again.StartsAt.Equal(d.StartsAt) || again.Zone.String() != d.Zone.String() || again.Limits != d.Limits {
		t.Errorf("it comes back with %v", list)
	}
}

func TestTheLimitsReadAsOneSentenceOfParts(t *testing.T) {
	t.Parallel()
	d := campaigns.Draft{Total: 2000, Limits: campaigns.Limits{PerPerson: 1, PerDay: 1}, Form: campaigns.Form{{Label: "手机号", Required: true}, {Label: "备注"}}}
	var keys []string
	for _, part := range campaigns.LimitsSentence(&d) {
		keys = append(keys, part.Key)
	}
	for i, want := range []string{"editor.limits.person", "editor.limits.person_day"} {
		if i >= len(keys) || keys[i] != want {
			t.Errorf("part %d of %v is not %s", i, keys, want)
		}
	}
	if last := campaigns.LimitsSentence(&d)[len(keys)-1]; last.Key != "editor.limits.form" || len(last.Args[1].([]string)) != 1 {
		t.Errorf("the last part is %v", last)
	}
}
