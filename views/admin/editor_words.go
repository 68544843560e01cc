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

// change is the conflict as a difference: what the others have, and mine.
func (c ConflictField) change() campaigns.Change {
	return campaigns.Change{Field: c.Field, Before: valueText(c.Theirs), After: valueText(c.Mine)}
}

// Changes are the fields that both changed.
func (c *Conflict) Changes() []campaigns.Change {
	list := make([]campaigns.Change, 0, len(c.Fields))
	for _, field := range c.Fields {
		list = append(list, field.change())
	}
	return list
}

// valueText is a value of the form, as JSON decodes it, in the way of a change: lists a line
// each, rows by their label.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		var lines []string
		for _, each := range v {
			if m, ok := each.(map[string]any); ok {
				if label, ok := m["label"].(string); ok {
					lines = append(lines, label)
					continue
				}
			}
			lines = append(lines, valueText(each))
		}
		return strings.Join(lines, "\n")
	}
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}
