package visitor

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
)

// ownable is a campaign with own words for every state that may have some.
func ownable(issuer campaigns.Issuer) *campaigns.Campaign {
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	c := &campaigns.Campaign{
		ID: 1, Slug: "own", Status: campaigns.StatusPublished, Zone: campaigns.Shanghai(), StartsAt: now.Add(-time.Hour), EndsAt: now.Add(time.Hour),
		ValidUntil: now.AddDate(0, 1, 0), Stock: campaigns.Stock{Total: 200, Confirmed: 50}, Limits: campaigns.Limits{PerPerson: 2, PerDay: 1}, Issuer: issuer,
		Form:   campaigns.ClassicForm(),
		Texts:  campaigns.Texts{Benefit: "买一赠一", Brand: "示例咖啡", Purpose: "联系你", Contact: "400"},
		Design: campaigns.Design{States: map[string]campaigns.StateText{}},
	}
	for state, words := range campaigns.OwnWords {
		text := campaigns.StateText{Title: "自己的<标题>", Body: "自己的<正文>", Button: "自己的<按钮>"}
		for _, name := range words.Placeholders() {
			text.Body += "[{{" + name + "}}]"
		}
		if words.NoTitle {
			text.Title = ""
		}
		if words.NoBar {
			text.Button = ""
		}
		c.Design.States[state] = text
	}
	return c
}

func TestEveryStateSaysItsOwnWordsEscaped(t *testing.T) {
	t.Parallel()
	ctx := i18n.With(context.Background(), i18n.ZH)
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	for _, state := range States {
		words, known := campaigns.OwnWords[string(state)]
		if !known {
			if !slices.Contains([]State{RateLimited, NotFound}, state) { // they know no campaign
				t.Errorf("%s can have no words of its own", state)
			}
			continue
		}
		if strings.HasPrefix(string(state), "pay") || state == Refunded {
			continue // their samples need an order
		}
		issuer := campaigns.OwnCode
		if !Occurs(&campaigns.Campaign{Issuer: issuer}, state) {
			issuer = campaigns.WeChatCard
		}
		c, at := ownable(issuer), now
		if state == Ended {
			at = c.EndsAt.Add(time.Minute)
		}
		p := Sample(ctx, c, state, at, false)
		p.SupportCode = "K7Q-2M9"
		var page bytes.Buffer
		if err := Main(p).Render(ctx, &page); err != nil {
			t.Fatal(err)
		}
		if !words.NoTitle && !strings.Contains(page.String(), "自己的&lt;标题&gt;") {
			t.Errorf("%s: not its own title", state)
		}
		if !strings.Contains(page.String(), "自己的&lt;正文&gt;[") || strings.Contains(page.String(), "{{") || strings.Contains(page.String(), "[]") {
			_, body := p.words(ctx)
			t.Errorf("%s: not its own body: %s", state, body)
		}
		if !words.NoBar && p.hasBar() && !strings.Contains(page.String(), "自己的&lt;按钮&gt;") {
			t.Errorf("%s: not its own button", state)
		}
		if strings.Contains(page.String(), "<正文>") {
			t.Errorf("%s: words are markup", state)
		}
		if title, body, _ := p.Usual(ctx); strings.Contains(title+body, "自己的") {
			t.Errorf("%s: the usual words are its own", state)
		}
	}
	for state := range campaigns.OwnWords {
		if !slices.Contains(States, State(state)) {
			t.Errorf("there is no state %s", state)
		}
	}
}

func TestAKeptPageTellsWhatIsLeftNow(t *testing.T) {
	t.Parallel()
	ctx := i18n.With(context.Background(), i18n.ZH)
	var kept Skeletons
	c := ownable(campaigns.OwnCode)
	c.Form = nil
	for _, left := range []int64{150, 149} {
		c.Stock.Confirmed = c.Stock.Total - left
		p := Page{State: Ready, Campaign: c, Now: c.StartsAt.Add(time.Minute), CSRF: "csrf", Key: "key-of-page", Inside: true}
		c.Design.States["ready"] = campaigns.StateText{Body: "还有 {{left}} 份"}
		var page bytes.Buffer
		if err := kept.Render(ctx, &page, p); err != nil {
			t.Fatal(err)
		}
		if want := map[int64]string{150: "还有 150 份", 149: "还有 149 份"}[left]; !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %s", want)
		}
	}
}
