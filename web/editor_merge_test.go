package web

import (
	"slices"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/views/admin"
)

func TestEveryStepFillsTheFormAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for _, issuer := range []campaigns.Issuer{campaigns.OwnCode, campaigns.WeChatCard} {
		d := dbtest.Draft(time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC), "round", 100, issuer)
		d.Form = campaigns.ClassicForm()
		d.Texts.RetentionDay, d.Limits.PerDay = 30, 2
		form := admin.CampaignForm{Values: valuesOf(&d)}
		again, problems := draftOf(&form, campaigns.Draft{Zone: d.Zone})
		if len(problems) > 0 || !sameValues(valuesOf(&again), valuesOf(&d)) {
			t.Errorf("%s: %v, %+v", issuer, problems, campaigns.Diff(d, again))
		}
		if list := campaigns.Diff(d, again); len(list) > 0 {
			t.Errorf("%s: the form loses %v", issuer, list)
		}
		if !sameValues(valuesFrom(fieldsOf(form.Values)), form.Values) {
			t.Error("the values do not come back from their fields")
		}
	}
}

func TestEveryStepIsReadAndShown(t *testing.T) {
	t.Parallel()
	var shown, read []string
	for _, s := range admin.Steps() {
		shown = append(shown, s.Key)
	}
	for _, s := range editorSteps {
		read = append(read, s.key)
	}
	if !slices.Equal(shown, read) {
		t.Errorf("shown are %v, read are %v", shown, read)
	}
}

func TestTwoSetsOfChangesAreBroughtTogetherFieldByField(t *testing.T) {
	t.Parallel()
	base := func() admin.Values {
		var v admin.Values
		v.Card.Name, v.Stock.Total, v.Rules.PerPerson = "旧", "100", "1"
		return v
	}
	mine, theirs := base(), base()
	mine.Card.Name, mine.Design.ShowStock = "我的", true
	theirs.Stock.Total = "200"
	theirs.Form.Questions = []admin.Question{{Key: "phone", Kind: "mobile", Label: "手机号"}}
	merged, conflicts := mergeValues(base(), mine, theirs, nil)
	if len(conflicts) != 0 || merged.Card.Name != "我的" || merged.Stock.Total != "200" || !merged.Design.ShowStock || len(merged.Form.Questions) != 1 || merged.Rules.PerPerson != "1" {
		t.Errorf("%+v %v", merged, conflicts)
	}

	theirs.Card.Name = "对方的"
	for choice, want := range map[string]string{"": "我的", "mine": "我的", "theirs": "对方的", "nonsense": "我的"} {
		merged, conflicts := mergeValues(base(), mine, theirs, map[string]string{"card.name": choice})
		if merged.Card.Name != want || merged.Stock.Total != "200" {
			t.Errorf("choice %q: %+v", choice, merged)
		}
		decided := choice == "mine" || choice == "theirs"
		if decided != (len(conflicts) == 0) {
			t.Errorf("choice %q: %v", choice, conflicts)
		}
		if !decided && (conflicts[0].Key != "card.name" || conflicts[0].Mine != "我的" || conflicts[0].Theirs != "对方的") {
			t.Errorf("the conflict is %+v", conflicts[0])
		}
	}

	theirs.Card.Name = mine.Card.Name
	if _, conflicts := mergeValues(base(), mine, theirs, nil); len(conflicts) != 0 {
		t.Error("the same change of both is a conflict")
	}
}
