package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
)

// rowsOfForm are the fields of a form builder's rows, each as pairs of part and value.
func rowsOfForm(op string, rows ...[]string) url.Values {
	form := url.Values{"op": {op}, "step": {"form"}, "version": {"1"}, "purpose": {"发放礼品"}}
	for i, row := range rows {
		for p := 0; p+1 < len(row); p += 2 {
			form.Add("question["+strconv.Itoa(i)+"]["+row[p]+"]", row[p+1])
		}
	}
	return form
}

func TestEveryKindIsBuiltByPostsAndComesBack(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	c := o.draft("kinds")
	size := []string{"key", "size", "kind", "choice", "label", "杯型", "options", "中杯\n\n 大杯 ", "required", "1"}
	rows := [][]string{
		size,
		{"key", "note", "kind", "long_text", "label", "备注", "placeholder", "想说的话", "min", "ignored", "show_key", "size", "show_size", "大杯", "show_other", "x"},
		{"kind", "id_number", "label", "身份证号", "purpose", "实名核对", "retention", "7"},
		{"kind", "multi", "label", "口味", "options", "甜\n苦", "min", "1", "max", "2"},
		{"kind", "date", "label", "日期", "min", "2026-01-01"},
		{"kind", "region", "label", "地区"},
		{"kind", "number", "label", "人数", "max", "9", "text", "ignored"},
		{"kind", "consent", "label", "短信", "text", "同意接收短信"},
	}
	if a := d.post(editorOf(c), rowsOfForm("save", rows...)); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.words())
	}
	form := o.reload(c).Form
	if len(form) != len(rows) {
		t.Fatalf("%d questions", len(form))
	}
	if f := form[1]; f.ShowIf == nil || f.ShowIf.Key != "size" || len(f.ShowIf.Values) != 1 || f.ShowIf.Values[0] != "大杯" || f.Min != "" || f.Placeholder != "想说的话" {
		t.Errorf("the condition: %+v", f)
	}
	if f := form[2]; f.Key != "id_card" || f.Purpose != "实名核对" || f.Retention != 7 {
		t.Errorf("the ID number: %+v", f)
	}
	if form[3].Min != "1" || form[4].Min != "2026-01-01" || form[6].Max != "9" || form[6].Text != "" || form[7].Text != "同意接收短信" {
		t.Errorf("the limits: %+v", form)
	}
	a := d.get(editorOf(c) + "?step=form")
	for _, part := range []string{"8/20 个问题", "有条件", "添加：", "“杯型”选了下面任一项时"} {
		if !strings.Contains(a.words(), part) {
			t.Errorf("the editor does not show %s", part)
		}
	}
	if !regexp.MustCompile(`name="question\[1\]\[show_size\]" value="大杯" checked`).MatchString(a.body) {
		t.Error("the condition is not ticked")
	}
}

func TestQuestionsMoveAreCopiedAndComeFromThePalette(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	c := o.draft("moves")
	field := regexp.MustCompile(`name="question\[\d+\]\[(label|key)\]"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="question\[\d+\]\[(label|key)\]"|data-kind="([a-z_]*)"`)
	for op, want := range map[string]string{
		"move-0-2": "B C A", "move-2-0": "C A B", "move-1-1": "A B C", "move-0-9": "A B C", "move-x-1": "A B C", "move-1": "A B C", "move--1-0": "A B C",
		"dup-1": "A B B C", "dup-7": "A B C", "add-id_number": "A B C -", "add-nonsense": "A B C -",
	} {
		a := d.post(editorOf(c), rowsOfForm(op, []string{"kind", "text", "label", "A"}, []string{"kind", "choice", "label", "B", "options", "一\n二"}, []string{"kind", "text", "label", "C"}))
		var labels, kinds []string
		keys := map[string]bool{}
		for _, m := range field.FindAllStringSubmatch(a.body, -1) {
			switch {
			case m[5] != "":
				kinds = append(kinds, m[5])
			case m[1]+m[4] == "label":
				label := m[2] + m[3]
				if label == "" {
					label = "-"
				}
				labels = append(labels, label)
			default:
				if keys[m[2]+m[3]] || m[2]+m[3] == "" {
					t.Errorf("%s: the key %q is not its own", op, m[2]+m[3])
				}
				keys[m[2]+m[3]] = true
			}
		}
		if got := strings.Join(labels, " "); a.status != http.StatusOK || got != want {
			t.Errorf("%s: %d %q, want %q", op, a.status, got, want)
		}
		if op == "add-id_number" && kinds[len(kinds)-1] != "id_number" {
			t.Errorf("the palette added %s", kinds[len(kinds)-1])
		}
	}
}

func TestAProblemStandsAtItsQuestion(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	c := o.draft("problems")
	text := []string{"key", "name", "kind", "text", "label", "姓名"}
	for name, row := range map[string]struct {
		bad  []string
		want string
	}{
		"a condition without a tick": {[]string{"key", "b", "kind", "text", "label", "备注", "show_key", "size"}, "“备注”的显示条件不对"},
		"one on a text":              {[]string{"key", "b", "kind", "text", "label", "备注", "show_key", "name", "show_name", "x"}, "“备注”的显示条件不对"},
		"a consent without words":    {[]string{"key", "b", "kind", "consent", "label", "短信"}, "“短信”需要一段让顾客同意的文字"},
		"days that are none":         {[]string{"key", "b", "kind", "text", "label", "备注", "retention", "long"}, "“备注”的保留天数"},
	} {
		a := d.post(editorOf(c), rowsOfForm("save", text, row.bad))
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), row.want) || !strings.Contains(a.body, `id="f-question-1-error"`) ||
			strings.Contains(a.body, `id="f-question-0-error"`) || !strings.Contains(a.body, `href="#f-question-1"`) {
			t.Errorf("%s: %d", name, a.status)
		}
		check := d.post("/admin/campaigns/"+c.ID.String()+"/check?field=question-1", rowsOfForm("", text, row.bad))
		if check.status != http.StatusOK || !strings.Contains(check.body, row.want) {
			t.Errorf("%s: the check says %d %s", name, check.status, check.body)
		}
	}
}

func TestStaffSeeIDNumbersOnlyWhenTheyAskTo(t *testing.T) {
	t.Parallel()
	const id = "11010519491231002X"
	o := openOffice(t)
	d := o.signIn(people.Owner)
	draft := dbtest.Draft(noon, "ids", 10, campaigns.OwnCode)
	draft.Form = campaigns.Form{
		{Key: "id_card", Kind: campaigns.IDField, Label: "身份证号", Required: true},
		{Key: "likes", Kind: campaigns.MultiField, Label: "口味", Options: []string{"甜", "苦"}},
		{Key: "city", Kind: campaigns.RegionField, Label: "地区"},
	}
	draft.EndsAt = noon.AddDate(0, 1, 0)
	c := dbtest.Publish(t, o.campaigns, draft)
	v := dbtest.Visitor(t, o.campaigns, 1)
	claim, _, err := o.campaigns.Claim(context.Background(), campaigns.Tap{
		Slug: c.Slug, Visitor: v.ID, Key: "key-ids-000001-x", Consent: true,
		Answers: map[string]string{"id_card": id, "likes": "苦\n甜", "city": "广东省 深圳市"},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := "/admin/claims/" + claim.ID.String()
	for _, page := range []string{"/admin/claims", path} {
		a := d.get(page)
		if strings.Contains(a.body, id) || !strings.Contains(a.body, "110***********002X") || !strings.Contains(a.words(), "甜、苦") || !strings.Contains(a.words(), "广东省 深圳市") {
			t.Errorf("%s: %s", page, a.words())
		}
	}
	if a := d.post(path+"/reveal", nil); !strings.Contains(a.body, id) {
		t.Errorf("revealed: %d %s", a.status, a.words())
	}
}
