package web

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/orders"
	"kaquan/pay"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// moneyTable are the pages about WeChat Pay, orders and refunds.
func (s *Server) moneyTable() []adminRoute {
	if s.Orders == nil {
		return nil
	}
	return []adminRoute{
		{get, "/admin/accounts/:id/pay", people.AccountWrite, s.handlePay},
		{post, "/admin/accounts/:id/pay", people.AccountWrite, s.handlePaySave},
		{post, "/admin/accounts/:id/pay/check", people.AccountWrite, s.handlePayCheck},

		{get, admin.OrdersPath, people.OrdersRead, s.handleOrders},
		{get, admin.OrdersPath + ".xlsx", people.OrdersRead, s.handleOrdersExport("xlsx")},
		{get, admin.OrdersPath + ".csv", people.OrdersRead, s.handleOrdersExport("csv")},
		{get, admin.OrdersPath + "/:id", people.OrdersRead, s.handleOrder},
		{post, admin.OrdersPath + "/:id/refund", people.OrdersRefund, s.handleRefundAsk},

		{get, admin.RefundsPath, people.OrdersRead, s.handleRefunds},
		{get, admin.RefundsPath + "/:id", people.OrdersRead, s.handleRefund},
		{post, admin.RefundsPath + "/:id/approve", people.OrdersApprove, s.handleRefundApprove},
		{post, admin.RefundsPath + "/:id/reject", people.OrdersApprove, s.handleRefundReject},
		{post, admin.RefundsPath + "/:id/retry", people.OrdersApprove, s.handleRefundRetry},

		{get, admin.FinancePath, people.OrdersRead, s.handleFinance},
		{post, admin.FinancePath + "/compare", people.OrdersApprove, s.handleCompare},
		{post, admin.FinancePath + "/differences/:id", people.OrdersApprove, s.handleDifferenceResolve},
	}
}

// merchantOf is the account of the path with its merchant; the zero one when it has none.
func (s *Server) merchantOf(c *fiber.Ctx) (campaigns.Account, orders.Merchant, error) {
	account, err := s.Accounts.Account(c.UserContext(), campaigns.AccountID(c.Params("id")))
	if err != nil {
		return account, orders.Merchant{}, err
	}
	m, err := s.Orders.Merchant(c.UserContext(), account.ID)
	if errors.Is(err, orders.ErrNoMerchant) {
		return account, orders.Merchant{}, nil
	}
	return account, m, err
}

// handlePay is the form of an account's merchant.
func (s *Server) handlePay(c *fiber.Ctx, who *signedIn) error {
	account, stored, err := s.merchantOf(c)
	if err != nil {
		return err
	}
	shown := stored
	if shown.ID == "" {
		shown.AppIDs = []string{string(account.Credentials.AppID)}
	}
	return s.payForm(c, who, http.StatusOK, account, stored, shown, nil)
}

// maxPEMFile bounds an uploaded key or certificate.
const maxPEMFile = 64 << 10

// pemOf is an uploaded file where there is one, else what was pasted.
func pemOf(c *fiber.Ctx, name string) string {
	file, err := c.FormFile(name + "_file")
	if err != nil || file.Size == 0 {
		return typed(c, name)
	}
	text, err := readPEM(file)
	if err != nil {
		return "unreadable" // the check says that it cannot be read
	}
	return text
}

func readPEM(file *multipart.FileHeader) (string, error) {
	f, err := file.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxPEMFile))
	return strings.TrimSpace(strings.ToValidUTF8(string(content), "")), err
}

func typedMerchant(c *fiber.Ctx, account campaigns.AccountID) orders.Merchant {
	apps := strings.FieldsFunc(typed(c, "app_ids"), func(r rune) bool { return strings.ContainsRune(" \t\n,;，；", r) })
	return orders.Merchant{Account: account, Merchant: pay.Merchant{
		ID: typed(c, "merchant_id"), AppIDs: apps, Version: pay.Version(c.FormValue("version")), SignType: pay.SignType(c.FormValue("sign_type")),
		BaseURL: typed(c, "base_url"), V2Key: typed(c, "v2_key"), V3Key: typed(c, "v3_key"),
		CertificatePEM: pemOf(c, "certificate"), PrivateKeyPEM: pemOf(c, "private_key"), PlatformCertificatesPEM: pemOf(c, "platform_certificates"),
		PublicKeyID: typed(c, "public_key_id"), PublicKeyPEM: pemOf(c, "public_key"),
	}}
}

// completed is typed with the keys that are stored where none was typed.
func completed(m, stored pay.Merchant) pay.Merchant {
	for _, key := range []struct{ to, from *string }{
		{&m.V2Key, &stored.V2Key},
		{&m.V3Key, &stored.V3Key},
		{&m.PrivateKeyPEM, &stored.PrivateKeyPEM},
		{&m.CertificatePEM, &stored.CertificatePEM},
	} {
		if *key.to == "" {
			*key.to = *key.from
		}
	}
	return m
}

// handlePaySave checks and stores what was typed. A key that was left empty stays.
func (s *Server) handlePaySave(c *fiber.Ctx, who *signedIn) error {
	account, stored, err := s.merchantOf(c)
	if err != nil {
		return err
	}
	ctx, m := c.UserContext(), typedMerchant(c, account.ID)
	messages := ui.Errors{}
	for _, f := range pay.ValidKeys(completed(m.Merchant, stored.Merchant), s.Now()) {
		if !f.OK() {
			messages.Add(string(f.Item), admin.PayProblem(ctx, string(f.Problem), ""))
		}
	}
	if len(messages) == 0 {
		err = s.Orders.SaveMerchant(ctx, who.actor(c), m)
		var wrong *pay.KeyError
		if errors.As(err, &wrong) {
			messages.Add(string(wrong.Finding.Item), admin.PayProblem(ctx, string(wrong.Finding.Problem), ""))
		} else if err != nil {
			return err
		}
	}
	if len(messages) > 0 {
		return s.payForm(c, who, http.StatusUnprocessableEntity, account, stored, m, &admin.PayForm{Errors: messages})
	}
	s.flash(c, "success", "pay.settings.done")
	return seeOther(c, admin.PayPath(account.ID))
}

// handlePayCheck examines the stored keys and calls WeChat Pay once.
func (s *Server) handlePayCheck(c *fiber.Ctx, who *signedIn) error {
	account, stored, err := s.merchantOf(c)
	if err != nil {
		return err
	}
	if stored.ID == "" {
		s.flash(c, "warning", "pay.settings.none")
		return seeOther(c, admin.PayPath(account.ID))
	}
	if !s.rechecks.allow("pay " + string(account.ID)) {
		return errTooMany
	}
	ctx := c.UserContext()
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "orders.merchant.check", "account", string(account.ID), map[string]any{"merchant": stored.ID}); err != nil {
		return err
	}
	findings, err := s.Orders.CheckMerchant(ctx, account.ID)
	if err != nil && !errors.Is(err, orders.ErrGateway) {
		return err
	}
	if err != nil { // keys that cannot even be read
		findings = pay.ValidKeys(stored.Merchant, s.Now())
	}
	m := &admin.PayForm{Checked: true}
	for _, f := range findings {
		line := admin.PayFinding{Item: string(f.Item), Problem: string(f.Problem), Serial: f.Serial, Until: f.ExpiresAt, OK: f.OK()}
		var refused *pay.Refused
		if errors.As(f.Err, &refused) {
			line.Code = refused.Code
		}
		if f.Err != nil {
			s.Log.Warn("merchant checked", "account", account.ID, "item", f.Item, "err", f.Err)
		}
		m.Findings = append(m.Findings, line)
	}
	return s.payForm(c, who, http.StatusOK, account, stored, stored, m)
}

// payForm shows typed; of keys it says only that stored has some. with carries messages or
// findings and may be nil.
func (s *Server) payForm(c *fiber.Ctx, who *signedIn, status int, account campaigns.Account, stored, typed orders.Merchant, with *admin.PayForm) error {
	m := with
	if m == nil {
		m = &admin.PayForm{}
	}
	m.Page = s.page(c, who, "account", "pay.settings.title", "name", account.Name)
	m.Account, m.AccountName, m.Known, m.Typed, m.Zone = account.ID, account.Name, stored.ID != "", typed, campaigns.Shanghai()
	m.Saved = savedKeys(stored.Merchant)
	for _, f := range pay.ValidKeys(stored.Merchant, s.Now()) {
		if f.Item == pay.ItemCertificate {
			m.Saved.CertUntil = f.ExpiresAt
		}
	}
	m.Notify, m.Directory = s.PublicURL+"/w/pay/"+string(account.ID)+"/notify", s.PublicURL+"/c/"
	if m.Known {
		counts, err := s.Orders.NoticeCounts(c.UserContext(), account.ID)
		if err != nil {
			return err
		}
		m.Notices = noticeLines(counts)
	}
	return render(c, status, admin.PayPage(m))
}

func savedKeys(m pay.Merchant) admin.PaySaved {
	return admin.PaySaved{V2Key: wechat.Mask(m.V2Key), V3Key: wechat.Mask(m.V3Key), PrivateKey: m.PrivateKeyPEM != "", Certificate: m.CertificatePEM != ""}
}

func noticeLines(counts map[string]int) []admin.PayNotices {
	var lines []admin.PayNotices
	for result, n := range counts {
		lines = append(lines, admin.PayNotices{Result: result, Count: n})
	}
	slices.SortFunc(lines, func(a, b admin.PayNotices) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Result, b.Result)
	})
	return lines
}

// lookAtPrice is what preflight knows about the merchant of a campaign with a price; nil
// for a free one.
func (s *Server) lookAtPrice(ctx context.Context, campaign *campaigns.Campaign) (*campaigns.PriceLook, error) {
	if campaign.Price.Fen == 0 || s.Orders == nil {
		return nil, nil
	}
	m, err := s.Orders.Merchant(ctx, campaign.Account)
	if errors.Is(err, orders.ErrNoMerchant) {
		return &campaigns.PriceLook{Amount: i18n.Money(campaign.Price.Fen)}, nil
	}
	if err != nil {
		return nil, err
	}
	look := &campaigns.PriceLook{Merchant: true, Amount: i18n.Money(campaign.Price.Fen)}
	for _, f := range pay.ValidKeys(m.Merchant, s.Now()) {
		switch {
		case !f.OK() && look.Trouble == "":
			look.Trouble = admin.PayItemProblem(ctx, string(f.Item), string(f.Problem))
		case f.Problem == pay.ProblemExpiresSoon:
			look.EndsSoon = true
		}
	}
	account, err := s.Accounts.Account(ctx, campaign.Account)
	look.Bound = slices.Contains(m.AppIDs, string(account.Credentials.AppID))
	return look, err
}
