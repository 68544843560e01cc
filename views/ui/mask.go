package ui

import (
	"strings"
	"unicode"

	"kaquan/campaigns"
)

// MaskPhone keeps the first three and the last four digits: 138****1234.
func MaskPhone(s string) string {
	if len(s) < 8 {
		return MaskText(s)
	}
	return s[:3] + "****" + s[len(s)-4:]
}

// MaskPlate keeps the place and the last digit: 京A****8.
func MaskPlate(s string) string {
	r := []rune(s)
	if len(r) < 4 {
		return MaskText(s)
	}
	return string(r[:2]) + "****" + string(r[len(r)-1:])
}

// MaskText keeps the first character: 王**. A lone character goes too, and marks that
// belong to the first one (as in emoji) stay with it.
func MaskText(s string) string {
	r := []rune(strings.TrimSpace(s))
	if len(r) < 2 {
		return strings.Repeat("*", len(r))
	}
	end := 1
	for end < len(r) && (unicode.Is(unicode.M, r[end]) || r[end] == 0xfe0f) {
		end++
	}
	return string(r[:end]) + "**"
}

// MaskID keeps the first three and the last four places: 110***********1234.
func MaskID(s string) string {
	if len(s) != 18 {
		return MaskText(s)
	}
	return s[:3] + "***********" + s[14:]
}

// Mask hides an answer by the kind of its question. Choices are not personal.
func Mask(kind campaigns.FieldKind, answer string) string {
	switch kind {
	case campaigns.IDField:
		return MaskID(answer)
	case campaigns.MobileField:
		return MaskPhone(answer)
	case campaigns.PlateField:
		return MaskPlate(answer)
	case campaigns.ChoiceField, campaigns.MultiField, campaigns.RegionField, campaigns.ConsentField:
		return campaigns.AnswerText(kind, answer)
	}
	return MaskText(answer)
}

// PersonName is how a table calls a visitor: the masked nickname, or 微信用户 for the many
// who have none, and a short alias that never changes.
func PersonName(nickname string, id campaigns.VisitorID) string {
	v := campaigns.Visitor{ID: id}
	if nickname == "" || nickname == anonymous {
		return anonymous + "·" + v.Alias()
	}
	return MaskText(nickname) + "·" + v.Alias()
}

// anonymous is the nickname that WeChat gives those who show none; it is not translated
// because it is the visitor's name.
const anonymous = "微信用户"

// ShortOpenID is enough of an openid to tell two people apart.
func ShortOpenID(openid string) string {
	if len(openid) < 12 {
		return openid
	}
	return openid[:6] + "…" + openid[len(openid)-4:]
}
