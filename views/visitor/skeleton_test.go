package visitor

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/wechat"
)

func skeletonPage(n int, state State, signed bool) Page {
	zone := campaigns.Shanghai()
	c := &campaigns.Campaign{
		ID: 7, Version: 3, Slug: "latte", Form: campaigns.ClassicForm(), Zone: zone, Issuer: campaigns.WeChatCard,
		StartsAt: time.Unix(1_700_000_000, 0), EndsAt: time.Unix(1_795_000_000, 0), ValidUntil: time.Unix(1_797_000_000, 0), Limits: campaigns.Limits{PerPerson: 1},
		Texts: campaigns.Texts{Benefit: "拿铁 <b>&\"", Brand: "示例", Purpose: "联系你", Terms: "规则\n二", Contact: "010", ShowStock: true},
		Stock: campaigns.Stock{Total: 2000, Confirmed: 100},
	}
	p := Page{
		State: state, Campaign: c, Channel: "poster", Now: time.UnixMilli(1_790_000_000_000 + int64(n)), CSRF: fmt.Sprintf("csrf-%d_x", n), Key: fmt.Sprintf("key-%d", n),
		Link: "https://card.test/c/latte?ch=poster", SDK: "https://res.wx.qq.com/open/js/jweixin-1.6.0.js",
	}
	if state != Intro {
		p.Visitor = campaigns.VisitorID(1<<40 + n)
	}
	if signed {
		p.Config = &wechat.PageConfig{
			AppID: "wx1", Timestamp: 1_790_000_000 + int64(n), NonceStr: fmt.Sprintf("n%d", n), Signature: fmt.Sprintf("s%d", n),
			URL: fmt.Sprintf(`https://card.test/c/latte?ch=poster&x=</script>"%d\é`, n),
		}
	}
	return p
}

func TestASkeletonGivesTheVeryDocument(t *testing.T) {
	t.Parallel()
	for _, language := range i18n.Languages() {
		ctx := i18n.With(context.Background(), language)
		var kept Skeletons
		for _, state := range []State{Intro, Form, Ready, NotInWeChat} {
			for _, signed := range []bool{true, false} {
				for n := range 3 {
					p := skeletonPage(n, state, signed)
					var want, got bytes.Buffer
					if err := Document(p).Render(ctx, &want); err != nil {
						t.Fatal(err)
					}
					if err := kept.Render(ctx, &got, p); err != nil {
						t.Fatal(err)
					}
					if want.String() != got.String() {
						t.Fatalf("%s %s %d differ:\n%s\n---\n%s", language, state, n, want.String(), got.String())
					}
				}
			}
		}
		if len(kept.kept) != 8 {
			t.Errorf("%s: %d skeletons were kept, want 8: the pages did not come from them", language, len(kept.kept))
		}
	}
}

func TestAPageThatLooksLikeAMarkerIsRenderedWhole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var kept Skeletons
	p := skeletonPage(1, Form, true)
	p.Campaign.Texts.Terms = "kq~gap~csrf"
	var want, got bytes.Buffer
	if err := Document(p).Render(ctx, &want); err != nil {
		t.Fatal(err)
	}
	if err := kept.Render(ctx, &got, p); err != nil {
		t.Fatal(err)
	}
	if want.String() != got.String() || len(kept.kept) != 0 {
		t.Errorf("a hostile text got into a skeleton (%d kept)", len(kept.kept))
	}
}

func TestAStateWithTypedValuesHasNoSkeleton(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Page){
		"typed values": func(p *Page) { p.Values = map[string]string{"name": "王"} },
		"a notice":     func(p *Page) { p.Notice = "x" },
		"a card":       func(p *Page) { p.Cards = []campaigns.Claim{{}} },
		"consent":      func(p *Page) { p.Consent = true },
		"other state":  func(p *Page) { p.State = SoldOut },
	} {
		p := skeletonPage(1, Form, true)
		change(&p)
		if _, ok := p.skeletonKey(context.Background()); ok {
			t.Errorf("%s: the page would come from a skeleton", name)
		}
	}
}
