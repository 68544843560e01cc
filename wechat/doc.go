// Package wechat is the gateway to the WeChat platform: the HTTP client of an official
// account, the keeper of its token and tickets, web authorisation, signatures, card
// calls, pushed events and the table of error codes.
//
// It knows no campaign and imports nothing of ours; db implements its Store. A new
// platform call goes beside the calls of its area (oauth.go, card.go), a new error code
// into errcodes.go together with its sentence in i18n/locales/wechat.*.json.
package wechat
