package campaigns_test

import (
	"slices"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/fault"
)

// everyKind is a form with a question of each kind.
func everyKind() campaigns.Form {
	return campaigns.Form{
		{Key: "name", Kind: campaigns.TextField, Label: "姓名", Required: true},
		{Key: "note", Kind: campaigns.LongField, Label: "备注"},
		{Key: "phone", Kind: campaigns.MobileField, Label: "手机号"},
		{Key: "plate", Kind: campaigns.PlateField, Label: "车牌号"},
		{Key: "id_card", Kind: campaigns.IDField, Label: "身份证号"},
		{Key: "size", Kind: campaigns.ChoiceField, Label: "杯型", Options: []string{"中杯", "大杯"}},
		{Key: "likes", Kind: campaigns.MultiField, Label: "口味", Options: []string{"甜", "苦", "酸"}, Min: "1", Max: "2"},
		{Key: "day", Kind: campaigns.DateField, Label: "日期", Min: "2026-01-01", Max: "2026-12-31"},
		{Key: "city", Kind: campaigns.RegionField, Label: "地区"},
		{Key: "people", Kind: campaigns.NumberField, Label: "人数", Min: "-1", Max: "20"},
		{Key: "agree", Kind: campaigns.ConsentField, Label: "短信", Text: "同意接收活动短信"},
	}
}

// typedAnswer is what somebody types, and what the form says to it: an answer, or the key of a problem.
type typedAnswer struct{ key, typed, answer, problem string }

var typedAnswers = []typedAnswer{
	{"name", "", "", "form.field.required"},
	{"name", " \u200b王小明\u202e\u0007 ", "\u200b王小明", ""},
	{"name", "\ufffd\u3000", "", "form.field.required"},
	{"name", strings.Repeat("😀", 60), strings.Repeat("😀", 60), ""},
	{"name", strings.Repeat("长", 61), "", "form.text.too_long"},
	{"name", "a\nb\u0085c", "abc", ""},
	{"note", " 一\r\n\u0000二 \n\n三 ", "一\n二\n\n三", ""},
	{"note", strings.Repeat("长", 500), strings.Repeat("长", 500), ""},
	{"note", strings.Repeat("长", 501), "", "form.text.too_long"},
	{"note", " \n\t ", "", ""},
	{"phone", "+86 138-0013（8000）", "13800138000", ""},
	{"phone", "+86 138-0013 8000", "13800138000", ""},
	{"phone", "008613800138000", "13800138000", ""},
	{"phone", "１３８００１３８０００", "13800138000", ""},
	{"phone", "12800138000", "", "form.mobile.invalid"},
	{"phone", "138001380001", "", "form.mobile.invalid"},
	{"plate", "京a・12345", "京A12345", ""},
	{"plate", "京a･12345", "京A12345", ""},
	{"plate", "粤B D12345", "粤BD12345", ""},
	{"plate", "沪A12345D", "沪A12345D", ""},
	{"plate", "京AI2345", "", "form.plate.invalid"},
	{"plate", "ß", "", "form.plate.invalid"},
	{"id_card", "11010119900307123x", "", "form.id_number.digit"},
	{"id_card", "11010519491231002x", "11010519491231002X", ""},
	{"id_card", "1101 0519-4912 31002Ｘ", "11010519491231002X", ""},
	{"id_card", "440524188001010014", "440524188001010014", ""},
	{"id_card", "110105194902310026", "", "form.id_number.digit"},
	{"id_card", "11010519491231002", "", "form.id_number.invalid"},
	{"id_card", "990105194912310020", "", "form.id_number.invalid"},
	{"id_card", "<script>", "", "form.id_number.invalid"},
	{"size", " 大杯 ", "大杯", ""},
	{"size", "超大杯", "", "form.choice.invalid"},
	{"likes", "\n苦\r\n甜\n苦\n", "甜\n苦", ""},
	{"likes", "甜\n苦\n酸", "", "form.multi.max"},
	{"likes", "甜\n辣", "", "form.choice.invalid"},
	{"likes", "\n\n", "", ""},
	{"day", "2026-02-28", "2026-02-28", ""},
	{"day", "２０２６-12-31", "2026-12-31", ""},
	{"day", "2026-02-29", "", "form.date.invalid"},
	{"day", "2026-00-10", "", "form.date.invalid"},
	{"day", "2026-13-01", "", "form.date.invalid"},
	{"day", "26-1-1", "", "form.date.invalid"},
	{"day", "2025-12-31", "", "form.date.min"},
	{"day", "2027-01-01", "", "form.date.max"},
	{"city", "广东省 深圳市", "广东省 深圳市", ""},
	{"city", "北京市", "北京市", ""},
	{"city", "广东省", "", "form.region.invalid"},
	{"city", "深圳市", "", "form.region.invalid"},
	{"people", "007", "7", ""},
	{"people", "-0", "0", ""},
	{"people", "+2", "2", ""},
	{"people", "1,0", "10", ""},
	{"people", "-2", "", "form.number.min"},
	{"people", "21", "", "form.number.max"},
	{"people", "1.5", "", "form.number.invalid"},
	{"people", "1e3", "", "form.number.invalid"},
	{"people", "1234567890123", "", "form.number.invalid"},
	{"agree", "1", "✓", ""},
	{"agree", "false", "", ""},
	{"agree", "", "", ""},
}

func TestEveryKindTakesWhatPeopleType(t *testing.T) {
	t.Parallel()
	form := everyKind()
	for _, a := range typedAnswers {
		if a.key == "agree" && a.answer != "" {
			a.answer = form[10].Agreed()
		}
		input := map[string]string{"name": "王"}
		input[a.key] = a.typed
		answers, err := form.Check(input, true)
		var problem string
		for _, e := range fault.All(err) {
			problem = e.Key
			if e.Field != "f_"+a.key {
				t.Errorf("%s %q: the problem stands on %s", a.key, a.typed, e.Field)
			}
		}
		if problem != a.problem || answers[a.key] != a.answer {
			t.Errorf("%s %q: %q %s, want %q %s", a.key, a.typed, answers[a.key], problem, a.answer, a.problem)
		}
	}
}

func TestRequiredAppliesToEveryKind(t *testing.T) {
	t.Parallel()
	form := everyKind()
	for i := range form {
		form[i].Required = true
	}
	_, err := form.Check(map[string]string{}, true)
	if all := fault.All(err); len(all) != len(form) {
		t.Errorf("%d problems of %d questions", len(all), len(form))
	}
}

func TestAWrongDigitAnywhereInAnIDNumberShows(t *testing.T) {
	t.Parallel()
	const id = "11010519491231002X"
	if _, ok := campaigns.IDNumber(id); !ok {
		t.Fatal("the example of the standard is refused")
	}
	for i := range 17 {
		for digit := byte('0'); digit <= '9'; digit++ {
			wrong := id[:i] + string(digit) + id[i+1:]
			if _, ok := campaigns.IDNumber(wrong); ok && wrong != id {
				t.Errorf("%s is taken", wrong)
			}
		}
	}
}

func TestRegionsAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	all, names := campaigns.Regions(), campaigns.RegionNames()
	if len(all) != 34 || all[0].Name != "北京市" || all[33].Name != "澳门特别行政区" {
		t.Fatalf("%d units", len(all))
	}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] || strings.TrimSpace(name) != name || strings.Count(name, " ") > 1 || len([]rune(name)) > 24 {
			t.Errorf("%q", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"吉林省 吉林市", "海南省 三沙市", "青海省 海南藏族自治州", "新疆维吾尔自治区 伊犁哈萨克自治州", "台湾省"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
	cities := 0
	for _, r := range all {
		for _, place := range r.Places {
			if strings.HasSuffix(place, "州") || strings.HasSuffix(place, "盟") || strings.HasSuffix(place, "地区") {
				cities++
			}
		}
	}
	if cities != 30+3+7 { // autonomous prefectures, leagues, prefectures
		t.Errorf("%d prefectures that are no cities", cities)
	}
}

// branching asks for the plate only of drivers, and for the engine only of those with a plate.
func branching() campaigns.Form {
	return campaigns.Form{
		{Key: "comes", Kind: campaigns.ChoiceField, Label: "怎么来", Options: []string{"开车", "步行"}},
		{Key: "engine", Kind: campaigns.MultiField, Label: "能源", Required: true, Options: []string{"油", "电"}, ShowIf: &campaigns.ShowIf{Key: "comes", Values: []string{"开车"}}},
		{Key: "plate", Kind: campaigns.PlateField, Label: "车牌号", Required: true, ShowIf: &campaigns.ShowIf{Key: "engine", Values: []string{"油", "电"}}},
	}
}

func TestQuestionsThatAreNotShownAreNeitherAskedNorStored(t *testing.T) {
	t.Parallel()
	form := branching()
	for name, row := range map[string]struct {
		input  map[string]string
		stored int
		wrong  []string
	}{
		"nothing":             {nil, 0, nil},
		"on foot":             {map[string]string{"comes": "步行", "engine": "电", "plate": "damaged"}, 1, nil},
		"a driver":            {map[string]string{"comes": "开车"}, 1, []string{"f_engine"}},
		"no plate":            {map[string]string{"comes": "开车", "engine": "电"}, 2, []string{"f_plate"}},
		"everything":          {map[string]string{"comes": "开车", "engine": "电\n油", "plate": "京A12345"}, 3, nil},
		"a choice of nobody":  {map[string]string{"comes": "飞", "engine": "电"}, 0, []string{"f_comes"}},
		"the middle is alone": {map[string]string{"engine": "电", "plate": "京A12345"}, 0, nil},
	} {
		answers, err := form.Check(row.input, true)
		var wrong []string
		for _, e := range fault.All(err) {
			wrong = append(wrong, e.Field)
		}
		if len(answers) != row.stored || !slices.Equal(wrong, row.wrong) {
			t.Errorf("%s: stored %q, wrong %v", name, answers, wrong)
		}
	}
}

func TestAFormThatCannotBeAskedIsRefusedAtItsQuestion(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		spoil func(f campaigns.Form)
		field string
		key   string
	}{
		"a condition on itself":    {func(f campaigns.Form) { f[6].ShowIf = &campaigns.ShowIf{Key: "likes", Values: []string{"甜"}} }, "question-6", "form.problem.show_if"},
		"on a later question":      {func(f campaigns.Form) { f[5].ShowIf = &campaigns.ShowIf{Key: "likes", Values: []string{"甜"}} }, "question-5", "form.problem.show_if"},
		"on a text":                {func(f campaigns.Form) { f[5].ShowIf = &campaigns.ShowIf{Key: "name", Values: []string{"甜"}} }, "question-5", "form.problem.show_if"},
		"on another's option":      {func(f campaigns.Form) { f[6].ShowIf = &campaigns.ShowIf{Key: "size", Values: []string{"甜"}} }, "question-6", "form.problem.show_if"},
		"on no option":             {func(f campaigns.Form) { f[6].ShowIf = &campaigns.ShowIf{Key: "size"} }, "question-6", "form.problem.show_if"},
		"a consent without words":  {func(f campaigns.Form) { f[10].Text = "" }, "question-10", "form.problem.text"},
		"a day that is none":       {func(f campaigns.Form) { f[7].Min = "2026-02-30" }, "question-7", "form.problem.day"},
		"days the wrong way":       {func(f campaigns.Form) { f[7].Min = "2027-01-01" }, "question-7", "form.problem.order"},
		"numbers the wrong way":    {func(f campaigns.Form) { f[9].Min = "100" }, "question-9", "form.problem.order"},
		"a bound that is none":     {func(f campaigns.Form) { f[9].Max = "many" }, "question-9", "form.problem.number"},
		"more ticks than options":  {func(f campaigns.Form) { f[6].Max = "4" }, "question-6", "form.problem.number"},
		"an option twice":          {func(f campaigns.Form) { f[5].Options = []string{"中杯", "中杯"} }, "question-5", "form.problem.option_twice"},
		"kept for ever":            {func(f campaigns.Form) { f[0].Retention = 5000 }, "question-0", "form.problem.retention"},
		"a kind of nobody":         {func(f campaigns.Form) { f[0].Kind = "video" }, "question-0", "campaign.error.form_kind"},
		"a key twice":              {func(f campaigns.Form) { f[1].Key = "name" }, "question-1", "campaign.error.form_key"},
		"a placeholder of a novel": {func(f campaigns.Form) { f[1].Placeholder = strings.Repeat("长", 21) }, "question-1", "campaign.error.form_long"},
	} {
		d := draft()
		d.Form, d.Texts.Purpose = everyKind(), "发放礼品"
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		row.spoil(d.Form)
		problems := fault.All(d.Check())
		if len(problems) != 1 || problems[0].Field != row.field || problems[0].Key != row.key {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestTheWordingOfAConsentIsPartOfItsAnswer(t *testing.T) {
	t.Parallel()
	f := campaigns.Field{Kind: campaigns.ConsentField, Text: "同意接收活动短信"}
	before := f.Agreed()
	f.Text += "。"
	if after := f.Agreed(); before == after || !strings.HasPrefix(after, "✓ ") {
		t.Errorf("%q and %q", before, after)
	}
}
