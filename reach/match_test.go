package reach

import (
	"strings"
	"testing"

	"kaquan/wechat"
)

func message(text string) wechat.Event {
	return wechat.Event{MsgType: "text", Content: text, FromUser: "oVisitor"}
}

func happened(event, key string) wechat.Event {
	return wechat.Event{MsgType: "event", Event: event, EventKey: key, FromUser: "oVisitor"}
}

func TestTheMostParticularRuleAnswersFirst(t *testing.T) {
	t.Parallel()
	rules := []Rule{
		{ID: 1, Trigger: OnElse, Enabled: true},
		{ID: 2, Trigger: OnKeyword, Words: []string{"拿铁"}, Contains: true, Priority: 10, Enabled: true},
		{ID: 3, Trigger: OnKeyword, Words: []string{"拿铁"}, Priority: 10, Enabled: true},
		{ID: 4, Trigger: OnKeyword, Words: []string{"拿铁"}, Priority: 99}, // off
		{ID: 5, Trigger: OnKeyword, Words: []string{"拿铁", "latte"}, Contains: true, Priority: 50, Enabled: true},
		{ID: 6, Trigger: OnKeyword, Words: []string{"ＶＩＰ 会员"}, Enabled: true},
		{ID: 7, Trigger: OnKeyword, Words: []string{"❤️"}, Enabled: true},
		{ID: 8, Trigger: OnKeyword, Words: []string{"👨‍👩‍👧"}, Contains: true, Enabled: true},
		{ID: 9, Trigger: OnKeyword, Words: []string{"STRASSE", "ÉTÉ"}, Enabled: true},
		{ID: 10, Trigger: OnFollow, Enabled: true},
		{ID: 11, Trigger: OnScene, Words: []string{"shop1"}, Enabled: true},
		{ID: 12, Trigger: OnClick, Words: []string{"COUPON"}, Enabled: true},
		{ID: 13, Trigger: OnKeyword, Words: []string{"<b>&amp;"}, Contains: true, Enabled: true},
		{ID: 14, Trigger: OnKeyword, Words: []string{""}, Contains: true, Priority: 100, Enabled: true}, // never
	}
	image := wechat.Event{MsgType: "image"}
	for name, row := range map[string]struct {
		event wechat.Event
		want  []int64
	}{
		"priority, then the whole message": {message("拿铁"), []int64{5, 3, 2, 1}},
		"part of a message":                {message("我要一杯拿铁！"), []int64{5, 2, 1}},
		"case":                             {message("ICED LaTTe"), []int64{5, 1}},
		"width and blanks":                 {message("  vip　 会员\n"), []int64{6, 1}},
		"width the other way":              {message("Ｌａｔｔｅ"), []int64{5, 1}},
		"an emoji without its mark":        {message("❤"), []int64{7, 1}},
		"a family":                         {message("👨‍👩‍👧来了"), []int64{8, 1}},
		"another family":                   {message("👨‍👩‍👦"), []int64{1}},
		"accents":                          {message("été"), []int64{9, 1}},
		"nothing known":                    {message("你好"), []int64{1}},
		"no words at all":                  {message(" \t"), []int64{1}},
		"broken bytes":                     {message("\xff\xfe拿铁\xff"), []int64{5, 2, 1}},
		"markup":                           {message(`x<b>&amp;<script>`), []int64{13, 1}},
		"very long, the word in front":     {message("拿铁" + strings.Repeat("好", 100_000)), []int64{5, 2, 1}},
		"very long, the word far behind":   {message(strings.Repeat("好", 100_000) + "拿铁"), []int64{1}},
		"a picture":                        {image, []int64{1}},
		"follows":                          {happened("subscribe", ""), []int64{10}},
		"follows by a code":                {happened("subscribe", "qrscene_shop1"), []int64{11, 10}},
		"follows by another code":          {happened("subscribe", "qrscene_SHOP1"), []int64{10}},
		"scans":                            {happened("scan", "shop1"), []int64{11}},
		"scans another":                    {happened("scan", "shop2"), nil},
		"taps":                             {happened("click", "COUPON"), []int64{12}},
		"taps in lower case":               {happened("click", "coupon"), nil},
		"taps and scans":                   {happened("scancode_waitmsg", "COUPON"), []int64{12}},
		"opens a page":                     {happened("view", "COUPON"), nil},
		"takes a card":                     {happened("user_get_card", ""), nil},
		"leaves":                           {happened("unsubscribe", ""), nil},
		"nothing":                          {wechat.Event{}, nil},
	} {
		var got []int64
		for _, r := range matching(rules, row.event) {
			got = append(got, r.ID)
		}
		if len(got) != len(row.want) {
			t.Errorf("%s: rules %v, want %v", name, got, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%s: rules %v, want %v", name, got, row.want)
				break
			}
		}
	}
}

func TestRepeatsAreRememberedWithinABound(t *testing.T) {
	t.Parallel()
	var s seen
	if !s.add("a") || s.add("a") {
		t.Fatal("a repeat is new, or the first is not")
	}
	for i := range 2 * remembered {
		s.add(strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i))
	}
	if len(s.keys) > remembered || !s.add("a") {
		t.Errorf("%d keys are kept", len(s.keys))
	}
}

func TestProblemsOfAMenuStandAtTheirButtons(t *testing.T) {
	t.Parallel()
	view := wechat.Button{Type: wechat.ButtonView, Name: "官网", URL: "https://example.com"}
	long := view
	long.Name = strings.Repeat("很", 6)
	key := wechat.Button{Type: wechat.ButtonClick, Name: "领券"}
	odd := wechat.Button{Type: "dance", Name: "x"}
	script := wechat.Button{Type: wechat.ButtonView, Name: "x", URL: "javascript:alert(1)"}
	app := wechat.Button{Type: wechat.ButtonMiniProgram, Name: "x", URL: "https://example.com", PagePath: "pages/index"}
	for name, row := range map[string]struct {
		menu []wechat.Button
		want []MenuProblem
	}{
		"fine":     {[]wechat.Button{view, {Name: "更多", Sub: []wechat.Button{view}}}, nil},
		"empty":    {nil, []MenuProblem{{Place{-1, -1}, "", 40016}}},
		"too many": {[]wechat.Button{view, view, view, view}, []MenuProblem{{Place{-1, -1}, "", 40016}}},
		"each button at once": {
			[]wechat.Button{long, {Name: "", Sub: []wechat.Button{view, key, script}}, odd},
			[]MenuProblem{{Place{0, -1}, "name", 40018}, {Place{1, -1}, "name", 40018}, {Place{1, 1}, "key", 40026}, {Place{1, 2}, "url", 40027}, {Place{2, -1}, "type", 40017}},
		},
		"a program without id": {[]wechat.Button{app}, []MenuProblem{{Place{0, -1}, "appid", 40017}}},
		"six below":            {[]wechat.Button{{Name: "x", Sub: []wechat.Button{view, view, view, view, view, view}}}, []MenuProblem{{Place{0, -1}, "sub_button", 40023}}},
	} {
		got := MenuProblems(wechat.Menu{Buttons: row.menu})
		if len(got) != len(row.want) {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
			continue
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%s: %+v, want %+v", name, got[i], row.want[i])
			}
		}
		if (len(got) == 0) != (wechat.Menu{Buttons: row.menu}.Validate() == nil) {
			t.Errorf("%s: WeChat's own check says otherwise", name)
		}
	}
	was := wechat.Menu{Buttons: []wechat.Button{view, {Name: "更多", Sub: []wechat.Button{view, key}}}}
	is := wechat.Menu{Buttons: []wechat.Button{{Type: view.Type, Name: "主页", URL: view.URL}, {Name: "更多", Sub: []wechat.Button{key}}, key}}
	if got := MenuChanges(was, is); len(got) != 4 || got[0].Place != (Place{0, -1}) || got[2].Is != nil || got[3].Was != nil {
		t.Errorf("changes %+v", got)
	}
	if got := MenuChanges(was, was); len(got) != 0 {
		t.Errorf("a menu differs from itself: %+v", got)
	}
}
