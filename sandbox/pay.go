package sandbox

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// How a merchant verifies what WeChat Pay signs (pay protocol B2).
const (
	VerifyBoth        = "both"        // a merchant that changes over
	VerifyPublicKey   = "public_key"  // opened since autumn 2024: no platform certificates
	VerifyCertificate = "certificate" // an old merchant
)

// Merchant is a merchant of WeChat Pay, with both halves of every key: ours, for whoever
// configures an account, and WeChat's. NewMerchant makes a complete one.
type Merchant struct {
	ID, Name string   // mch_id, and what the pay sheet shows
	AppIDs   []string // that are bound to it; default: the account's and the mini program's
	V2Key    string   // APIv2 key, 32 characters
	V3Key    string   // APIv3 key, 32 bytes

	// The API certificate. PrivateKey is the merchant's own half, which the sandbox never
	// uses. Without a certificate, PublicKey and Serial take its place.
	Serial, Certificate, PublicKey, PrivateKey string

	// WeChat Pay's own keys in PEM; those that are missing are made at the start.
	PlatformKey, PlatformCertificate string
	WechatKey                        string // private half of the WeChat Pay public key
	WechatPublicKey, WechatKeyID     string // what the console shows: PEM and PUB_KEY_ID_…

	Verify string // VerifyBoth when empty

	// RequireClientCert asks for the API certificate at /secapi/. It works only where the
	// sandbox is served by TLS with a tls.Config whose ClientAuth is tls.RequestClientCert;
	// over plain HTTP every refund is refused then.
	RequireClientCert bool
	// Directories are the JSAPI payment directories (A1), as address prefixes; default: the
	// JS-SDK safe domains.
	Directories []string
	// Retries are the waits before a notification is sent again; default 2, 3, 5, 10 and 20 s.
	Retries []time.Duration
	// Late is the wait of the switches about being late; default 10 s.
	Late time.Duration
	// BillsAtOnce gives out the bill of a day that is not over.
	BillsAtOnce bool
}

// NewMerchant makes a merchant with fresh keys and certificates, bound to the apps. It
// takes some tenths of a second: RSA keys are made.
func NewMerchant(name string, appIDs ...string) Merchant {
	m := Merchant{
		ID: "19" + random(8, digits), Name: name, AppIDs: appIDs, V2Key: random(32, letters[:62]), V3Key: random(32, letters[:62]),
	}
	key := newRSA()
	der, serial := certify(key, m.ID)
	m.Serial, m.Certificate, m.PrivateKey, m.PublicKey = serial, pemText("CERTIFICATE", der), privatePEM(key), publicPEM(&key.PublicKey)
	m.complete()
	return m
}

// complete makes those of WeChat's keys that are missing.
func (m *Merchant) complete() {
	if m.PlatformKey == "" {
		key := newRSA()
		der, _ := certify(key, "Tenpay.com sandbox")
		m.PlatformKey, m.PlatformCertificate = privatePEM(key), pemText("CERTIFICATE", der)
	}
	if m.WechatKey == "" {
		key := newRSA()
		m.WechatKey, m.WechatPublicKey = privatePEM(key), publicPEM(&key.PublicKey)
		m.WechatKeyID = "PUB_KEY_ID_0" + m.ID + random(24, digits)
	}
}

// desk is the merchant's account at WeChat Pay. The mutex of the server guards it.
type desk struct {
	Merchant
	merchantKey *rsa.PublicKey
	certificate *x509.Certificate // of the merchant; nil when only its key is known
	wechat      payKey
	platform    payKey
	rotated     *payKey // the platform certificate after a rotation
	orders      []*payOrder
	sheets      shelf[*paySheet]
	bills       shelf[[]byte]
	faults      map[string][]string // codes that the next calls are refused with
}

func openDesk(m Merchant, o *Options) (*desk, error) {
	d := &desk{sheets: newShelf[*paySheet](500), bills: newShelf[[]byte](20), faults: map[string][]string{}}
	if m.ID == "" || strings.Trim(m.ID, digits) != "" {
		return nil, errors.New("the mch_id must be digits")
	}
	if len(m.V2Key) != 32 || len(m.V3Key) != 32 {
		return nil, errors.New("the API keys must have 32 characters")
	}
	if len(m.AppIDs) == 0 {
		m.AppIDs = []string{o.AppID}
		if o.Mini.AppID != "" {
			m.AppIDs = append(m.AppIDs, o.Mini.AppID)
		}
	}
	if m.Name == "" {
		m.Name = o.AccountName
	}
	if m.Verify == "" {
		m.Verify = VerifyBoth
	}
	if m.Retries == nil {
		m.Retries = []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second}
	}
	if m.Late <= 0 {
		m.Late = 10 * time.Second
	}
	m.complete()
	var err error
	if m.Certificate != "" {
		if d.certificate, d.merchantKey, err = readCertificate(m.Certificate); err == nil {
			m.Serial = serialOf(d.certificate)
		}
	} else {
		d.merchantKey, err = readPublic(m.PublicKey)
	}
	if err != nil {
		return nil, fmt.Errorf("the merchant's certificate: %w", err)
	}
	cert, _, err := readCertificate(m.PlatformCertificate)
	if err != nil {
		return nil, fmt.Errorf("the platform certificate: %w", err)
	}
	d.platform = payKey{serial: serialOf(cert), cert: cert.Raw, until: cert.NotAfter}
	if d.platform.key, err = readPrivate(m.PlatformKey); err != nil {
		return nil, fmt.Errorf("the platform key: %w", err)
	}
	d.wechat.serial = m.WechatKeyID
	if d.wechat.key, err = readPrivate(m.WechatKey); err != nil {
		return nil, fmt.Errorf("the WeChat Pay key: %w", err)
	}
	d.Merchant = m
	return d, nil
}

// Merchant is the merchant with all that New filled in; empty when there is none.
func (s *Server) Merchant() Merchant {
	if s.pay == nil {
		return Merchant{}
	}
	return s.pay.Merchant
}

// openPay sets the desk up; a merchant that cannot be used is written to the log, and
// there is no WeChat Pay then.
func (s *Server) openPay(m *Merchant) {
	if m == nil {
		return
	}
	d, err := openDesk(*m, &s.opt)
	if err != nil {
		s.note(LevelRefused, "pay", "商户资料不能用，微信支付没有开通", "the merchant cannot be used, there is no WeChat Pay", err.Error())
		return
	}
	s.pay = d
	v2 := func(path, op string, h func(*v2call) *payNo) { s.mux.HandleFunc(path, s.payV2(op, h)) }
	v2("/pay/unifiedorder", opOrder, s.v2Order)
	v2("/pay/orderquery", opQuery, s.v2Query)
	v2("/pay/closeorder", opClose, s.v2Close)
	v2("/secapi/pay/refund", opRefund, s.v2Refund)
	v2("/pay/refundquery", opRefundQuery, s.v2RefundQuery)
	v2("/pay/downloadbill", opBill, s.v2Bill)
	v3 := func(path, op string, h func(*v3call) (any, *payNo)) { s.mux.HandleFunc(path, s.payV3(op, h)) }
	v3("POST /v3/pay/transactions/jsapi", opOrder, s.v3Order)
	v3("GET /v3/pay/transactions/out-trade-no/{no}", opQuery, s.v3Query)
	v3("GET /v3/pay/transactions/id/{id}", opQuery, s.v3Query)
	v3("POST /v3/pay/transactions/out-trade-no/{no}/close", opClose, s.v3Close)
	v3("POST /v3/refund/domestic/refunds", opRefund, s.v3Refund)
	v3("GET /v3/refund/domestic/refunds/{no}", opRefundQuery, s.v3RefundQuery)
	v3("GET /v3/certificates", opCertificates, s.v3Certificates)
	v3("POST /v3/security/echo", opEcho, s.v3Echo)
	v3("GET /v3/bill/tradebill", opBill, s.v3Bill)
	v3("GET /v3/billdownload/file", opDownload, s.v3Download)
	s.mux.HandleFunc("/bridge/pay", s.cross(s.answerPay))
	s.mux.HandleFunc("POST /phone/pay", s.phonePay)
}

// Calls of both versions, as FailPay names them.
const (
	opOrder        = "order"
	opQuery        = "query"
	opClose        = "close"
	opRefund       = "refund"
	opRefundQuery  = "refundquery"
	opBill         = "bill"
	opDownload     = "download"
	opCertificates = "certificates"
	opEcho         = "echo"
)

// FailPay makes the next call of a kind (order, query, close, refund, refundquery, bill,
// download, certificates, echo) be refused with a code of A8 or B9, after its signature was
// found right. Codes add up: each is used once.
func (s *Server) FailPay(call, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pay == nil {
		return errNoMerchant
	}
	if !slices.Contains([]string{opOrder, opQuery, opClose, opRefund, opRefundQuery, opBill, opDownload, opCertificates, opEcho}, call) {
		return fmt.Errorf("sandbox: no call is named %q", call)
	}
	s.pay.faults[call] = append(s.pay.faults[call], code)
	return nil
}

// fault takes the code that a call is refused with; the mutex is held.
func (d *desk) fault(op string) string {
	if len(d.faults[op]) == 0 {
		return ""
	}
	code := d.faults[op][0]
	d.faults[op] = d.faults[op][1:]
	return code
}

var errNoMerchant = errors.New("sandbox: no merchant is set")

// payNo is a refusal in the words of both versions: the code of A8, the code of B9 with
// the number at the end of its Request-ID, and why, for people.
type payNo struct {
	v2, v3 string
	number int
	zh, en string
}

func badParam(zh, en string) *payNo {
	return &payNo{"PARAM_ERROR", "PARAM_ERROR", 268435461, zh, en}
}

func lacks(field string) *payNo {
	return &payNo{"LACK_PARAMS", "PARAM_ERROR", 268435461, "缺少参数 " + field, field + " is missing"}
}

var (
	noOrder    = &payNo{"ORDERNOTEXIST", "ORDER_NOT_EXIST", 268512771, "订单不存在", "there is no such order"}
	noRefund   = &payNo{"REFUNDNOTEXIST", "RESOURCE_NOT_EXISTS", 268512771, "退款单不存在", "there is no such refund"}
	noRefunded = &payNo{"ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", 268512771, "订单不存在", "the order to refund does not exist"}
	noPaid     = &payNo{"ORDERPAID", "OUT_TRADE_NO_USED", 268498689, "该订单已支付", "the order is paid"}
	noClosed   = &payNo{"ORDERCLOSED", "TRADE_ERROR", 268447914, "该订单已关闭", "the order is closed"}
	noReentry  = &payNo{"INVALID_REQUEST", "INVALID_REQUEST", 268498688, "201 商户订单号重复：参数与上次不同", "the order number was sent before with other parameters"}
	noUsed     = &payNo{"OUT_TRADE_NO_USED", "OUT_TRADE_NO_USED", 268498688, "商户订单号已被另一版接口使用", "the order number was used through the other version of the API"}
	noMatch    = &payNo{"APPID_MCHID_NOT_MATCH", "APPID_MCHID_NOT_MATCH", 268445527, "appid 和 mch_id 不匹配", "the app is not bound to the merchant"}
	noPayer    = &payNo{"PARAM_ERROR", "PARAM_ERROR", 268435461, "openid 不属于这个 appid", "the openid is nobody's in this app"}
	noBalance  = &payNo{"NOTENOUGH", "TRADE_ERROR", 268435464, "商户余额不足", "the merchant's balance is too low"}
	tooOften   = &payNo{"FREQUENCY_LIMITED", "FREQUENCY_LIMITED", 268447840, "同一订单的部分退款须间隔 1 分钟", "partial refunds of one order must be a minute apart"}
)

var (
	orderNumber  = regexp.MustCompile(`^[0-9A-Za-z_\-|*]{6,32}$`)
	refundNumber = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`)
	appPattern   = regexp.MustCompile(`^wx[0-9a-z]{16}$`)
)

// beijing is the time zone of every date that WeChat Pay writes.
var beijing = time.FixedZone("CST", 8*60*60)

// boundApp checks the pair of app and merchant.
func (s *Server) boundApp(appID string) *payNo {
	switch {
	case appID == "":
		return lacks("appid")
	case slices.Contains(s.pay.AppIDs, appID):
		return nil
	case !appPattern.MatchString(appID):
		return &payNo{"APPID_NOT_EXIST", "PARAM_ERROR", 268435461, "appid 不存在", "there is no such app"}
	}
	return noMatch
}

// payer is the person whom an openid stands for in an app; nil when it is nobody's.
func (s *Server) payer(appID, openID string) *persona {
	for _, p := range s.people {
		if appID == s.opt.AppID && openID == p.openID || s.isMini(appID) && openID == s.miniOpenID(p) {
			return p
		}
	}
	return nil
}

// notifyAddress checks a notify_url: absolute, without a query, by HTTPS unless it lies on
// this machine or in its network.
func notifyAddress(text string, limit int) *payNo {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return lacks("notify_url")
	case err != nil || len(text) > limit || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return badParam("notify_url 不是正确的地址", "notify_url is no address")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return badParam("notify_url 不能带参数", "notify_url may have no query")
	case u.Scheme == "http" && !nearby(u.Hostname()):
		return badParam("notify_url 必须是 https", "notify_url must be HTTPS")
	}
	return nil
}

func nearby(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}

func isIP(text string) bool { _, err := netip.ParseAddr(text); return err == nil }

// yuan writes fen for people and for bills.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}
