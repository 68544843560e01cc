package campaigns

import (
	"strings"
	"testing"
	"time"

	"kaquan/fault"
)

func TestWordsOnColoursAreMeasured(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		colour, background string
		ink                Ink
		field              string // where it is refused, "" = taken
		warns              bool
	}{
		{},
		{colour: "#087749"},
		{colour: "#07c160"},
		{colour: "#ffffff"},
		{colour: "#07c160", ink: InkBlack},
		{colour: "#07c160", ink: InkWhite, field: "colour", warns: true},
		{colour: "#ffe600", ink: InkWhite, field: "colour", warns: true},
		{colour: "#0a8f4f", ink: InkWhite, warns: true},
		{colour: "#222222", ink: InkBlack, field: "colour", warns: true},
		{background: "#ffffff"},
		{background: "#fff4e0"},
		{background: "#c8b8a0", warns: true},
		{background: "#303030", field: "background", warns: true},
	} {
		d := Draft{Texts: Texts{Colour: row.colour}, Design: Design{Ink: row.ink, Background: row.background}}
		problems := d.Design.fit(&d)
		if field := ""; len(problems) > 0 {
			field = problems[0].Field
			if field != row.field {
				t.Errorf("%+v is refused at %q: %v", row, field, problems[0].Args)
			}
		} else if row.field != "" {
			t.Errorf("%+v is taken", row)
		}
		warned := false
		for _, check := range d.ColourChecks() {
			if check.Passes() {
				continue
			}
			warned = true
			better := d
			if check.Field == "colour" {
				better.Texts.Colour = check.Proposed
			} else {
				better.Design.Background = check.Proposed
			}
			for _, again := range better.ColourChecks() {
				if again.Field == check.Field && !again.Passes() {
					t.Errorf("%+v: the proposal %s has %.3f", row, check.Proposed, again.Ratio)
				}
			}
		}
		if warned != row.warns {
			t.Errorf("%+v warns: %v", row, warned)
		}
	}
	if got := Contrast(White, Black); got != 21 {
		t.Errorf("white on black is %v", got)
	}
	if words := (ColourCheck{Ratio: 4.499}).Words(); words != "4.4" {
		t.Errorf("4.499 is written %s", words)
	}
}

func TestOwnWordsFitTheirState(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		state string
		text  StateText
		key   string // of the problem, "" = none
		part  string
	}{
		{state: "sold_out", text: StateText{Title: "明天再来", Body: "{{total}} 份都领完了，{{brand}} 谢谢你。", Button: "看看别的"}},
		{state: "before_start", text: StateText{Body: "{{ time }} 见"}},
		{state: "sold_out", text: StateText{Title: strings.Repeat("字", 25)}, key: "campaign.error.too_long", part: "title"},
		{state: "sold_out", text: StateText{Body: strings.Repeat("字", 121)}, key: "campaign.error.too_long", part: "body"},
		{state: "sold_out", text: StateText{Button: strings.Repeat("字", 11)}, key: "campaign.error.too_long", part: "button"},
		{state: "sold_out", text: StateText{Body: "{{time}} 再来"}, key: "design.error.placeholder", part: "body"},
		{state: "sold_out", text: StateText{Body: "{{phone}}"}, key: "design.error.placeholder", part: "body"},
		{state: "sold_out", text: StateText{Body: "{{total} 份"}, key: "design.error.braces", part: "body"},
		{state: "ready", text: StateText{Title: "标题"}, key: "design.error.no_title", part: "title"},
		{state: "blocked", text: StateText{Button: "按钮"}, key: "design.error.no_button", part: "button"},
		{state: "paused", text: StateText{Body: "等一下"}, key: "design.error.needs", part: "body"},
		{state: "paused", text: StateText{Body: "等一下：{{reason}}"}},
		{state: "not_found", text: StateText{Body: "没有"}, key: "design.error.state", part: "title"},
		{state: "sold_out", text: StateText{Body: "看\u202e不见"}, key: "campaign.error.characters", part: "body"},
	} {
		d := Design{States: map[string]StateText{row.state: row.text}}
		problems := d.problems()
		switch {
		case row.key == "" && len(problems) > 0:
			t.Errorf("%s %+v: %v", row.state, row.text, problems)
		case row.key != "" && (len(problems) != 1 || problems[0].Key != row.key || problems[0].Field != StateField(row.state, row.part)):
			t.Errorf("%s %+v: %v, want %s", row.state, row.text, problems, row.key)
		}
	}
}

func TestWordsWithoutAValueAreLeftToTheUsual(t *testing.T) {
	t.Parallel()
	value := func(name string) string { return map[string]string{"total": "20"}[name] }
	if text, ok := FillWords("共 {{total}} 份 {{ total }}", value); !ok || text != "共 20 份 20" {
		t.Errorf("%q %v", text, ok)
	}
	if _, ok := FillWords("{{day}} 前可用", value); ok {
		t.Error("a sentence with a hole counts as whole")
	}
	one := Design{States: map[string]StateText{"ended": {Title: "谢谢"}}}
	two := one.WithState("sold_out", StateText{Title: "没了"})
	if len(one.States) != 1 || len(two.States) != 2 || len(two.WithState("ended", StateText{}).WithState("sold_out", StateText{}).States) != 0 {
		t.Errorf("%v %v", one, two)
	}
}

func TestAWebhookMayNotReachInside(t *testing.T) {
	t.Parallel()
	for address, key := range map[string]string{
		"":                                "",
		"https://crm.example.com/kaquan":  "",
		"http://localhost:9000/hook":      "",
		"http://127.0.0.1:9000/hook":      "",
		"https://203.0.113.9/hook":        "",
		"http://crm.example.com/kaquan":   "notices.error.plain",
		"ftp://crm.example.com/":          "notices.error.url",
		"crm.example.com":                 "notices.error.url",
		"https://user:pw@example.com/":    "notices.error.url",
		"https://example.com/#part":       "notices.error.url",
		"https://10.0.0.8/hook":           "notices.error.private",
		"https://192.168.1.1/hook":        "notices.error.private",
		"https://169.254.169.254/latest/": "notices.error.private",
		"https://100.64.0.1/":             "notices.error.private",
		"https://[fd00::1]/":              "notices.error.private",
		"https://[::ffff:10.0.0.1]/":      "notices.error.private",
		"https://[64:ff9b::a00:1]/":       "notices.error.private",
		"https://0.0.0.0/":                "notices.error.private",
	} {
		n := Notices{Webhook: Webhook{URL: address, Events: []string{ClaimConfirmed}}}
		problems := n.problems()
		if got := keysOf(problems); got != key {
			t.Errorf("%s: %q, want %q", address, got, key)
		}
	}
	if problems := (&Notices{Webhook: Webhook{URL: "https://example.com/", Events: nil}}).problems(); keysOf(problems) != "notices.error.events" {
		t.Errorf("no events: %v", problems)
	}
}

func keysOf(list fault.List) string {
	keys := make([]string, len(list))
	for i, e := range list {
		keys[i] = e.Key
	}
	return strings.Join(keys, " ")
}

func TestTermsSayWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	d := Draft{
		StartsAt: at, EndsAt: at.AddDate(0, 0, 7), Zone: Shanghai(), Total: 200, Limits: Limits{PerPerson: 1}, Issuer: OwnCode,
		Texts: Texts{Brand: "示例咖啡", Benefit: "买一赠一"},
	}
	has := func(key string) bool {
		for _, part := range TermsDraft(&d) {
			if part.Key == "design.terms."+key {
				return true
			}
		}
		return false
	}
	for _, key := range []string{"organiser", "time", "offer", "limits", "free", "take_own_code", "use_within", "places_all", "data_none"} {
		if !has(key) {
			t.Errorf("%s is missing", key)
		}
	}
	d.Price = Price{Fen: 990, RefundDays: 7}
	d.Form, d.Redeeming.Places, d.ValidUntil, d.Texts.Contact = ClassicForm(), []string{"1"}, at.AddDate(0, 1, 0), "400"
	for _, key := range []string{"price_refund", "data", "places_some", "use_until", "contact"} {
		if !has(key) {
			t.Errorf("%s is missing", key)
		}
	}
	if has("free") || has("use_within") || has("data_none") {
		t.Error("old paragraphs stayed")
	}
}

func TestADifferenceIsAsShortAsItCanBe(t *testing.T) {
	t.Parallel()
	var words []string
	for _, line := range DiffLines("一\n二\n三", "一\n二点五\n三\n四") {
		switch {
		case line.Gone:
			words = append(words, "-"+line.Text)
		case line.Come:
			words = append(words, "+"+line.Text)
		default:
			words = append(words, line.Text)
		}
	}
	if got := strings.Join(words, " "); got != "一 -二 +二点五 三 +四" {
		t.Error(got)
	}
}
