package admin_test

import (
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
)

// asTyped are the fields whose values are what somebody typed, or a number or a moment. Every
// other one that a difference can have is a setting or names a thing, and is said in words.
var asTyped = []string{
	"name", "benefit", "brand", "slug", "card_id", "starts_at", "ends_at", "valid_until", "zone", "total", "hold", "per_person", "per_day", "purpose", "retention",
	"intro", "colour", "background", "share_title", "share_desc", "terms", "contact", "day_total", "release_minute", "low_stock_percent", "channels",
	"invitation_code", "from", "quantity", "note", "webhook_url", "fen", "refund_days", "pay_minutes",
}

// settings are the values of the fields with a choice, those that are left out as "".
var settings = map[string][]string{
	"issuer":             {string(campaigns.OwnCode), string(campaigns.WeChatCard), string(campaigns.CodePool)},
	"low_stock_reaction": {string(campaigns.LowRemind), string(campaigns.LowPause)},
	"layout":             {string(campaigns.CoverTop), string(campaigns.CoverCard)},
	"ink":                {string(campaigns.InkAuto), string(campaigns.InkWhite), string(campaigns.InkBlack)},
	"invitation_mode":    {string(campaigns.NoInvitation), string(campaigns.SharedInvitation), string(campaigns.ListInvitation)},
	"once":               {strings.Join(campaigns.OnceKinds, "\n")},
	"webhook_events":     {strings.Join(campaigns.NoticeEvents, "\n")},
	"show_stock":         {"true", "false"},
	"followers":          {"true", "false"},
}

const picture = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.jpg"

// things are ids for the fields that name something.
var things = map[string]struct{ kind, value string }{
	"account":         {admin.AccountThing, "acc-9"},
	"allow_list":      {admin.ListThing, "1a2b3c4d"},
	"block_list":      {admin.ListThing, "2a2b3c4d"},
	"invitation_list": {admin.ListThing, "3a2b3c4d"},
	"pool":            {admin.PoolThing, "4a2b3c4d"},
	"places":          {admin.PlaceThing, "5a2b3c4d\n6a2b3c4d"},
	"goods":           {admin.GoodsThing, "7a2b3c4d"},
	"cover":           {admin.PictureThing, picture},
	"share_image":     {admin.PictureThing, "https://kq.example.com/media/" + picture},
}

func TestNoDifferenceShowsASettingOrAnIDAsItIsStored(t *testing.T) {
	t.Parallel()
	var none, whole campaigns.Draft
	fill(reflect.ValueOf(&whole).Elem(), 2)
	shown := func(lang i18n.Language, names admin.Names, field, value string) string {
		return admin.ChangeWords(i18n.With(context.Background(), lang), names, field, value)
	}
	for _, c := range campaigns.Diff(none, whole) {
		if slices.Contains(asTyped, c.Field) || strings.HasPrefix(c.Field, "states_") || c.Field == "form" {
			continue
		}
		thing, isThing := things[c.Field]
		values, known := settings[c.Field]
		if isThing == known {
			t.Errorf("%s shows %q: say here whether it is typed, a setting or the name of a thing", c.Field, shown(i18n.ZH, nil, c.Field, c.After))
		}
		for _, value := range values {
			zh, en := shown(i18n.ZH, nil, c.Field, value), shown(i18n.EN, nil, c.Field, value)
			for line := range strings.SplitSeq(value, "\n") {
				if slices.Contains(strings.Split(zh+"\n"+en, "\n"), line) {
					t.Errorf("%s shows %q as it is stored", c.Field, line)
				}
			}
			if zh == en || strings.Contains(zh+en, "admin.") || strings.Contains(zh+en, "rules.") || strings.Contains(zh+en, "notices.") || value == "" && zh == shown(i18n.ZH, nil, "name", "") {
				t.Errorf("%s: %q is %q and %q", c.Field, value, zh, en)
			}
		}
		if !isThing {
			continue
		}
		found := admin.Things([]campaigns.Change{{Field: c.Field, After: thing.value}})
		if len(found) != strings.Count(thing.value, "\n")+1 {
			t.Errorf("%s: %q names %v", c.Field, thing.value, found)
		}
		names, want := admin.Names{}, []string{}
		for i, one := range found {
			names[one] = "东门店" + string(rune('A'+i))
			want = append(want, names[one])
			if one.Kind != thing.kind {
				t.Errorf("%s names a %s", c.Field, one.Kind)
			}
		}
		if zh := shown(i18n.ZH, names, c.Field, thing.value); zh != strings.Join(want, "\n") {
			t.Errorf("%s shows %q for %v", c.Field, zh, want)
		}
		for _, lang := range []i18n.Language{i18n.ZH, i18n.EN} {
			gone := shown(lang, admin.Names{}, c.Field, thing.value)
			for _, one := range found {
				if strings.Contains(gone, one.ID) || strings.Contains(gone, "editor.") || !regexp.MustCompile("^(已删除的|a deleted )").MatchString(gone) {
					t.Errorf("%s of a deleted %s shows %q", c.Field, one.Kind, gone)
				}
			}
		}
	}
}

func TestAQuestionInADifferenceIsSaidInWords(t *testing.T) {
	t.Parallel()
	var form campaigns.Form
	for _, kind := range campaigns.FieldKinds {
		form = append(form, campaigns.Field{Key: "q_" + string(kind), Kind: kind, Label: "问", Required: true})
	}
	form[5] = campaigns.Field{Key: "car", Kind: campaigns.ChoiceField, Label: "车型", Options: []string{"轿车", "货车"}}
	form[6] = campaigns.Field{Key: "load", Kind: campaigns.NumberField, Label: "载重", Max: "40", ShowIf: &campaigns.ShowIf{Key: "car", Values: []string{"货车"}}, Purpose: "排队", Retention: 7}
	value := campaigns.Diff(campaigns.Draft{}, campaigns.Draft{Form: form})
	i := slices.IndexFunc(value, func(c campaigns.Change) bool { return c.Field == "form" })
	for _, lang := range []i18n.Language{i18n.ZH, i18n.EN} {
		words := strings.Split(admin.ChangeWords(i18n.With(context.Background(), lang), nil, "form", value[i].After), "\n")
		if len(words) != len(form) {
			t.Fatalf("%d lines", len(words))
		}
		for i, line := range words {
			for part := range strings.SplitSeq(line, " · ") {
				if part == string(form[i].Kind) && lang == i18n.ZH || part == "true" || strings.HasPrefix(part, "admin.") || strings.Contains(part, "{") {
					t.Errorf("%s: %q", lang, line)
				}
			}
		}
		if lang == i18n.ZH && (words[6] != "载重 · 数字 · 标识：load · 最大：40 · 什么时候显示：车型 = 货车 · 单独的用途：排队 · 单独的保留天数：7" || words[5] != "车型 · 单选 · 标识：car · 选项：轿车、货车") {
			t.Errorf("%q", words[5:7])
		}
	}
	if old := "姓名 (text, key: name)"; admin.ChangeWords(context.Background(), nil, "form", old) != old {
		t.Error("what the audit held before is gone")
	}
}

func TestNumbersThatStandForSomethingAreWrittenAsIt(t *testing.T) {
	t.Parallel()
	ctx := i18n.With(context.Background(), i18n.ZH)
	for field, row := range map[string][2]string{"release_minute": {"605", "10:05"}, "fen": {"990", "¥9.90"}, "share_image": {"https://img.example.com/a.png", "https://img.example.com/a.png"}, "name": {"", "（空）"}} {
		if got := admin.ChangeWords(ctx, nil, field, row[0]); got != row[1] {
			t.Errorf("%s shows %q", field, got)
		}
	}
}

func TestARestoredCampaignTellsTheAuditWhatChangedInWords(t *testing.T) {
	t.Parallel()
	detail, _ := json.Marshal(map[string]any{"layout": []string{"", "card"}, "block_list": []string{"", "1a2b3c4d"}, "version": 3})
	r := admin.AuditRow{AuditEntry: people.AuditEntry{Action: "campaign.restore", Detail: string(detail)}, Names: admin.Names{}}
	want := "拦截名单: （空） → 已删除的名单\n头图位置: 卡片上方 → 卡片里面\n版本 3"
	if got := r.DetailWords(i18n.With(context.Background(), i18n.ZH)); got != want {
		t.Errorf("%q", got)
	}
	r = admin.AuditRow{AuditEntry: people.AuditEntry{Action: "campaign.publish", Detail: `{"reason":"急","warnings":["terms: preflight.terms.none","push: preflight.health.found"]}`}}
	if got := r.DetailWords(i18n.With(context.Background(), i18n.ZH)); strings.Contains(got, "preflight") || !strings.Contains(got, "活动规则") {
		t.Errorf("%q", got)
	}
}
