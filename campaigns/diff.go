package campaigns

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Change is a field that differs between two drafts. Field is its name in the editor; for
// the parts with files of their own it is the path of their JSON, joined by "_". Values are
// text: times in the campaign's zone, true or false, lists a line each, the questions of the
// form as JSON. What the program has names for, settings and things alike, is still its id.
type Change struct{ Field, Before, After string }

// hidden stands for a secret in a change.
const hidden = "•••"

// Diff lists what differs from a to b, in the order of the editor.
func Diff(a, b Draft) []Change {
	var list []Change
	was, is := a.fields(), b.fields()
	seen := map[string]bool{}
	for _, f := range slices.Concat(is, was) {
		if seen[f.name] {
			continue
		}
		seen[f.name] = true
		before, after := valueOf(was, f.name), valueOf(is, f.name)
		if before == after {
			continue
		}
		if secret(f.name) {
			before, after = hidden, hidden
		}
		list = append(list, Change{f.name, before, after})
	}
	return list
}

type namedValue struct{ name, value string }

func valueOf(list []namedValue, name string) string {
	for _, f := range list {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

func secret(name string) bool {
	return slices.ContainsFunc([]string{"secret", "token", "password", "invitation_code"}, func(part string) bool { return strings.Contains(name, part) })
}

// fields are a draft's fields in words.
func (d *Draft) fields() []namedValue {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		if d.Zone != nil {
			t = t.In(d.Zone)
		}
		return t.Format("2006-01-02 15:04")
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	zone := ""
	if d.Zone != nil {
		zone = d.Zone.String()
	}
	list := []namedValue{
		{"name", d.Name},
		{"benefit", d.Texts.Benefit},
		{"brand", d.Texts.Brand},
		{"account", string(d.Account)},
		{"slug", string(d.Slug)},
		{"issuer", string(d.Issuer)},
		{"card_id", string(d.CardID)},
		{"starts_at", moment(d.StartsAt)},
		{"ends_at", moment(d.EndsAt)},
		{"valid_until", moment(d.ValidUntil)},
		{"zone", zone},
		{"total", number(d.Total)},
		{"hold", number(int64(d.Hold / time.Second))},
		{"per_person", number(int64(d.Limits.PerPerson))},
		{"per_day", number(int64(d.Limits.PerDay))},
		{"form", d.Form.lines()},
		{"purpose", d.Texts.Purpose},
		{"retention", number(int64(d.Texts.RetentionDay))},
		{"intro", d.Texts.Intro},
		{"colour", d.Texts.Colour},
		{"show_stock", strconv.FormatBool(d.Texts.ShowStock)},
		{"share_title", d.Share.Title},
		{"share_desc", d.Share.Desc},
		{"share_image", d.Share.Image},
		{"terms", d.Texts.Terms},
		{"contact", d.Texts.Contact},
	}
	for _, part := range []any{d.Rules, d.Design, d.Redeeming, d.Notices, d.Price} {
		list = append(list, leaves(part)...)
	}
	for i := range list {
		if list[i].name == "from" {
			list[i].value = moment(d.Redeeming.From)
		}
	}
	return list
}

// lines are the questions as JSON, a line each.
func (f Form) lines() string {
	lines := make([]string, 0, len(f))
	for _, field := range f {
		b, _ := json.Marshal(field) // a field always encodes
		lines = append(lines, string(b))
	}
	return strings.Join(lines, "\n")
}

// leaves are the values of a part by the path of their JSON.
func leaves(part any) []namedValue {
	b, _ := json.Marshal(part) // the parts are stored as JSON: they encode
	var tree any
	_ = json.Unmarshal(b, &tree)
	var list []namedValue
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			list = append(list, namedValue{path, plainText(v)})
			return
		}
		for _, name := range sortedNames(m) {
			walk(strings.TrimPrefix(path+"_"+name, "_"), m[name])
		}
	}
	walk("", tree)
	return list
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// plainText is a JSON value as people read it; lists a line each.
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		lines := make([]string, 0, len(v))
		for _, each := range v {
			lines = append(lines, plainText(each))
		}
		return strings.Join(lines, "\n")
	}
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}
