package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kaquan/assets"
	"kaquan/campaigns"
	"kaquan/mini"
	"kaquan/people"
	"kaquan/reach"
	"kaquan/wechat"
)

type demoCommand struct{}

// demoLinkLife is how long the printed login link works.
const demoLinkLife = 12 * time.Hour

// Run starts the app and the WeChat sandbox side by side, as separate servers that talk
// HTTP to each other, with sample campaigns that are live. Data stays in the data folder.
func (demoCommand) Run(ctx context.Context, env *Env) error {
	if !assets.Built() {
		return errors.New(assets.Missing)
	}
	app, err := Open(ctx, env.Config, env.Version, env.Log)
	if err != nil {
		return err
	}
	if err := app.demoMayMoveIn(ctx); err != nil {
		return errors.Join(err, app.Close())
	}
	keys := newSandboxKeys()
	phone, err := openSandbox(env.Config.SandboxListen, sandboxOptions(keys, app.Public, string(demoSlug), env.Log))
	if err != nil {
		return errors.Join(err, app.Close())
	}
	link, err := app.seedDemo(ctx, phone.URL, keys)
	if err != nil {
		return errors.Join(err, phone.ln.Close(), app.Close())
	}
	folder, _ := filepath.Abs(env.Config.Data)
	_, err = fmt.Fprintf(env.Out, `
卡券 Kaquan 演示 demo

  手机 phone   %s/phone
  后台 admin   %s%s
  数据 data    %s

按 Ctrl+C 停止；再次运行会接着用同一份数据。Ctrl+C stops; the data stays.

`, phone.URL, app.Public, link, folder)
	if err != nil {
		return errors.Join(err, phone.ln.Close(), app.Close())
	}
	return runBoth(ctx, app, phone)
}

// runBoth runs app and sandbox until ctx ends or one of them fails.
func runBoth(ctx context.Context, app *App, phone *standIn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		both             sync.WaitGroup
		appErr, phoneErr error
	)
	both.Go(func() { defer cancel(); phoneErr = phone.serve(ctx) })
	both.Go(func() { defer cancel(); appErr = app.Run(ctx) })
	both.Go(func() {
		// As the console does when somebody saves the address there.
		if err := phone.CheckCallback(); err != nil && ctx.Err() == nil {
			app.log.Warn("the sandbox could not verify the push address", "err", err)
		}
	})
	both.Wait()
	return errors.Join(appErr, phoneErr, app.Close())
}

const (
	demoAccount campaigns.AccountID = "demo"
	demoSlug    campaigns.Slug      = "latte"
)

const demoLogin = "demo"

// errInhabited keeps the demo, which makes an owner and an account of its own, out of a
// folder that somebody works with.
var errInhabited = errors.New("this data folder is in use without the demo: name another one with --data, such as --data demo-data")

// demoMayMoveIn is errInhabited for a folder with people of whom none is the demo's.
func (a *App) demoMayMoveIn(ctx context.Context) error {
	all, err := a.People.List(ctx)
	if err != nil || len(all) == 0 || slices.ContainsFunc(all, func(p people.Person) bool { return p.Login == demoLogin }) {
		return err
	}
	return errInhabited
}

// seedDemo stores the sandbox's account, an owner and the sample campaigns where they
// are missing, and returns the path of a one-time login link.
func (a *App) seedDemo(ctx context.Context, sandboxURL string, keys sandboxKeys) (string, error) {
	actor := campaigns.Actor{Name: "demo"}
	err := a.Campaigns.SaveAccount(ctx, a.DB, actor, campaigns.Account{
		ID: demoAccount, Name: "示例咖啡",
		Credentials: wechat.Credentials{
			Account: string(demoAccount), AppID: sandboxAppID, Secret: keys.secret, PushToken: keys.push, AESKey: keys.aes, Mode: wechat.Stable,
			APIURL: sandboxURL, OpenURL: sandboxURL, JSURL: sandboxURL, Sandbox: true,
		},
	})
	if err != nil {
		return "", err
	}
	if err := a.Orders.SaveMerchant(ctx, actor, demoMerchant(keys.merchant, sandboxURL)); err != nil {
		return "", err
	}
	if err := a.Mini.SaveProgram(ctx, actor, mini.Program{Account: demoAccount, AppID: sandboxMiniAppID, Secret: keys.mini, APIURL: sandboxURL}); err != nil {
		return "", err
	}
	for _, draft := range demoCampaigns(time.Now()) {
		c, err := a.Campaigns.Create(ctx, actor, draft)
		if errors.Is(err, campaigns.ErrSlugTaken) {
			continue
		}
		if err == nil {
			err = a.Campaigns.Publish(ctx, actor, c.ID)
		}
		if err != nil {
			return "", err
		}
	}
	if err := a.seedRules(ctx); err != nil {
		return "", err
	}
	owner, err := a.DB.PersonByLogin(ctx, demoLogin)
	if err != nil {
		owner, err = a.People.CreatePerson(ctx, people.NewPerson{Login: demoLogin, Name: "演示管理员", Password: randomHex(16), Role: people.Owner})
		if err != nil {
			return "", err
		}
	}
	token, err := a.People.IssueLoginLink(ctx, owner.ID, demoLinkLife)
	return "/admin/login/link?token=" + token, err
}

// seedRules lets the sample account greet and answer, where it has no rules yet.
func (a *App) seedRules(ctx context.Context) error {
	rules, err := a.Reach.Rules(ctx, string(demoAccount))
	if err != nil || len(rules) > 0 {
		return err
	}
	latte, err := a.Campaigns.BySlug(ctx, demoSlug)
	if errors.Is(err, campaigns.ErrCampaignNotFound) { // renamed or archived since
		return nil
	}
	if err != nil {
		return err
	}
	for _, rule := range []reach.Rule{
		{Trigger: reach.OnFollow, Kind: reach.SayText, Text: "欢迎来到示例咖啡 ☕ 回复“拿铁”，领一张买一赠一。", Enabled: true},
		{Trigger: reach.OnKeyword, Words: []string{"拿铁", "latte"}, Contains: true, Kind: reach.SayCampaign, Campaign: int64(latte.ID), Channel: "chat", Enabled: true},
		{Trigger: reach.OnElse, Kind: reach.SayText, Text: "没太听懂。回复“拿铁”看看正在进行的活动。", Enabled: true},
	} {
		rule.Account = string(demoAccount)
		if _, err := a.Reach.SaveRule(ctx, rule); err != nil {
			return err
		}
	}
	return nil
}

// demoCampaigns are the samples: one of each issuer, one with the classic form, one with a
// price.
func demoCampaigns(now time.Time) []campaigns.Draft {
	zone := campaigns.Shanghai()
	start := now.Add(-time.Hour).UTC().Truncate(time.Minute)
	base := campaigns.Draft{
		Account: demoAccount, StartsAt: start, EndsAt: start.AddDate(0, 1, 0), ValidUntil: start.AddDate(0, 2, 0), Zone: zone,
		Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute,
	}
	latte := base
	latte.Slug, latte.Name, latte.Total = demoSlug, "冬日拿铁买一赠一", 2000
	latte.Issuer, latte.CardID = campaigns.WeChatCard, "pKaquanLatte00000000000001"
	latte.Form = campaigns.ClassicForm()
	latte.Texts = campaigns.Texts{
		Benefit: "冬日拿铁买一赠一", Brand: "示例咖啡", Intro: "两个人喝，一个人付。任意门店可用。", Purpose: "确认车主身份并联系你兑奖",
		Terms: "1. 每人限领 1 张，不可与其他优惠同享。\n2. 到店点单前出示卡券。\n3. 有效期内任意营业时间可用。", Contact: "门店电话 010-5555 0100", Colour: "#2c9f67", ShowStock: true,
	}
	latte.Share = campaigns.Share{Title: "送你一杯冬日拿铁", Desc: "买一杯，再送一杯"}

	cake := base
	cake.Slug, cake.Name, cake.Total = "cake", "提拉米苏兑换券", 100
	cake.Issuer = campaigns.OwnCode
	cake.Texts = campaigns.Texts{
		Benefit: "提拉米苏 1 份", Brand: "示例咖啡", Intro: "到店出示二维码即可兑换。", Terms: "每人限领 1 份，先到先得。",
		Contact: "门店电话 010-5555 0100", Colour: "#d09a45", ShowStock: true,
	}
	cake.Share = campaigns.Share{Title: "一份提拉米苏等你来", Desc: "先到先得"}

	set := base
	set.Slug, set.Name, set.Total = "afternoon", "下午茶双人套餐", 200
	set.Issuer = campaigns.OwnCode
	set.Limits.PerPerson = 5
	set.Price = campaigns.Price{Fen: 990, RefundDays: 7}
	set.Texts = campaigns.Texts{
		Benefit: "下午茶双人套餐", Brand: "示例咖啡", Intro: "两杯饮品加一份蛋糕，原价 ¥58。", Contact: "门店电话 010-5555 0100", Colour: "#b3541e", ShowStock: true,
		Terms: "1. 每份 ¥9.90，到店出示二维码使用，一次一份。\n2. 未使用可在付款后 7 天内自助退款，已使用不退。\n3. 每人限购 5 份。",
	}
	set.Share = campaigns.Share{Title: "¥9.90 的双人下午茶", Desc: "两杯饮品加一份蛋糕"}
	return []campaigns.Draft{latte, cake, set}
}
