package web

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// errMiniBody says that a body is neither a JSON object nor a form.
var errMiniBody = fiber.NewError(fiber.StatusBadRequest)

// miniInput is what a mini program sent, whichever of the two codings it chose: plain
// values by name, and the answers of a form. Names of the query count where the body has
// none.
type miniInput struct {
	values  map[string]string
	answers map[string]string
}

const maxMiniNames = 200

// miniBody reads the body. Numbers and booleans count as their text; what is no plain
// value is ignored, but for the object "answers".
func miniBody(c *fiber.Ctx) (miniInput, error) {
	in := miniInput{values: map[string]string{}, answers: map[string]string{}}
	for name, value := range c.Queries() {
		in.values[name] = value
	}
	body := bytes.TrimSpace(bytes.TrimPrefix(c.Body(), []byte("\ufeff")))
	if len(body) == 0 {
		return in, nil
	}
	kind, _, _ := strings.Cut(strings.ToLower(c.Get(fiber.HeaderContentType)), ";")
	switch strings.TrimSpace(kind) {
	case fiber.MIMEApplicationForm:
		return in, in.form(string(body))
	case fiber.MIMEApplicationJSON, "", fiber.MIMETextPlain:
		return in, in.json(body)
	}
	return in, errMiniBody
}

func (in *miniInput) form(body string) error {
	fields, err := url.ParseQuery(body)
	if err != nil || len(fields) > maxMiniNames {
		return errMiniBody
	}
	for name, all := range fields {
		if key, ok := strings.CutPrefix(name, "f_"); ok {
			in.answers[key] = strings.Join(all, "\n")
		} else {
			in.values[name] = all[0]
		}
	}
	return nil
}

func (in *miniInput) json(body []byte) error {
	var fields map[string]json.RawMessage
	if body[0] != '{' || json.Unmarshal(body, &fields) != nil || len(fields) > maxMiniNames {
		return errMiniBody
	}
	for name, raw := range fields {
		if name != "answers" {
			plainValue(in.values, name, raw)
			continue
		}
		var answers map[string]json.RawMessage
		if json.Unmarshal(raw, &answers) != nil || len(answers) > maxMiniNames {
			return errMiniBody
		}
		for key, value := range answers {
			var several []string
			if json.Unmarshal(value, &several) == nil && several != nil {
				in.answers[key] = strings.Join(several, "\n")
				continue
			}
			plainValue(in.answers, key, value)
		}
	}
	return nil
}

// plainValue puts a text, number or boolean into the map.
func plainValue(into map[string]string, name string, raw json.RawMessage) {
	var text string
	switch {
	case len(raw) == 0, raw[0] == '{', raw[0] == '[', raw[0] == 'n':
	case raw[0] == '"':
		if json.Unmarshal(raw, &text) == nil {
			into[name] = text
		}
	default:
		into[name] = string(raw)
	}
}

// text is a value without the blanks around it.
func (in *miniInput) text(name string) string { return strings.TrimSpace(in.values[name]) }

// yes reports whether a value says so.
func (in *miniInput) yes(name string) bool {
	switch in.text(name) {
	case "1", "true", "on", "yes":
		return true
	}
	return false
}

// optional is a value as it came, and whether it came at all.
func (in *miniInput) optional(name string) (string, bool) {
	value, ok := in.values[name]
	return value, ok
}
