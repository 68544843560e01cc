package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/media"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// Thing is something that the settings of a campaign name by its id.
type Thing struct{ Kind, ID string }

// The kinds of things.
const (
	AccountThing = "account"
	ListThing    = "list"
	PoolThing    = "pool"
	PlaceThing   = "place"
	GoodsThing   = "goods"
	PictureThing = "picture"
)

// Names are what people call things. One that is not there was deleted.
type Names map[Thing]string

// settingWords are the words of the settings of which the editor offers some to choose from,
// by the names of their fields there and in a difference.
var settingWords = map[string]func(context.Context) []ui.Option{
	"issuer":             issuerOptions,
	"low_reaction":       lowReactions,
	"low_stock_reaction": lowReactions,
	"layout":             layoutOptions,
	"ink":                inkOptions,
	"invitation":         invitationModes,
	"invitation_mode":    invitationModes,
	"once":               onceOptions,
	"webhook_events":     noticeEvents,
}

// thingFields are the fields that hold ids, with what those name.
var thingFields = map[string]string{
	"account": AccountThing, "allow_list": ListThing, "block_list": ListThing, "invitation_list": ListThing, "pool": PoolThing,
	"places": PlaceThing, "redeem_places": PlaceThing, "goods": GoodsThing, "redeem_goods": GoodsThing, "cover": PictureThing,
}

func onceOptions(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, kind := range campaigns.OnceKinds {
		options = append(options, ui.Option{Value: kind, Label: FieldLabel(ctx, "once_"+kind)})
	}
	return options
}

func noticeEvents(ctx context.Context) []ui.Option {
	var options []ui.Option
	for _, event := range campaigns.NoticeEvents {
		options = append(options, ui.Option{Value: event, Label: noticeEvent(ctx, event)})
	}
	return options
}

// Things are what the changes name, each once.
func Things(changes []campaigns.Change) []Thing {
	var list []Thing
	seen := map[Thing]bool{}
	for _, c := range changes {
		for line := range strings.SplitSeq(c.Before+"\n"+c.After, "\n") {
			if t, ok := thingOf(c.Field, line); ok && !seen[t] {
				seen[t] = true
				list = append(list, t)
			}
		}
	}
	return list
}

// thingOf is what a line of a field's value names. The address of a shared picture names one
// of ours where it leads to it.
func thingOf(field, line string) (t Thing, ok bool) {
	if field == "share_image" {
		u, err := url.Parse(line)
		if err != nil {
			return Thing{}, false
		}
		name, found := strings.CutPrefix(u.Path, visitor.PicturePath(""))
		return Thing{PictureThing, name}, found && media.ValidName(name)
	}
	kind := thingFields[field]
	return Thing{kind, line}, kind != "" && line != ""
}

// ChangeLabel is how people call the field of a change.
func ChangeLabel(ctx context.Context, field string) string {
	if i18n.Has("admin.campaign.field." + field) {
		return FieldLabel(ctx, field)
	}
	if label, ok := stateChange(ctx, field); ok {
		return label
	}
	return field
}

// ChangeWords is one side of a change of a campaign: settings in the words of the editor,
// things by their names.
func ChangeWords(ctx context.Context, names Names, field, value string) string {
	if field == "form" && value != "" {
		return formWords(ctx, value)
	}
	options := settingWords[field]
	if options == nil && (value == "" || thingFields[field] == "" && field != "share_image") {
		return plainWords(ctx, clockWords(field, value))
	}
	lines := strings.Split(value, "\n")
	for i, line := range lines {
		if options != nil {
			lines[i] = optionWords(ctx, options(ctx), line)
		} else if t, ok := thingOf(field, line); ok {
			lines[i] = names.words(ctx, t)
		}
	}
	return strings.Join(lines, "\n")
}

// plainWords is a value that needs no more than its kind to be understood.
func plainWords(ctx context.Context, value string) string {
	switch value {
	case "":
		return i18n.T(ctx, "editor.change.none")
	case "true", "false":
		return i18n.T(ctx, map[string]string{"true": "editor.change.yes", "false": "editor.change.no"}[value])
	}
	return value
}

func optionWords(ctx context.Context, options []ui.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return plainWords(ctx, value)
}

func (n Names) words(ctx context.Context, t Thing) string {
	if name := n[t]; name != "" {
		return name
	}
	return i18n.T(ctx, "editor.gone."+t.Kind)
}

// clockWords writes the minute of a day as a clock, and fen as yuan.
func clockWords(field, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
	case field == "release_minute":
		return fmt.Sprintf("%02d:%02d", n/60, n%60)
	case field == "fen":
		return i18n.Money(n)
	}
	return value
}

// formWords are the questions of a form, a line each. A line that is not JSON is shown as it
// is: the audit holds some from before.
func formWords(ctx context.Context, value string) string {
	lines := strings.Split(value, "\n")
	form := make(campaigns.Form, len(lines))
	for i, line := range lines {
		if json.Unmarshal([]byte(line), &form[i]) == nil {
			lines[i] = questionWords(ctx, form, &form[i])
		}
	}
	return strings.Join(lines, "\n")
}

// questionWords is a question with all that is set about it.
func questionWords(ctx context.Context, form campaigns.Form, f *campaigns.Field) string {
	parts := []string{f.Label, optionWords(ctx, questionKinds(ctx), string(f.Kind))}
	comma := "、"
	if i18n.Lang(ctx) == i18n.EN {
		comma = ", "
	}
	if f.Required {
		parts = append(parts, i18n.T(ctx, "admin.question.required"))
	}
	retention, shown := "", ""
	if f.Retention > 0 {
		retention = strconv.Itoa(f.Retention)
	}
	if f.ShowIf != nil {
		shown = f.ShowIf.Key
		for i := range form {
			if form[i].Key == shown && form[i].Label != "" {
				shown = form[i].Label
				break
			}
		}
		shown += " = " + strings.Join(f.ShowIf.Values, comma)
	}
	for _, part := range []struct{ name, value string }{
		{"key", f.Key},
		{"help", f.Help},
		{"placeholder", f.Placeholder},
		{"options", strings.Join(f.Options, comma)},
		{"min", f.Min},
		{"max", f.Max},
		{"text", f.Text},
		{"show_key", shown},
		{"purpose", f.Purpose},
		{"retention", retention},
	} {
		if part.value != "" {
			parts = append(parts, i18n.T(ctx, "editor.change.part", "name", i18n.T(ctx, "admin.question."+part.name), "value", part.value))
		}
	}
	return strings.Join(parts, " · ")
}
