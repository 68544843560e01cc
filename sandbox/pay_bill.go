package sandbox

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1" //nolint:gosec // the bill's hash is SHA-1
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// billReady is the time of day, in Beijing, from which the bill of the day before is there.
const billReady = 10 * time.Hour

const (
	billLife = 5 * time.Minute
	billHead = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
		"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	billTotals = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)

var (
	noBill      = &payNo{"20002", "NO_STATEMENT_EXIST", 268435464, "No Bill Exist", "there is no bill for this day"}
	noBillYet   = &payNo{"20007", "STATEMENT_CREATING", 268435464, "Bill Creating", "the bill comes after 10:00 of the next day"}
	noBillDay   = &payNo{"20003", "PARAM_ERROR", 268435461, "bill_date 不对", "bill_date is no day of the last three months"}
	billOldest  = 92 * 24 * time.Hour
	billOfKinds = []string{"", "ALL", "SUCCESS", "REFUND"}
)

// billRow is one trade: a payment, or a refund when it has one.
type billRow struct {
	at     time.Time
	order  *payOrder
	refund *payRefund
	amount int64
}

// fee is what WeChat keeps: 0.60 %, rounded to fen.
func (r *billRow) fee() int64 { return (r.amount*6 + 500) / 1000 }

// cells writes values with the back-tick before each. Commas and line ends would break
// the line, so that texts lose them.
func cells(values ...string) string {
	for i, v := range values {
		values[i] = "`" + strings.NewReplacer(",", " ", "\r", " ", "\n", " ", "`", " ").Replace(v)
	}
	return strings.Join(values, ",")
}

func (r *billRow) line(mchID string) string {
	o := r.order
	zero := "0.00"
	head := []string{r.at.In(beijing).Format(time.DateTime), o.appID, mchID, "0", "", o.transaction, o.no, o.openID, "JSAPI"}
	if r.refund == nil {
		return cells(append(head, stateSuccess, "OTHERS", "CNY", yuan(r.amount), zero, "0", "0", zero, zero, "", "", o.body, o.attach,
			yuan(r.fee())+"000", "0.60%", yuan(r.amount), zero, "")...)
	}
	return cells(append(head, stateRefund, "OTHERS", "CNY", zero, zero, r.refund.id, r.refund.no, yuan(r.amount), zero, "ORIGINAL", r.refund.status, o.body, o.attach,
		yuan(-r.fee())+"000", "0.60%", zero, yuan(r.amount), "")...)
}

// bill writes the trades of a day (B10): heading, rows, heading of the totals, totals.
// The mutex is held.
func (s *Server) bill(layout, date, kind, packing string) ([]byte, *payNo) {
	now := s.opt.Now()
	day, err := time.ParseInLocation(layout, date, beijing)
	switch {
	case err != nil || now.Sub(day) > billOldest:
		return nil, noBillDay
	case !slices.Contains(billOfKinds, kind):
		return nil, badParam("bill_type 不对", "unknown bill_type")
	case packing != "" && packing != "GZIP":
		return nil, badParam("tar_type 只能是 GZIP", "tar_type must be GZIP")
	case !s.pay.BillsAtOnce && now.Before(day.AddDate(0, 0, 1).Add(billReady)), now.Before(day):
		return nil, noBillYet
	}
	var rows []billRow
	today := func(at time.Time) bool { return !at.Before(day) && at.Before(day.AddDate(0, 0, 1)) }
	for _, o := range s.pay.orders {
		if !o.paid.IsZero() && today(o.paid) && kind != "REFUND" {
			rows = append(rows, billRow{o.paid, o, nil, o.total})
		}
		for _, r := range o.refunds {
			if r.status == refundSuccess && today(r.done) && kind != "SUCCESS" {
				rows = append(rows, billRow{r.done, o, r, r.amount})
			}
		}
	}
	if len(rows) == 0 {
		return nil, noBill
	}
	slices.SortStableFunc(rows, func(a, b billRow) int { return a.at.Compare(b.at) })
	if s.acts(payBillRowDropped) {
		s.note(LevelInfo, "pay", "开关起作用：账单少一行", "switch at work: the bill lacks a row", rows[0].order.no)
		rows = rows[1:]
	}
	if len(rows) > 0 && s.acts(payBillRowTampered) {
		s.note(LevelInfo, "pay", "开关起作用：账单有一行多 1 分", "switch at work: one row is a fen too high", rows[0].order.no)
		rows[0].amount++
	}
	var paid, back, fees int64
	lines := []string{billHead}
	for _, r := range rows {
		if r.refund == nil {
			paid, fees = paid+r.amount, fees+r.fee()
		} else {
			back, fees = back+r.amount, fees-r.fee()
		}
		lines = append(lines, r.line(s.pay.ID))
	}
	lines = append(lines, billTotals, cells(fmt.Sprint(len(rows)), yuan(paid), yuan(back), "0.00", yuan(fees)+"000", yuan(paid), yuan(back)))
	return []byte(strings.Join(lines, "\r\n") + "\r\n"), nil
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text)
	_ = w.Close()
	return b.Bytes()
}

// v2Bill is downloadbill: the file itself, or XML that says why not.
func (s *Server) v2Bill(c *v2call) *payNo {
	text, no := s.bill("20060102", c.in["bill_date"], c.in["bill_type"], c.in["tar_type"])
	if no != nil {
		return no
	}
	c.raw = append([]byte("\ufeff"), text...)
	if c.in["tar_type"] != "" {
		c.raw = gzipped(c.raw)
	}
	return nil
}

// v3Bill tells where a bill is and the SHA-1 of its text, which is that before packing.
func (s *Server) v3Bill(c *v3call) (any, *payNo) {
	q := c.URL.Query()
	text, no := s.bill(time.DateOnly, q.Get("bill_date"), q.Get("bill_type"), q.Get("tar_type"))
	if no != nil {
		return nil, no
	}
	sum, token := sha1.Sum(text), random(32, letters[:62]) //nolint:gosec // see the import
	if q.Get("tar_type") != "" {
		text = gzipped(text)
	}
	s.pay.bills.put(s.opt.Now(), token, text, s.opt.Now().Add(billLife))
	return map[string]any{
		"hash_type": "SHA1", "hash_value": hex.EncodeToString(sum[:]), "download_url": origin(c.Request) + "/v3/billdownload/file?token=" + token,
	}, nil
}

// v3Download gives the file out; the request is signed, the answer is not.
func (s *Server) v3Download(c *v3call) (any, *payNo) {
	text, ok := s.pay.bills.get(s.opt.Now(), c.URL.Query().Get("token"))
	if !ok {
		return nil, &payNo{"", "RESOURCE_NOT_EXISTS", 268512771, "账单下载地址已失效", "the download address has expired"}
	}
	c.file = text
	return nil, nil
}
