package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"kaquan/campaigns"
	"kaquan/jobs"
	"kaquan/mini"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/sandbox"
	"kaquan/wechat"
)

// shipping reports deliveries with the token of the account's mini program.
type shipping struct{ hub *wechat.Hub }

var _ orders.Shipping = shipping{}

// UploadShipping implements orders.Shipping.
func (s shipping) UploadShipping(ctx context.Context, id campaigns.AccountID, o orders.Order, at time.Time) error {
	program, err := s.hub.Account(ctx, mini.HubID(id))
	if err != nil {
		return err
	}
	return program.UploadShipping(ctx, wechat.Shipping{MerchantID: o.MerchantID, OutTradeNo: o.Number, Item: o.Description, Payer: o.OpenID, At: at})
}

// newOrders makes the money side of paid cards.
func (a *App) newOrders() *orders.Service {
	return orders.New(orders.Options{
		Store: a.DB, Shipping: shipping{a.WeChat}, Meter: a.meter, PublicURL: a.Public, PayURL: a.cfg.PayURL, Log: a.log,
	})
}

// addPaying has the work that finds out what became of payments and refunds.
func (a *App) addPaying(r *jobs.Runner) {
	r.Add(jobs.Task{Name: "settle orders", Every: 5 * time.Second, Limit: 2 * time.Minute, Run: func(ctx context.Context) error {
		n, err := a.Orders.Sweep(ctx)
		if n > 0 {
			a.log.Debug("orders looked at", "count", n)
		}
		return err
	}})
	r.Add(jobs.Task{Name: "report deliveries", Every: time.Minute, Limit: 2 * time.Minute, Run: func(ctx context.Context) error {
		n, err := a.Orders.Ship(ctx)
		if n > 0 {
			a.log.Info("deliveries reported", "count", n)
		}
		return err
	}})
	r.Add(jobs.Task{Name: "compare bills", Every: 30 * time.Minute, Limit: 20 * time.Minute, Run: a.Orders.Nightly})
	r.Add(jobs.Task{Name: "forget old payment notifications", Every: 24 * time.Hour, Run: a.Orders.TrimNotices})
}

// printMoney says how the money of an account with a merchant adds up, and whether it does.
func printMoney(ctx context.Context, w io.Writer, service *orders.Service, account campaigns.AccountID) (holds bool, err error) {
	m, err := service.CheckMoney(ctx, account)
	if err != nil {
		return false, err
	}
	verdict := "✓"
	if !m.Holds() {
		verdict = "✗"
	}
	_, err = fmt.Fprintf(w, "%-40s paid %s = kept %s + returning %s + returned %s  %s\n", account, yuan(m.PaidFen), yuan(m.KeptFen), yuan(m.ReturningFen), yuan(m.ReturnedFen), verdict)
	if err == nil && m.WithoutCard > 0 {
		_, err = fmt.Fprintf(w, "  %d paid orders have neither a card nor a refund\n", m.WithoutCard)
	}
	if err == nil && m.WithoutPay > 0 {
		_, err = fmt.Fprintf(w, "  %d cards with a price were never paid\n", m.WithoutPay)
	}
	return m.Holds(), err
}

func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// demoMerchant is the sample account's: the one that the sandbox plays.
func demoMerchant(m sandbox.Merchant, url string) orders.Merchant {
	return orders.Merchant{Account: demoAccount, Merchant: pay.Merchant{
		ID: m.ID, AppIDs: m.AppIDs, Version: pay.V3, BaseURL: url, V2Key: m.V2Key, V3Key: m.V3Key, CertificatePEM: m.Certificate, PrivateKeyPEM: m.PrivateKey,
		PlatformCertificatesPEM: m.PlatformCertificate, PublicKeyID: m.WechatKeyID, PublicKeyPEM: m.WechatPublicKey,
	}}
}

// newDemoMerchant makes one with fresh keys; bills of the running day are there at once, so
// that a comparison can be tried.
func newDemoMerchant() sandbox.Merchant {
	m := sandbox.NewMerchant("示例咖啡", sandboxAppID, sandboxMiniAppID)
	m.BillsAtOnce = true
	return m
}
