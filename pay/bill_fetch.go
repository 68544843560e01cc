package pay

import (
	"context"
	"crypto/sha1" //nolint:gosec // the protocol says SHA-1
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bill of v2 is the answer itself; a failure is XML, unsigned. There is no hash: that the
// totals are there shows that it is whole.
func (g *v2) Bill(ctx context.Context, r BillRequest) (*Bill, error) {
	r, err := r.clean(g.now())
	if err != nil {
		return nil, err
	}
	app, err := g.m.app(r.AppID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, billTimeout)
	defer cancel()
	body := g.seal(app, fields{"bill_date": r.Day.Format("20060102"), "bill_type": string(r.Kind), "tar_type": "GZIP"})
	a, err := g.post(ctx, g.http, "/pay/downloadbill", body, maxBill)
	if err != nil {
		return nil, err
	}
	if f, err := readXML(a.body, "xml"); err == nil {
		if f["return_msg"] == "No Bill Exist" && f["error_code"] == "" && f["err_code"] == "" {
			f["error_code"] = "NO_STATEMENT_EXIST"
		}
		return nil, refusedV2(a, f, "return_msg", nil)
	}
	if !a.ok() {
		return nil, a.problem("no success")
	}
	return readBill(a, "")
}

// Bill of v3 is fetched in two steps. The second answer has no signature; its hash is in the
// first one, which has (B10). Only the path of the address is taken: the request is signed,
// so it goes nowhere but to WeChat.
func (g *v3) Bill(ctx context.Context, r BillRequest) (*Bill, error) {
	r, err := r.clean(g.now())
	if err != nil {
		return nil, err
	}
	const path = "/v3/bill/tradebill"
	query := url.Values{"bill_date": {r.Day.Format(time.DateOnly)}, "bill_type": {string(r.Kind)}, "tar_type": {"GZIP"}}
	var out struct {
		Type string `json:"hash_type"`
		Hash string `json:"hash_value"`
		URL  string `json:"download_url"`
	}
	a, err := g.call(ctx, http.MethodGet, path+"?"+query.Encode(), path, nil, &out)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(out.URL)
	if err != nil || !strings.HasPrefix(u.EscapedPath(), "/") || !strings.EqualFold(out.Type, "SHA1") || len(out.Hash) != 40 {
		return nil, a.problem("the address or the hash of the bill is malformed")
	}
	ctx, cancel := context.WithTimeout(ctx, billTimeout)
	defer cancel()
	req, err := g.signed(http.MethodGet, u.RequestURI(), "")
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	a, err = g.send(ctx, g.http, req, u.EscapedPath(), maxBill)
	if err != nil {
		return nil, err
	}
	if !a.ok() {
		return nil, refusedV3(a)
	}
	return readBill(a, strings.ToLower(out.Hash))
}

// readBill unpacks, checks the hash of the unpacked bill unless it is "", and parses.
func readBill(a answer, hash string) (*Bill, error) {
	text, err := unzip(a.body)
	if err != nil {
		return nil, a.problem("the bill does not unpack")
	}
	if sum := sha1.Sum(text); hash != "" && hex.EncodeToString(sum[:]) != hash { //nolint:gosec // the protocol says SHA-1
		return nil, a.problem("the hash of the bill is wrong")
	}
	b, err := parseBill(text)
	if err != nil {
		return nil, a.problem("the bill is malformed or cut")
	}
	return b, nil
}
