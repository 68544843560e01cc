package ui

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// Input is one labelled field of a form.
type Input struct {
	Name         string
	Label        string
	Type         string // of the input, "" = text; "textarea" and "select" too
	Value        string
	Hint         string
	Placeholder  string
	Errors       []string
	Required     bool
	Locked       string // why the field cannot change; it is sent through a hidden input then
	Max          int    // characters advised; shown as a count, checked by the server
	Rows         int    // of a textarea
	Autocomplete string
	Options      []Option // of a select
	Attrs        templ.Attributes
}

// Option is one entry of a select.
type Option struct{ Value, Label string }

// FieldID is the id of the input of a name, for labels and error links.
func FieldID(name string) string { return "f-" + brackets.Replace(name) }

var brackets = strings.NewReplacer("[", "-", "]", "")

func (in Input) kind() string {
	if in.Type == "" {
		return "text"
	}
	return in.Type
}

func (in Input) described() string {
	id := FieldID(in.Name)
	if len(in.Errors) > 0 {
		return id + "-error"
	}
	return id + "-hint"
}

func (in Input) count() string {
	return strconv.Itoa(utf8.RuneCountInString(in.Value)) + "/" + strconv.Itoa(in.Max)
}

// attributes are those that all three kinds of inputs share.
func (in Input) attributes() templ.Attributes {
	a := templ.Attributes{
		"id": FieldID(in.Name), "aria-describedby": in.described(), "aria-invalid": strconv.FormatBool(len(in.Errors) > 0),
		"disabled": in.Locked != "", "aria-required": strconv.FormatBool(in.Required),
	}
	if in.Locked == "" {
		a["name"] = in.Name
	}
	if in.Placeholder != "" {
		a["placeholder"] = in.Placeholder
	}
	if in.Autocomplete != "" {
		a["autocomplete"] = in.Autocomplete
	}
	if in.Max > 0 {
		a["data-max"] = strconv.Itoa(in.Max)
	}
	for name, value := range in.Attrs {
		a[name] = value
	}
	return a
}

func (in Input) rows() string { return strconv.Itoa(max(2, in.Rows)) }
