package campaigns_test

import (
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/fault"
)

func TestMobileNumbersAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"13800138000": "13800138000", " 138 0013 8000 ": "13800138000", "138-0013-8000": "13800138000", "+86 13800138000": "13800138000",
		"8613800138000": "13800138000", "008613800138000": "13800138000", "１３８００１３８０００": "13800138000", "19912345678": "19912345678",
	} {
		if got, ok := campaigns.Mobile(typed); !ok || got != want {
			t.Errorf("%q: got %q %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "1380013800", "138001380000", "12800138000", "010-55550100", "1380013800O", "<script>"} {
		if got, ok := campaigns.Mobile(typed); ok {
			t.Errorf("%q was taken for %q", typed, got)
		}
	}
}

func TestPlatesAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"京A12345": "京A12345", "京a·12345": "京A12345", "京Ａ１２３４５": "京A12345", "粤B D12345": "粤BD12345", "沪A12345D": "沪A12345D",
		"京A・12345": "京A12345", "京A･12345": "京A12345", "粤Z1234港": "粤Z1234港", "苏E1234学": "苏E1234学", "川AJ12345": "川AJ12345",
	} {
		if got, ok := campaigns.Plate(typed); !ok || got != want {
			t.Errorf("%q: got %q %v", typed, got, ok)
		}
	}
	for _, typed := range []string{"", "A12345", "京112345", "京A1234", "京A1234567", "京AI2345", "京O12345O", "美A12345", "京A12345X"} {
		if got, ok := campaigns.Plate(typed); ok {
			t.Errorf("%q was taken for %q", typed, got)
		}
	}
}

func TestAFormReportsEveryProblemAtItsFieldAndNormalisesTheRest(t *testing.T) {
	t.Parallel()
	form := append(campaigns.ClassicForm(), campaigns.Field{Key: "size", Kind: campaigns.ChoiceField, Label: "杯型", Options: []string{"中杯", "大杯"}})
	_, err := form.Check(map[string]string{"name": "", "plate": "京A1", "phone": "138", "size": "超大杯", "car_model": strings.Repeat("长", 61)}, false)
	fields := map[string]string{}
	for _, e := range fault.All(err) {
		fields[e.Field] = e.Key
	}
	want := map[string]string{
		"f_name": "form.field.required", "f_plate": "form.plate.invalid", "f_phone": "form.mobile.invalid",
		"f_size": "form.choice.invalid", "f_car_model": "form.text.too_long", "consent": "form.consent.required",
	}
	for field, key := range want {
		if fields[field] != key {
			t.Errorf("%s: %q, want %q", field, fields[field], key)
		}
	}
	answers, err := form.Check(map[string]string{"name": " 👩‍👩‍👧‍👦王\u202e ", "plate": "京a·12345", "phone": "138 0013 8000", "extra": "ignored"}, true)
	if err != nil {
		t.Fatal(err)
	}
	if answers["name"] != "👩‍👩‍👧‍👦王" || answers["plate"] != "京A12345" || answers["phone"] != "13800138000" || len(answers) != 3 {
		t.Fatalf("answers: %q", answers)
	}
}

func FuzzFormAnswersAreCleanLines(f *testing.F) {
	for _, seed := range []string{"王小明", "=cmd|' /C calc'!A0", "a\x00b", "\xff\xfe", "<script>alert(1)</script>", "👩‍👩‍👧‍👦"} {
		f.Add(seed)
	}
	form := campaigns.Form{{Key: "name", Kind: campaigns.TextField, Label: "姓名"}}
	f.Fuzz(func(t *testing.T, typed string) {
		answers, err := form.Check(map[string]string{"name": typed}, true)
		if err != nil {
			return
		}
		if got := answers["name"]; strings.ContainsAny(got, "\x00\r\n\t\x1b\u202e") || len([]rune(got)) > 60 || got != strings.TrimSpace(got) {
			t.Fatalf("%q became %q", typed, got)
		}
	})
}
