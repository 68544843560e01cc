package pay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// BillKind chooses what a trade bill lists.
type BillKind string

// The kinds.
const (
	BillAll     BillKind = "ALL"     // payments and refunds
	BillPaid    BillKind = "SUCCESS" // payments
	BillRefunds BillKind = "REFUND"  // refunds
)

// BillRequest asks for the bill of a day.
type BillRequest struct {
	AppID string    // v2 only; "": the first of the merchant
	Day   time.Time // its date in Beijing counts
	Kind  BillKind  // "": BillAll
}

func (r BillRequest) clean(now time.Time) (BillRequest, error) {
	if r.Kind == "" {
		r.Kind = BillAll
	}
	r.Day = r.Day.In(beijing)
	switch {
	case r.Kind != BillAll && r.Kind != BillPaid && r.Kind != BillRefunds:
		return r, &InputError{"bill_type", "unknown"}
	case r.Day.Format(time.DateOnly) >= now.In(beijing).Format(time.DateOnly):
		return r, &InputError{"bill_date", "the day is not over"}
	}
	return r, nil
}

// BillRow is one payment or refund. A column that the bill does not have is empty.
type BillRow struct {
	At             time.Time // UTC
	AppID          string
	MerchantID     string
	TransactionID  string
	OutTradeNo     string
	OpenID         string
	TradeType      string
	State          State // Paid, Refunded, Revoked
	Bank           string
	Currency       string
	SettledFen     int64 // of the order, less free coupons
	CouponFen      int64
	OrderFen       int64
	RefundID       string
	OutRefundNo    string
	RefundFen      int64
	RefundAskedFen int64
	RefundState    string
	Goods          string
	Attach         string
	FeeMilliFen    int64 // 1/1000 fen: fees have up to five decimals; negative when given back
}

// Format prints the number, never the payer.
func (r BillRow) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "row %s %s of %d fen", r.OutTradeNo, r.State, r.OrderFen)
}

// BillTotals is the last line of a bill.
type BillTotals struct {
	Count          int64
	SettledFen     int64
	RefundFen      int64
	CouponFen      int64 // given back
	FeeMilliFen    int64
	OrderFen       int64
	RefundAskedFen int64
}

// Bill is a whole bill, in memory, with its hash checked where the protocol has one.
type Bill struct {
	// Totals as the bill itself says.
	Totals  BillTotals
	columns map[string]int
	lines   []byte
}

// maxBill bounds a bill after decompression: some 200,000 rows.
const maxBill = 64 << 20

var errBill = errors.New("pay: the bill is malformed or cut")

// Rows reads the rows in the order of the bill. It ends after the first error.
func (b *Bill) Rows() iter.Seq2[BillRow, error] {
	return func(yield func(BillRow, error) bool) {
		for line := range bytes.Lines(b.lines) {
			cells, ok := billCells(string(line))
			if !ok || len(cells) != len(b.columns) {
				yield(BillRow{}, errBill)
				return
			}
			row, err := b.row(cells)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (b *Bill) row(cells []string) (BillRow, error) {
	bad := false
	text := func(name string) string {
		if i, ok := b.columns[name]; ok {
			return cells[i]
		}
		return ""
	}
	fen := func(name string) int64 {
		n, ok := yuan(text(name), 2)
		bad = bad || !ok
		return n
	}
	fee, ok := yuan(text("手续费"), 5)
	r := BillRow{
		At: beijingTime(v2LongTime, text("交易时间")), AppID: text("公众账号ID"), MerchantID: text("商户号"),
		TransactionID: text("微信订单号"), OutTradeNo: text("商户订单号"), OpenID: text("用户标识"), TradeType: text("交易类型"),
		State: State(text("交易状态")), Bank: text("付款银行"), Currency: text("货币种类"), SettledFen: fen("应结订单金额"),
		CouponFen: fen("代金券金额"), OrderFen: fen("订单金额"), RefundID: text("微信退款单号"), OutRefundNo: text("商户退款单号"),
		RefundFen: fen("退款金额"), RefundAskedFen: fen("申请退款金额"), RefundState: text("退款状态"), Goods: text("商品名称"),
		Attach: text("商户数据包"), FeeMilliFen: fee,
	}
	if bad || !ok || r.At.IsZero() || r.OutTradeNo == "" {
		return BillRow{}, errBill
	}
	return r, nil
}

// parseBill splits a bill: names of columns, rows, names of totals, totals.
func parseBill(raw []byte) (*Bill, error) {
	raw = bytes.TrimRight(bytes.TrimPrefix(raw, []byte("\ufeff")), "\r\n")
	head, rest, ok := bytes.Cut(raw, []byte("\n"))
	if !ok {
		return nil, errBill
	}
	b := &Bill{columns: billNames(string(head))}
	if _, ok := b.columns["商户订单号"]; !ok {
		return nil, errBill
	}
	last := bytes.LastIndexByte(rest, '\n')
	if last < 0 {
		return nil, errBill
	}
	totals, before := rest[last+1:], rest[:last]
	b.lines = nil
	names := before
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		b.lines, names = before[:i+1], before[i+1:]
	}
	columns := billNames(string(names))
	cells, ok := billCells(string(totals))
	if !ok || len(cells) != len(columns) {
		return nil, errBill
	}
	sum := func(decimals int, names ...string) int64 {
		for _, name := range names {
			if i, found := columns[name]; found {
				n, fine := yuan(cells[i], decimals)
				ok = ok && fine
				return n
			}
		}
		return 0
	}
	if _, found := columns["总交易单数"]; !found {
		return nil, errBill
	}
	b.Totals = BillTotals{
		Count: sum(0, "总交易单数"), SettledFen: sum(2, "应结订单总金额", "总交易额"), RefundFen: sum(2, "退款总金额", "总退款金额"),
		CouponFen: sum(2, "充值券退款总金额"), FeeMilliFen: sum(5, "手续费总金额"), OrderFen: sum(2, "订单总金额"),
		RefundAskedFen: sum(2, "申请退款总金额"),
	}
	if !ok {
		return nil, errBill
	}
	return b, nil
}

func billNames(line string) map[string]int {
	out := map[string]int{}
	for i, name := range strings.Split(strings.TrimRight(line, "\r\n"), ",") {
		out[strings.TrimSpace(strings.TrimPrefix(name, "`"))] = i
	}
	return out
}

// billCells splits at a comma with a back-tick: a value may hold commas.
func billCells(line string) ([]string, bool) {
	line, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "`")
	return strings.Split(line, ",`"), ok
}

// yuan reads a decimal as a whole number of its last place; "" is 0. More decimals than
// asked for must be zeros.
func yuan(text string, decimals int) (int64, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, true
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, part, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 12 || len(part) > 8 {
		return 0, false
	}
	if len(part) > decimals {
		if strings.Trim(part[decimals:], "0") != "" {
			return 0, false
		}
		part = part[:decimals]
	}
	var n int64
	for _, c := range whole + part + strings.Repeat("0", decimals-len(part)) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// unzip opens a packed bill and leaves a plain one. Both are bounded.
func unzip(raw []byte) ([]byte, error) {
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, errBill
	}
	out, err := io.ReadAll(io.LimitReader(z, maxBill+1))
	if err != nil || len(out) > maxBill {
		return nil, errBill
	}
	return out, nil
}
