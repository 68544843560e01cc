package web

import (
	"crypto/rand"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/people"
	"kaquan/wechat"
)

// pageConfig is what a page hands to wx.config, and the address that was signed.
type pageConfig struct {
	AppID     wechat.AppID `json:"appId"`
	Timestamp int64        `json:"timestamp"`
	NonceStr  string       `json:"nonceStr"`
	Signature string       `json:"signature"`
	URL       string       `json:"url"`
}

// config signs wx.config for a page of an allowed host.
func (a *api) config(c *fiber.Ctx, who *people.APIAccess) error {
	page, name, err := configQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return err
	}
	page, host, err := signable(page)
	if err != nil {
		return err
	}
	if host != people.HostOf(a.public) && !who.AllowsHost(host) {
		return a.refuse(c, who, fault.New(fault.Forbidden, "api.host", "host", oneLine(host, 100)), "host", host)
	}
	id, err := a.account(c, who, name)
	if err != nil {
		return err
	}
	account, err := a.WeChat.Account(c.UserContext(), id)
	if err != nil {
		return err
	}
	signed, err := account.SignPage(c.UserContext(), page)
	if err != nil {
		return wechatDown(err)
	}
	return sendJSON(c, fiber.StatusOK, &pageConfig{signed.AppID, signed.Timestamp, signed.NonceStr, signed.Signature, signed.URL})
}

var (
	errURLMissing = fault.New(fault.Invalid, "api.url_missing").On("url")
	errURLEncoded = fault.New(fault.Invalid, "api.url_encoded").On("url")
	errURLBad     = fault.New(fault.Invalid, "api.url_bad").On("url")
)

// configQuery takes the query apart by itself: url is decoded once and a plus stays a
// plus, for whoever forgot to encode it. A third parameter means that the address was not
// encoded at all and has been cut at its first ampersand.
func configQuery(query string) (page, account string, err error) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		switch {
		case err != nil:
			return "", "", errURLEncoded
		case name == "url" && page == "":
			page = value
		case name == "account" && account == "":
			account = value
		case pair != "":
			return "", "", errURLEncoded
		}
	}
	if page == "" {
		return "", "", errURLMissing
	}
	return page, account, nil
}

const maxPageURL = 4096

// signable is the address without its fragment, as it was given, and its host. What a
// browser could take for another host than we do is refused.
func signable(page string) (address, host string, err error) {
	page, _, _ = strings.Cut(page, "#")
	authority := page
	if i := strings.Index(page, "//"); i >= 0 {
		authority = page[i+2:]
	}
	if i := strings.IndexAny(authority, "/?"); i >= 0 {
		authority = authority[:i]
	}
	u, err := url.Parse(page)
	if err != nil || len(page) > maxPageURL || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(authority, `\@`) || strings.ContainsAny(page, " \u2028\u2029\ufffd") {
		return "", "", errURLBad
	}
	return page, people.HostOf(u), nil
}

// nonce is for programs that sign by themselves.
func (a *api) nonce(c *fiber.Ctx, _ *people.APIAccess) error {
	return sendJSON(c, fiber.StatusOK, &struct {
		NonceStr  string `json:"nonceStr"`
		Timestamp int64  `json:"timestamp"`
	}{rand.Text(), a.Now().Unix()})
}
