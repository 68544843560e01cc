package i18n

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryLanguageHasTheSameKeysAndPlaceholders(t *testing.T) {
	t.Parallel()
	c, err := load(locales)
	if err != nil {
		t.Fatalf("the locale files have mistakes: %v", err)
	}
	for _, lang := range Languages()[1:] {
		for _, pair := range []struct{ have, want Language }{{lang, ZH}, {ZH, lang}} {
			for key := range c.messages[pair.want] {
				if _, ok := c.messages[pair.have][key]; !ok {
					t.Errorf("%s: %q is missing", pair.have, key)
				}
			}
		}
		for key, m := range c.messages[lang] {
			ref, ok := c.messages[ZH][key]
			if !ok {
				continue
			}
			if diff := cmp.Diff(placeholders(ref), placeholders(m)); diff != "" {
				t.Errorf("%q has other placeholders in %s than in %s:\n%s", key, lang, ZH, diff)
			}
		}
	}
}

func TestNoSentenceIsEmptyOrMalformed(t *testing.T) {
	t.Parallel()
	c, err := load(locales)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)
	for lang, messages := range c.messages {
		for id, m := range messages {
			if !key.MatchString(id) {
				t.Errorf("%s: %q is not area.thing.detail", lang, id)
			}
			if strings.TrimSpace(m.source) == "" || m.source != strings.TrimSpace(m.source) {
				t.Errorf("%s: %q is empty or has blanks around it: %q", lang, id, m.source)
			}
			bare := placeholder.ReplaceAllString(m.source, "")
			if strings.Contains(bare, "{{") || strings.Contains(bare, "}}") || strings.Contains(bare, "{name}") {
				t.Errorf("%s: %q has a placeholder that is not {{.name}}: %q", lang, id, m.source)
			}
			if strings.ContainsAny(m.source, "<>") {
				t.Errorf("%s: %q has markup; sentences are plain text: %q", lang, id, m.source)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{\{\s*\.([a-z][a-zA-Z0-9_]*)\s*\}\}`)

func placeholders(m message) []string {
	var names []string
	for _, found := range placeholder.FindAllStringSubmatch(m.source, -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestEveryKeyNamedInTheCodeHasASentence(t *testing.T) {
	t.Parallel()
	uses := usedKeys(t, "..")
	if len(uses) == 0 {
		t.Skip("no code names a key yet")
	}
	for key, where := range uses {
		if !Has(key) {
			t.Errorf("%s names %q, which no locale file defines", where, key)
		}
	}
}

// A key ends at the closing quote: a literal that is continued with + is built at run time and
// is the business of the package that builds it.
var keyUse = regexp.MustCompile(`(?:i18n\.T(?:Args)?\([^,"()]*(?:\([^()]*\))?[^,"()]*,\s*|fault\.New\(\s*[\w.]+,\s*)"([^"]+)"\s*([,)+])`)

func usedKeys(t *testing.T, root string) map[string]string {
	t.Helper()
	uses := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root {
			if strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "testdata", "dist", "fault", "i18n", "tools", "bin"}, name) {
				return filepath.SkipDir
			}
		}
		isGo := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, "_templ.go")
		if entry.IsDir() || !isGo && !strings.HasSuffix(name, ".templ") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range keyUse.FindAllStringSubmatch(string(source), -1) {
			if found[2] != "+" {
				uses[found[1]] = path
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return uses
}

func TestTheKeyScannerSeesEveryWayOfNamingAKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := `i18n.T(ctx, "a.one") i18n.T(c.UserContext(), "a.two", "n", 1) { i18n.TArgs(ctx, "a.three", e.Args) }
		fault.New(fault.Invalid, "a.four", "max", 3) fault.New(Invalid, "a.five") i18n.T(ctx, "a.built."+kind) i18n.T(ctx, key)`
	if err := os.WriteFile(filepath.Join(dir, "page.templ"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	got := usedKeys(t, dir)
	for _, key := range []string{"a.one", "a.two", "a.three", "a.four", "a.five"} {
		if got[key] == "" {
			t.Errorf("%s was not seen", key)
		}
	}
	if len(got) != 5 {
		t.Errorf("saw more than the literal keys: %v", got)
	}
}

func scratch(t *testing.T) *catalogue {
	t.Helper()
	c, err := load(fstest.MapFS{
		"locales/a.zh-CN.json": {Data: []byte(`{"a.hello":"您好，{{.name}}！","a.left":"还剩 {{.count}} 张","a.plain":"保存","a.zh_only":"只有中文"}`)},
		"locales/a.en.json":    {Data: []byte(`{"a.hello":"Hello {{ .name }}!","a.left":{"one":"{{.count}} card left for {{.who}}","other":"{{.count}} cards left for {{.who}}"},"a.plain":"Save"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *catalogue) pairs(lang Language, key string, args map[string]any) string {
	return c.text(lang, key, func(name string) any { return args[name] })
}

func TestSentencesFillPlaceholdersAndChoosePlurals(t *testing.T) {
	t.Parallel()
	type stock int32
	c := scratch(t)
	for _, tt := range []struct {
		name string
		lang Language
		key  string
		args map[string]any
		want string
	}{
		{"plain", ZH, "a.plain", nil, "保存"},
		{"placeholder", ZH, "a.hello", map[string]any{"name": "张三"}, "您好，张三！"},
		{"placeholder with blanks", EN, "a.hello", map[string]any{"name": "Li"}, "Hello Li!"},
		{"markup stays text for the template to escape", EN, "a.hello", map[string]any{"name": "<b>"}, "Hello <b>!"},
		{"a value that looks like a placeholder is left alone", EN, "a.hello", map[string]any{"name": "{{.name}}"}, "Hello {{.name}}!"},
		{"a placeholder without a value is empty", ZH, "a.hello", nil, "您好，！"},
		{"Chinese does not count", ZH, "a.left", map[string]any{"count": 1}, "还剩 1 张"},
		{"one", EN, "a.left", map[string]any{"count": 1, "who": "you"}, "1 card left for you"},
		{"many", EN, "a.left", map[string]any{"count": int64(2), "who": "you"}, "2 cards left for you"},
		{"a named integer type counts too", EN, "a.left", map[string]any{"count": stock(1), "who": "{{.x}}"}, "1 card left for {{.x}}"},
		{"without a count the general form", EN, "a.left", map[string]any{"who": "you"}, " cards left for you"},
		{"a sentence missing in English is shown in Chinese", EN, "a.zh_only", nil, "只有中文"},
		{"a missing key is shown", EN, "a.nowhere", nil, "a.nowhere"},
	} {
		if got := c.pairs(tt.lang, tt.key, tt.args); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAMissingKeyIsLoggedOnce(t *testing.T) {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	c := scratch(t)
	for range 3 {
		c.pairs(ZH, "a.forgotten", nil)
	}
	if n := strings.Count(logged.String(), "a.forgotten"); n != 1 {
		t.Fatalf("logged %d times:\n%s", n, logged.String())
	}
}

func TestBrokenLocaleFilesAreReported(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, body, want string }{
		{"syntax", "locales/b.en.json", `{"b.x":`, "b.en.json"},
		{"repeated key", "locales/b.en.json", `{"b.x":"1","b.x":"2"}`, `"b.x" occurs twice`},
		{"key of another file", "locales/b.en.json", `{"a.plain":"x"}`, "another file"},
		{"unknown language", "locales/b.fr.json", `{"b.x":"x"}`, "must end in"},
	} {
		_, err := load(fstest.MapFS{
			"locales/a.en.json": {Data: []byte(`{"a.plain":"Save"}`)},
			tt.file:             {Data: []byte(tt.body)},
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestTheContextCarriesTheLanguage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	if Lang(ctx) != ZH || Lang(With(ctx, EN)) != EN || Lang(With(ctx, "xx")) != ZH {
		t.Fatal("the default is Chinese and English must be kept")
	}
	if T(ctx, "common.save") != "保存" || T(With(ctx, EN), "common.save") != "Save" {
		t.Fatal("T ignored the language of its context")
	}
	if got := T(ctx, "common.support_code", "code", "A1B2"); got != "支持码 A1B2" {
		t.Fatal(got)
	}
	if got := TArgs(With(ctx, EN), "common.support_code", map[string]any{"code": 7}); got != "Support code 7" {
		t.Fatal(got)
	}
	if !Has("error.internal") || Has("error.nothing") {
		t.Fatal("Has is wrong")
	}
}

func TestTheBrowserHeaderPicksTheLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]Language{
		"":                                    ZH,
		"zh-CN,zh;q=0.9,en;q=0.8":             ZH,
		"zh-TW":                               ZH,
		"en-GB,en;q=0.9":                      EN,
		"en;q=0.3, zh;q=0.9":                  ZH,
		"fr-FR,fr;q=0.9":                      ZH,
		"de, en;q=0.5":                        EN,
		";;;\x00":                             ZH,
		"en" + strings.Repeat(",en-x-aa", 90): ZH,
	} {
		if got := Match(header); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("CST", 8*3600)
	at := time.Date(2026, 11, 20, 18, 32, 5, 0, time.UTC)
	zh := context.Background()
	en := With(zh, EN)
	for _, tt := range []struct{ got, want string }{
		{Date(zh, at, shanghai), "2026年11月21日"},
		{Date(en, at, shanghai), "21 Nov 2026"},
		{Date(en, at, nil), "20 Nov 2026"},
		{DateTime(zh, at, shanghai), "2026-11-21 02:32"},
		{ShortTime(en, at, shanghai), "11-21 02:32"},
		{DateTime(zh, time.Time{}, shanghai), ""},
		{Number(zh, 0), "0"},
		{Number(zh, 999), "999"},
		{Number(en, 1220), "1,220"},
		{Number(en, -1234567), "-1,234,567"},
		{Number(en, -123), "-123"},
		{Number(en, -9223372036854775808), "-9,223,372,036,854,775,808"},
		{Money(0), "¥0.00"},
		{Money(1200), "¥12.00"},
		{Money(-5), "-¥0.05"},
		{Money(-9223372036854775808), "-¥92233720368547758.08"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestPlainSentencesCostNoAllocation(t *testing.T) {
	ctx := With(context.Background(), EN)
	if n := testing.AllocsPerRun(100, func() { T(ctx, "common.save") }); n > 0 {
		t.Fatalf("%v allocations for a sentence without placeholders", n)
	}
}
