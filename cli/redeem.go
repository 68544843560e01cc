package cli

import (
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/jobs"
	"kaquan/redemption"
	"kaquan/wechat"
)

// tillCards lets the till ask WeChat about cards and redeem them through the hub.
type tillCards struct{ book cardBook }

var _ redemption.Cards = tillCards{}

// Check implements redemption.Cards.
func (t tillCards) Check(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) (wechat.CodeInfo, error) {
	return t.book.CheckCode(ctx, id, card, code)
}

// Consume implements redemption.Cards.
func (t tillCards) Consume(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) error {
	account, err := t.book.hub.Account(ctx, string(id))
	if err != nil {
		return err
	}
	_, err = account.ConsumeCode(ctx, card, string(code))
	return err
}

// VoidCard implements campaigns.Voids.
func (g gateway) VoidCard(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode, reason string) error {
	account, err := g.hub.Account(ctx, string(id))
	if err != nil {
		return err
	}
	return account.VoidCode(ctx, card, string(code), reason)
}

// addRedeeming has the work that ends redemptions whose word from WeChat was lost.
func (a *App) addRedeeming(r *jobs.Runner) {
	const every = 5 * time.Second
	r.Add(jobs.Task{Name: "settle redemptions", Every: every, Limit: time.Minute, Run: func(ctx context.Context) error {
		n, err := a.Redemption.Settle(ctx)
		if n > 0 {
			a.log.Info("redemptions settled", "count", n)
		}
		return err
	}})
}
