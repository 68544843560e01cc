package i18n

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.json
var locales embed.FS

// message is one sentence of one language. text has alternating literal parts and placeholder
// names, literals first; counted sentences are chosen by the bundle's plural rules instead.
type message struct {
	source  string
	parts   []string
	counted bool
}

// catalogue is every sentence, loaded once and then only read (but for missing).
type catalogue struct {
	messages  map[Language]map[string]message
	localizer map[Language]*goi18n.Localizer
	missing   sync.Map // what reportMissing has logged
}

// shared is the catalogue of the embedded files. A broken file leaves its sentences out and is
// reported by the tests of this package; the rest of the product keeps its words.
var shared = sync.OnceValue(func() *catalogue {
	c, _ := load(locales)
	return c
})

// load merges every locales/<area>.<language>.json, and returns what it could read together with
// every problem: unreadable files, languages that do not exist, keys that two files define.
func load(files fs.FS) (*catalogue, error) {
	bundle := goi18n.NewBundle(language.MustParse(string(ZH)))
	c := &catalogue{messages: map[Language]map[string]message{}, localizer: map[Language]*goi18n.Localizer{}}
	for _, lang := range Languages() {
		c.messages[lang] = map[string]message{}
		c.localizer[lang] = goi18n.NewLocalizer(bundle, string(lang))
	}
	names, err := fs.Glob(files, "locales/*.json")
	problems := []error{err}
	for _, name := range names {
		lang := languageOf(name)
		if c.messages[lang] == nil {
			problems = append(problems, fmt.Errorf("%s: the name must end in .zh-CN.json or .en.json", name))
			continue
		}
		raw, err := fs.ReadFile(files, name)
		if err == nil {
			err = repeatedKeys(raw)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		file, err := bundle.ParseMessageFileBytes(raw, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		for _, m := range file.Messages {
			if _, twice := c.messages[lang][m.ID]; twice {
				problems = append(problems, fmt.Errorf("%s: %q is defined in another file too", name, m.ID))
			}
			c.messages[lang][m.ID] = compile(m)
		}
	}
	return c, errors.Join(problems...)
}

// languageOf reads the language out of locales/<area>.<language>.json.
func languageOf(name string) Language {
	base := strings.TrimSuffix(path.Base(name), ".json")
	return Language(base[strings.LastIndexByte(base, '.')+1:])
}

// repeatedKeys refuses a file in which a key occurs twice, which encoding/json lets pass in silence.
func repeatedKeys(raw []byte) error {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.Token(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key := fmt.Sprint(token)
		if seen[key] {
			return fmt.Errorf("%q occurs twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
	}
	return nil
}

// compile splits the sentence at its placeholders, so that rendering is one pass over strings.
func compile(m *goi18n.Message) message {
	out := message{source: m.One + m.Other, counted: m.One != ""}
	rest := m.Other
	for {
		before, after, found := strings.Cut(rest, "{{")
		name, tail, closed := strings.Cut(after, "}}")
		if !found || !closed {
			out.parts = append(out.parts, rest)
			return out
		}
		out.parts = append(out.parts, before, strings.TrimPrefix(strings.TrimSpace(name), "."))
		rest = tail
	}
}

// Has reports whether the key has a sentence in the reference language.
func Has(key string) bool {
	_, ok := shared().messages[ZH][key]
	return ok
}
