package web

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"kaquan/campaigns"
)

// allKinds is a form with a question of each kind, and two that only some are asked.
func allKinds(d *campaigns.Draft) {
	d.Form = campaigns.Form{
		{Key: "name", Kind: campaigns.TextField, Label: "姓名", Required: true},
		{Key: "note", Kind: campaigns.LongField, Label: "备注", Placeholder: "想说的话"},
		{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true},
		{Key: "id_card", Kind: campaigns.IDField, Label: "身份证号", Required: true, Purpose: "实名核对", Retention: 7},
		{Key: "comes", Kind: campaigns.ChoiceField, Label: "怎么来", Required: true, Options: []string{"开车", "步行"}},
		{Key: "plate", Kind: campaigns.PlateField, Label: "车牌号", Required: true, ShowIf: &campaigns.ShowIf{Key: "comes", Values: []string{"开车"}}},
		{Key: "shoes", Kind: campaigns.TextField, Label: "鞋码", ShowIf: &campaigns.ShowIf{Key: "comes", Values: []string{"步行"}}},
		{Key: "likes", Kind: campaigns.MultiField, Label: "口味", Required: true, Options: []string{"甜", "苦", "酸"}, Max: "2"},
		{Key: "day", Kind: campaigns.DateField, Label: "日期", Min: "2026-01-01"},
		{Key: "city", Kind: campaigns.RegionField, Label: "地区", Required: true},
		{Key: "people", Kind: campaigns.NumberField, Label: "人数", Min: "1", Max: "9"},
		{Key: "sms", Kind: campaigns.ConsentField, Label: "短信", Text: "同意接收活动短信"},
	}
}

func TestAFormOfEveryKindIsClaimedWithoutScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish("kinds", campaigns.OwnCode, allKinds)
	b := w.browser().enter("kinds", "bob").wants(200, "form")
	for what, pattern := range map[string]string{
		"a phone pad":             `<input[^>]*name="f_phone"[^>]*inputmode="tel"|inputmode="tel"[^>]*name="f_phone"`,
		"a date picker":           `<input[^>]*min="2026-01-01"[^>]*type="date"`,
		"a number pad":            `inputmode="numeric"[^>]*name="f_people"`,
		"several lines":           `<textarea[^>]*placeholder="想说的话"`,
		"a group of ticks":        `role="group" aria-labelledby="f-f_likes-label"`,
		"places by province":      `<optgroup label="广东省"><option value="广东省 广州市">广州市</option>`,
		"a hidden plate":          `data-field="plate" hidden`,
		"that is not sent":        `<input[^>]*disabled[^>]*name="f_plate"`,
		"a purpose of its own":    `身份证号：用于实名核对，活动结束后保留 7 天`,
		"a consent of its own":    `<span>同意接收活动短信`,
		"the script of the rules": `/form\.[^"]*js`,
	} {
		if !regexp.MustCompile(pattern).MatchString(b.body) {
			t.Errorf("the page lacks %s", what)
		}
	}
	if strings.Contains(b.body, " checked") {
		t.Error("something is ticked in advance")
	}

	good := b.form("f_name", "王", "f_note", "一\r\n二", "f_phone", "13800138000", "f_id_card", "11010519491231002x", "f_comes", "开车", "f_shoes", "42",
		"f_city", "广东省 深圳市", "f_people", "03", "f_day", "2026-12-01", "f_sms", "1", "consent", "1")
	wrong := b.form("f_name", "王", "f_phone", "123", "f_id_card", "110105194912310021", "f_comes", "步行", "f_shoes", "", "f_city", "火星", "f_people", "99", "f_day", "2025-12-31")
	wrong["f_likes"] = []string{"", "甜", "苦", "酸"}
	b.post("/c/kinds/claim", wrong, true).wants(422, "form_error")
	text := html.UnescapeString(b.body)
	for _, message := range []string{"手机号应为 11 位数字", "身份证号有误", "最多选 2 项", "请从列表中选择省市", "不能大于 9", "不能早于 2026-01-01", "请先阅读并同意"} {
		if !strings.Contains(text, message) {
			t.Errorf("the form does not say %s", message)
		}
	}
	if strings.Count(b.body, " checked") != 3 || !strings.Contains(b.body, `value="110105194912310021"`) || strings.Contains(b.body, `data-field="shoes" hidden`) {
		t.Error("what was typed is gone")
	}

	good["f_likes"] = []string{"", "苦", "甜"}
	// The page has not asked for the plate yet: it does now, and nothing is claimed.
	b.post("/c/kinds/claim", good, false).wants(200, "form")
	if !strings.Contains(html.UnescapeString(b.body), "还有 1 个问题，请继续填写") || strings.Contains(b.body, `data-field="plate" hidden`) || len(w.claims("kinds")) != 0 {
		t.Fatalf("the question that came up: %.1500s", b.body)
	}
	good.Set("f_plate", "京A12345")
	b.post("/c/kinds/claim", good, false).goes("/c/kinds?ch=poster")
	rows := w.claims("kinds")
	if len(rows) != 1 {
		t.Fatalf("%d claims", len(rows))
	}
	want := campaigns.Answers{
		"name": "王", "note": "一\n二", "phone": "13800138000", "id_card": "11010519491231002X", "comes": "开车", "plate": "京A12345", "likes": "甜\n苦",
		"day": "2026-12-01", "city": "广东省 深圳市", "people": "3", "sms": campaigns.Field{Text: "同意接收活动短信"}.Agreed(),
	}
	for key, answer := range want {
		if rows[0].Answers[key] != answer {
			t.Errorf("%s: %q, want %q", key, rows[0].Answers[key], answer)
		}
	}
	if len(rows[0].Answers) != len(want) {
		t.Errorf("stored %q", rows[0].Answers)
	}
}

func TestThePageCarriesTheRulesThatTheServerHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.publish("kinds", campaigns.OwnCode, allKinds)
	b := w.browser().enter("kinds", "bob").wants(200, "form")
	var rules []campaigns.Rule
	if err := json.Unmarshal([]byte(first(regexp.MustCompile(`data-form-rules="([^"]*)"`), b.body)), &rules); err != nil {
		t.Fatal(err)
	}
	form := c.Form
	if len(rules) != len(form) {
		t.Fatalf("%d rules for %d questions", len(rules), len(form))
	}
	for i, rule := range form.Rules() {
		if rules[i].Key != rule.Key || rules[i].Pattern != rule.Pattern || len(rules[i].Messages) != len(rule.Says) {
			t.Errorf("%s: %+v", rule.Key, rules[i])
		}
		for verdict, words := range rules[i].Messages {
			if words == "" || words == rule.Says[verdict].Key || strings.Contains(words, "<no value>") {
				t.Errorf("%s %s says %q", rule.Key, verdict, words)
			}
		}
	}
}
