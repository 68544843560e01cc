package admin

import (
	"context"
	"encoding/json"
	"strings"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

func (f *CampaignForm) title(ctx context.Context) string {
	if f.Campaign == nil {
		return i18n.T(ctx, "admin.campaign.new")
	}
	return f.Campaign.Name
}

func (f *CampaignForm) savedWords(ctx context.Context) string {
	if !f.Kept.IsZero() {
		return i18n.T(ctx, "editor.kept", "time", f.Kept.In(f.Campaign.Zone).Format("15:04"))
	}
	return ""
}

// LimitsWords is the sentence that reads the limits back, "" without any.
func (f *CampaignForm) LimitsWords(ctx context.Context) string {
	between, end, comma := "；", "。", "、"
	if i18n.Lang(ctx) == i18n.EN {
		between, end, comma = "; ", ".", ", "
	}
	var parts []string
	for _, part := range f.Limits {
		args := append([]any(nil), part.Args...)
		for i, arg := range args {
			if list, ok := arg.([]string); ok {
				args[i] = strings.Join(list, comma)
			}
		}
		parts = append(parts, i18n.T(ctx, part.Key, args...))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, between) + end
}

// framePath is the page beside the form: the campaign as the person typed it.
func framePath(c *campaigns.Campaign) string { return CampaignPath(c) + "/edit/page" }

func frameStates(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "preview.pick.auto")}}
	for _, state := range visitor.States {
		options = append(options, ui.Option{Value: string(state), Label: stateName(ctx, state)})
	}
	return options
}

func (c *Conflict) title(ctx context.Context, campaign *campaigns.Campaign) string {
	if c.By == "" {
		return i18n.T(ctx, "editor.conflict.somebody")
	}
	return i18n.T(ctx, "editor.conflict.title", "name", c.By, "time", i18n.DateTime(ctx, c.At, campaign.Zone))
}

func (c *Conflict) theirs(ctx context.Context) string {
	if c.By == "" {
		return i18n.T(ctx, "editor.conflict.theirs")
	}
	return i18n.T(ctx, "editor.conflict.theirs_of", "name", c.By)
}

// valueWords is a value of the form, as JSON decodes it.
func valueWords(ctx context.Context, v any) string {
	switch v := v.(type) {
	case nil:
		return i18n.T(ctx, "editor.change.none")
	case string:
		if v == "" {
			return i18n.T(ctx, "editor.change.none")
		}
		return v
	case bool:
		return yesNo(ctx, v)
	case []any:
		var lines []string
		for _, each := range v {
			if m, ok := each.(map[string]any); ok {
				if label, ok := m["label"].(string); ok {
					lines = append(lines, label)
					continue
				}
			}
			lines = append(lines, valueWords(ctx, each))
		}
		return strings.Join(lines, "\n")
	}
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}

func yesNo(ctx context.Context, yes bool) string {
	if yes {
		return i18n.T(ctx, "editor.change.yes")
	}
	return i18n.T(ctx, "editor.change.no")
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

// ChangeWords is one side of a change.
func ChangeWords(ctx context.Context, field, value string) string {
	switch {
	case value == "":
		return i18n.T(ctx, "editor.change.none")
	case value == "true" || value == "false":
		return yesNo(ctx, value == "true")
	case field == "issuer":
		return i18n.T(ctx, "admin.issuer."+value)
	}
	return value
}
