package campaigns_test

import (
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
)

var checkTime = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)

func checked() *campaigns.Campaign {
	return &campaigns.Campaign{
		ID: 1, Account: "demo", Slug: "winter", Name: "冬日拿铁", Status: campaigns.StatusDraft, Zone: campaigns.Shanghai(),
		StartsAt: checkTime.Add(time.Hour), EndsAt: checkTime.Add(72 * time.Hour), Stock: campaigns.Stock{Total: 2000}, Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute,
		Issuer: campaigns.WeChatCard, CardID: "pTestCard0000000000000000001", Form: campaigns.ClassicForm(),
		Texts: campaigns.Texts{Benefit: "买一赠一", Brand: "示例咖啡", Purpose: "联系您", Terms: "第一条", Contact: "400"},
		Share: campaigns.Share{Title: "送你一杯", Image: "https://kq.example.com/a.png"},
	}
}

func healthy() campaigns.Evidence {
	e := campaigns.Evidence{Card: &campaigns.CardLook{Issuable: true, Left: 5000}}
	for _, check := range []string{"oauth_domain", "js_domain", "access_token", "jsapi_ticket", "card_ticket", "push"} {
		e.Health = append(e.Health, campaigns.Health{Check: check, Level: "ok", Words: "好"})
	}
	return e
}

func TestACampaignInOrderPassesEveryCheck(t *testing.T) {
	t.Parallel()
	checks := campaigns.Preflight(checked(), checkTime, healthy())
	for _, c := range checks {
		if c.Level != campaigns.CheckOK && c.Name != "rehearsal" {
			t.Errorf("%s: %s %s", c.Name, c.Level, c.Key)
		}
	}
	if blocked, warned := campaigns.Worst(checks); blocked || warned || len(checks) != 17 {
		t.Errorf("%d checks, blocked %v, warned %v", len(checks), blocked, warned)
	}
}

// Each row spoils one thing; the check names it and nothing else changes its level.
func TestEachCheckTellsItsCause(t *testing.T) {
	t.Parallel()
	ill := func(check, level string) func(*campaigns.Campaign, *campaigns.Evidence) {
		return func(_ *campaigns.Campaign, e *campaigns.Evidence) {
			for i := range e.Health {
				if e.Health[i].Check == check {
					e.Health[i].Level = level
				}
			}
		}
	}
	const block, warn, advice = campaigns.CheckBlock, campaigns.CheckWarn, campaigns.CheckAdvice
	for name, row := range map[string]struct {
		spoil func(*campaigns.Campaign, *campaigns.Evidence)
		check string
		level campaigns.CheckLevel
		key   string
		field string
	}{
		"over": {func(c *campaigns.Campaign, _ *campaigns.Evidence) {
			c.StartsAt, c.EndsAt = checkTime.Add(-2*time.Hour), checkTime
		}, "dates", block, "preflight.dates.over", "ends_at"},
		"short": {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.EndsAt = c.StartsAt.Add(5 * time.Minute) }, "dates", warn, "preflight.dates.short", "ends_at"},
		"long":  {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.EndsAt = c.StartsAt.AddDate(2, 0, 0) }, "dates", warn, "preflight.dates.long", "ends_at"},
		"far": {func(c *campaigns.Campaign, _ *campaigns.Evidence) {
			c.StartsAt, c.EndsAt = checkTime.AddDate(2, 0, 0), checkTime.AddDate(2, 0, 9)
		}, "dates", warn, "preflight.dates.far", "starts_at"},
		"a rule of the form": {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Texts.Brand = "" }, "fields", block, "campaign.error.required", "brand"},
		"no stock": {func(c *campaigns.Campaign, _ *campaigns.Evidence) {
			c.Stock = campaigns.Stock{Total: 10, Confirmed: 10}
		}, "stock", block, "preflight.stock.none", "total"},
		"a short hold":        {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Hold = 30 * time.Second }, "stock", warn, "preflight.stock.short_hold", "hold"},
		"a long hold":         {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Hold = 45 * time.Minute }, "stock", warn, "preflight.stock.long_hold", "hold"},
		"more than all":       {func(c *campaigns.Campaign, e *campaigns.Evidence) { c.Stock.Total, c.Limits.PerPerson = 2, 3 }, "limits", warn, "preflight.limits.over_stock", "per_person"},
		"many each":           {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Limits.PerPerson = 50 }, "limits", warn, "preflight.limits.many", "per_person"},
		"an idle limit":       {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Limits.PerDay = 2 }, "limits", warn, "preflight.limits.day_idle", "per_day"},
		"a card not read":     {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card = &campaigns.CardLook{Trouble: "忙"} }, "card", warn, "preflight.card.unread", "card_id"},
		"a card not asked":    {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card = nil }, "card", advice, "preflight.card.unasked", "card_id"},
		"a card in review":    {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card.Issuable = false }, "card", block, "preflight.card.state", "card_id"},
		"a card without any":  {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card.Left = 0 }, "card", block, "preflight.card.empty", ""},
		"a card with few":     {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card.Left = 9 }, "card", warn, "preflight.card.few", ""},
		"a bound card":        {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card.Traits.BindOpenID = true }, "card", campaigns.CheckOK, "preflight.card.bound", "card_id"},
		"own codes":           {func(_ *campaigns.Campaign, e *campaigns.Evidence) { e.Card.Traits.OwnCode = true }, "card", campaigns.CheckOK, "preflight.card.own_code", "card_id"},
		"no purpose":          {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Texts.Purpose = " " }, "consent", block, "preflight.consent.purpose", "purpose"},
		"no rules":            {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Texts.Terms = "\n" }, "terms", warn, "preflight.terms.none", "terms"},
		"no contact":          {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Texts.Contact = "" }, "contact", warn, "preflight.contact.none", "contact"},
		"a long title":        {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Share.Title = strings.Repeat("长", 19) }, "share", warn, "preflight.share.long", "share_title"},
		"a suppressed word":   {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Share.Desc = "领红包" }, "share", warn, "preflight.share.word", "share_title"},
		"no picture":          {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Share.Image = "" }, "share", advice, "preflight.share.no_image", "share_image"},
		"a plain picture":     {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Share.Image = "http://kq.example.com/a.png" }, "share", warn, "preflight.share.plain_image", "share_image"},
		"a picture from home": {func(c *campaigns.Campaign, _ *campaigns.Evidence) { c.Share.Image = "/a.png" }, "share", block, "preflight.share.image", "share_image"},
		"a domain that fails": {ill("oauth_domain", "fail"), "oauth_domain", block, "preflight.health.found", ""},
		"a silent callback":   {ill("push", "warn"), "push", warn, "preflight.health.found", ""},
		"nothing known":       {ill("js_domain", "unknown"), "js_domain", advice, "preflight.health.unknown", ""},
	} {
		c, e := checked(), healthy()
		row.spoil(c, &e)
		found := false
		for _, check := range campaigns.Preflight(c, checkTime, e) {
			if check.Name != row.check {
				if check.Level == block && row.level != block {
					t.Errorf("%s also blocks %s: %s", name, check.Name, check.Key)
				}
				continue
			}
			if check.Key == row.key && check.Level == row.level && check.Field == row.field {
				found = true
			}
		}
		if !found {
			t.Errorf("%s: no %s %s on %q", name, row.level, row.key, row.field)
		}
	}
}

func TestOwnCodesNeedLessOfWeChat(t *testing.T) {
	t.Parallel()
	c, e := checked(), healthy()
	c.Issuer, c.CardID, e.Card = campaigns.OwnCode, "", nil
	for i := range e.Health {
		e.Health[i].Level = "fail"
	}
	levels := map[string]campaigns.CheckLevel{}
	for _, check := range campaigns.Preflight(c, checkTime, e) {
		levels[check.Name] = check.Level
	}
	if levels["oauth_domain"] != campaigns.CheckBlock || levels["push"] != campaigns.CheckWarn || levels["card"] != campaigns.CheckOK {
		t.Errorf("%v", levels)
	}
	for _, check := range campaigns.Preflight(c, checkTime, campaigns.Evidence{}) {
		if check.Name == "push" {
			t.Error("a callback that nobody needs is asked for")
		}
	}
}
