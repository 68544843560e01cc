package visitor_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/visitor"
)

var mainPart = regexp.MustCompile(`(?s)<main .*?</main>`)

func rendered(t *testing.T, ctx context.Context, view templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := view.Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sampled(issuer campaigns.Issuer) *campaigns.Campaign {
	start := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	return &campaigns.Campaign{
		ID: 7, Account: "demo", Slug: "winter", Status: campaigns.StatusPublished, StartsAt: start, EndsAt: start.Add(7 * 24 * time.Hour), ValidUntil: start.Add(30 * 24 * time.Hour),
		Zone: campaigns.Shanghai(), Stock: campaigns.Stock{Total: 2000}, Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute, Issuer: issuer, CardID: "pCard", Form: campaigns.ClassicForm(),
		Texts: campaigns.Texts{Benefit: "买一赠一 & <更多>", Brand: "示例咖啡", Intro: "一段介绍", Terms: "第一条", Purpose: "联系您", Contact: "400", ShowStock: true}, Version: 3,
	}
}

// The page in production and the preview are rendered from one struct and compared.
func TestThePreviewOfEveryStateHasTheMarkupOfTheRealPage(t *testing.T) {
	t.Parallel()
	for _, language := range i18n.Languages() {
		ctx := i18n.With(context.Background(), language)
		for _, issuer := range []campaigns.Issuer{campaigns.OwnCode, campaigns.WeChatCard} {
			for _, state := range visitor.States {
				for _, holder := range []bool{false, true} {
					c := sampled(issuer)
					p := visitor.Sample(ctx, c, state, c.StartsAt.Add(time.Hour), holder)
					p.Channel, p.Link, p.CSRF, p.Key = "poster", "https://kq.example.com/c/winter?ch=poster", "token", "key"
					var skeletons visitor.Skeletons
					var real bytes.Buffer
					if err := skeletons.Render(ctx, &real, p); err != nil {
						t.Fatal(err)
					}
					preview := rendered(t, ctx, visitor.PreviewDocument(p, "/preview.css"))
					want, got := mainPart.FindString(real.String()), mainPart.FindString(preview)
					if want == "" || got != want {
						t.Errorf("%s %s %s: the preview has\n%s\nthe page\n%s", language, issuer, state, got, want)
					}
					if !strings.Contains(want, `data-state="`+string(state)+`"`) {
						t.Errorf("%s shows another state", state)
					}
					if outside := strings.Replace(preview, got, "", 1); strings.Contains(preview, "<script") || !strings.Contains(outside, i18n.T(ctx, "preview.ribbon")) || strings.Contains(got, "kq-ribbon") {
						t.Errorf("%s: a script, or no ribbon outside of the page", state)
					}
					title, body := p.Words(ctx)
					if title == "" || body == "" || strings.Contains(title+body, "visitor.") || strings.Contains(title+body, "{{") {
						t.Errorf("%s says %q, %q", state, title, body)
					}
				}
			}
		}
	}
}

func TestASampleLeavesTheCampaignAsItIs(t *testing.T) {
	t.Parallel()
	c, same := sampled(campaigns.WeChatCard), sampled(campaigns.WeChatCard)
	for _, state := range visitor.States {
		visitor.Sample(context.Background(), c, state, c.StartsAt, true)
	}
	if c.PauseReason != same.PauseReason || c.Limits != same.Limits || c.Status != same.Status {
		t.Errorf("changed to %+v", c)
	}
}

func TestTheSampleOfAFormWithMistakesShowsTheRealMessages(t *testing.T) {
	t.Parallel()
	ctx := i18n.With(context.Background(), i18n.ZH)
	c := sampled(campaigns.OwnCode)
	page := rendered(t, ctx, visitor.Main(visitor.Sample(ctx, c, visitor.FormError, c.StartsAt, false)))
	for _, key := range []string{"form.mobile.invalid", "form.plate.invalid", "form.consent.required"} {
		if words := i18n.T(ctx, key); !strings.Contains(page, words) {
			t.Errorf("no %q", words)
		}
	}
}

func TestSettingsDecideWhichStatesOccur(t *testing.T) {
	t.Parallel()
	own, card := sampled(campaigns.OwnCode), sampled(campaigns.WeChatCard)
	own.Form = nil
	own.Limits = campaigns.Limits{PerPerson: 3, PerDay: 1}
	for state, want := range map[visitor.State][2]bool{
		visitor.Form: {false, true}, visitor.Ready: {true, false}, visitor.Claiming: {false, true}, visitor.ClaimedLocal: {true, false},
		visitor.DayQuota: {true, false}, visitor.SoldOut: {true, true},
	} {
		if visitor.Occurs(own, state) != want[0] || visitor.Occurs(card, state) != want[1] {
			t.Errorf("%s", state)
		}
	}
}
