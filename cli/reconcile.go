package cli

import (
	"context"
	"errors"
	"time"

	"kaquan/campaigns"
	"kaquan/jobs"
	"kaquan/wechat"
)

// cardBook lets the domain ask WeChat about cards through the hub.
type cardBook struct{ hub *wechat.Hub }

var _ campaigns.CardBook = cardBook{}

// UserCards implements campaigns.CardBook.
func (b cardBook) UserCards(ctx context.Context, id campaigns.AccountID, person wechat.OpenID, card wechat.CardID) ([]wechat.UserCard, error) {
	account, err := b.hub.Account(ctx, string(id))
	if err != nil {
		return nil, err
	}
	cards, _, err := account.UserCards(ctx, person, card)
	return cards, err
}

// OpenCode implements campaigns.CardBook.
func (b cardBook) OpenCode(ctx context.Context, id campaigns.AccountID, sealed string) (campaigns.CardCode, error) {
	account, err := b.hub.Account(ctx, string(id))
	if err != nil {
		return "", err
	}
	code, err := account.DecryptCode(ctx, sealed)
	return campaigns.CardCode(code), err
}

// CheckCode implements campaigns.CardBook. WeChat's own codes need no card.
func (b cardBook) CheckCode(ctx context.Context, id campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) (wechat.CodeInfo, error) {
	account, err := b.hub.Account(ctx, string(id))
	if err != nil {
		return wechat.CodeInfo{}, err
	}
	return account.CheckCode(ctx, wechat.CodeQuery{CardID: card, Code: string(code)})
}

// addReconciling has the work that keeps the ledger and the inbox in order.
func (a *App) addReconciling(r *jobs.Runner) {
	const every = 2 * time.Minute
	r.Add(jobs.Task{Name: "reconcile claims", Every: every, Limit: every - 10*time.Second, Run: func(ctx context.Context) error {
		run, err := a.reconciler.Run(ctx, campaigns.RunRecent)
		if errors.Is(err, campaigns.ErrReconciling) {
			return nil
		}
		if run.Repaired > 0 {
			a.log.Info("claims repaired", "count", run.Repaired)
		}
		return err
	}})
	r.Add(jobs.Task{Name: "reconcile the last days", Every: 10 * time.Minute, Limit: 4 * time.Hour, Run: a.reconciler.Nightly})
	r.Add(jobs.Task{Name: "forget old messages", Every: 12 * time.Hour, Limit: 10 * time.Minute, Run: a.Campaigns.TrimInbox})
}
