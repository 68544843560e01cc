package campaigns

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// TermsPart is a paragraph of the rules that visitors read: a translation key with its
// arguments. A time is an instant, to be shown in the campaign's zone; []LimitPart is the
// sentence of LimitsSentence.
type TermsPart struct {
	Key  string
	Args []any
}

// TermsDraft makes the rules of a campaign out of its settings, for staff to read and change:
// who, when, what, for whom, how, where, for how much, and what becomes of the data.
func TermsDraft(d *Draft) []TermsPart {
	var parts []TermsPart
	add := func(key string, args ...any) { parts = append(parts, TermsPart{"design.terms." + key, args}) }
	add("organiser", "brand", d.Texts.Brand)
	add("time", "from", d.StartsAt, "to", d.EndsAt)
	add("offer", "benefit", d.Texts.Benefit, "total", d.Total)
	if limits := slices.DeleteFunc(LimitsSentence(d), func(p LimitPart) bool { return p.Key == "editor.limits.total" }); len(limits) > 0 {
		add("limits", "limits", limits)
	}
	if d.Price.Fen > 0 {
		price := strings.TrimSuffix(strconv.FormatFloat(float64(d.Price.Fen)/100, 'f', 2, 64), ".00")
		if d.Price.RefundDays > 0 {
			add("price_refund", "price", price, "days", d.Price.RefundDays)
		} else {
			add("price", "price", price)
		}
	} else {
		add("free")
	}
	add("take_" + string(d.Issuer))
	if !d.Redeeming.From.IsZero() {
		add("use_from", "from", d.Redeeming.From)
	}
	if !d.ValidUntil.IsZero() {
		add("use_until", "until", d.ValidUntil)
	} else {
		add("use_within", "until", d.EndsAt)
	}
	if len(d.Redeeming.Places) > 0 {
		add("places_some")
	} else {
		add("places_all")
	}
	if len(d.Form) > 0 {
		add("data", "fields", formLabels(d.Form), "purpose", d.Texts.Purpose, "days", cmp.Or(d.Texts.RetentionDay, DefaultRetention))
	} else {
		add("data_none")
	}
	if d.Texts.Contact != "" {
		add("contact", "contact", d.Texts.Contact)
	}
	return parts
}

// TextLine is a line of a difference: both texts have it, or one of them.
type TextLine struct {
	Text       string
	Gone, Come bool
}

// DiffLines is the difference from a to b line by line, as short as it can be.
func DiffLines(a, b string) []TextLine {
	was, is := lines(a), lines(b)
	// common[i][j] is the length of the longest common part of what follows.
	common := make([][]int, len(was)+1)
	for i := range common {
		common[i] = make([]int, len(is)+1)
	}
	for i := len(was) - 1; i >= 0; i-- {
		for j := len(is) - 1; j >= 0; j-- {
			if was[i] == is[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var list []TextLine
	for i, j := 0, 0; i < len(was) || j < len(is); {
		switch {
		case i < len(was) && j < len(is) && was[i] == is[j]:
			list = append(list, TextLine{Text: was[i]})
			i, j = i+1, j+1
		case i < len(was) && (j == len(is) || common[i+1][j] >= common[i][j+1]):
			list = append(list, TextLine{Text: was[i], Gone: true})
			i++
		default:
			list = append(list, TextLine{Text: is[j], Come: true})
			j++
		}
	}
	return list
}

// maxDiffLines bounds the work; no terms of 4000 characters are read line by line beyond it.
const maxDiffLines = 500

func lines(text string) []string {
	if text == "" {
		return nil
	}
	list := strings.SplitN(text, "\n", maxDiffLines)
	return list
}
