package campaigns_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/fault"
)

// runScript gives form.js, as it is delivered to phones, its input and returns what it says.
const runScript = `
const fs = require('fs'), input = JSON.parse(fs.readFileSync(0, 'utf8')), module_ = { exports: {} };
new Function('module', fs.readFileSync('../assets/src/form.js', 'utf8'))(module_);
const form = module_.exports, rules = Object.fromEntries(input.rules.map((r) => [r.key, r]));
process.stdout.write(JSON.stringify({
  checks: input.checks.map((c) => form.check(rules[c.key], c.typed)),
  shown: input.shown.map((answers) => form.shown(input.branching, answers)),
}))`

func TestPhonesJudgeAnswersAsTheServerDoes(t *testing.T) {
	t.Parallel()
	form, branching := everyKind(), branching()
	rules := form.Rules()
	byKey := map[string]campaigns.Rule{}
	for i := range rules {
		if rules[i].Kind == campaigns.RegionField {
			rules[i].Options = campaigns.RegionNames()
		}
		byKey[rules[i].Key] = rules[i]
	}
	type check struct {
		Key   string `json:"key"`
		Typed string `json:"typed"`
	}
	var checks []check
	for _, a := range typedAnswers {
		checks = append(checks, check{a.key, a.typed})
	}
	for _, field := range form { // every kind meets what was meant for the others
		for _, a := range typedAnswers {
			checks = append(checks, check{field.Key, a.typed})
		}
	}
	shown := []map[string]string{
		{},
		{"comes": "步行", "engine": "电"},
		{"comes": " 开车 "},
		{"comes": "开车", "engine": "电"},
		{"comes": "开车", "engine": "\n油\n电"},
		{"comes": "飞", "engine": "电"},
		{"engine": "电", "plate": "京A12345"},
		{"comes": "开车", "engine": "核"},
	}
	input, err := json.Marshal(map[string]any{"rules": rules, "checks": checks, "branching": branching.Rules(), "shown": shown})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "-e", runScript)
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v %s", err, stderr.String())
	}
	var said struct {
		Checks []struct {
			Value, Verdict string
			Count          int
		}
		Shown []map[string]bool
	}
	if err := json.Unmarshal(output, &said); err != nil {
		t.Fatal(err)
	}
	for i, c := range checks {
		input := map[string]string{"name": "王"}
		input[c.Key] = c.Typed
		answers, err := form.Check(input, true)
		var want string
		for _, e := range fault.All(err) {
			want = e.Key
		}
		got := said.Checks[i]
		var key string
		if got.Verdict != "" {
			problem := byKey[c.Key].Says[got.Verdict]
			if problem == nil {
				t.Errorf("%s %q: the rules have no words for %s", c.Key, c.Typed, got.Verdict)
				continue
			}
			key = problem.Key
		}
		if key != want || got.Value != answers[c.Key] {
			t.Errorf("%s %q: a phone says %q %s, the server %q %s", c.Key, c.Typed, got.Value, key, answers[c.Key], want)
		}
	}
	for i, answers := range shown {
		want := branching.Shown(answers)
		for key, on := range want {
			if said.Shown[i][key] != on {
				t.Errorf("%v: a phone shows %v, the server %v", answers, said.Shown[i], want)
			}
		}
	}
}
