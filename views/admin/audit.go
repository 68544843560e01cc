package admin

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/layout"
	"kaquan/views/ui"
)

// AuditPath is the address of the audit.
const AuditPath = "/admin/audit"

// actionGroups are what the filter offers: the first words of the actions of each group.
var actionGroups = []struct {
	name  string
	words []string
}{
	{"campaigns", []string{"campaign", "campaigns", "template", "view", "channel", "channels"}},
	{"claims", []string{"claims", "exports", "visitor", "list", "pool"}},
	{"orders", []string{"orders"}},
	{"stores", []string{"stores", "redemptions"}},
	{"wechat", []string{"account", "mini", "reach", "events", "files", "tokens", "health"}},
	{"people", []string{"people", "api", "audit"}},
}

// GroupWords are the first words of a group's actions; none for an unknown group.
func GroupWords(group string) []string {
	for _, g := range actionGroups {
		if g.name == group {
			return g.words
		}
	}
	return nil
}

// ActionGroup is the group of an action, "" for unknown ones.
func ActionGroup(action string) string {
	word, _, _ := strings.Cut(action, ".")
	for _, g := range actionGroups {
		if slices.Contains(g.words, word) {
			return g.name
		}
	}
	return ""
}

// ActionWords says what was done; an action that the program does not know keeps its name.
func ActionWords(ctx context.Context, action string) string {
	if key := "audit.action." + action; i18n.Has(key) {
		return i18n.T(ctx, key)
	}
	return action
}

// AuditQuery is the filter of the audit as the address carries it. Days are YYYY-MM-DD.
type AuditQuery struct {
	Person   string // an id, or the start of a name
	Group    string
	Object   string // an id, with its kind and a colon before it where both count
	From, To string
	Before   string
}

func (q AuditQuery) address(path string) string {
	v := url.Values{}
	for name, value := range map[string]string{
		"person": q.Person, "group": q.Group, "object": q.Object, "from": q.From, "to": q.To, "before": q.Before,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// URL is the address of the page with the filter; what does not filter is left out.
func (q AuditQuery) URL() string { return q.address(AuditPath) }

// file is the address of everything that the filter finds.
func (q AuditQuery) file() string {
	q.Before = ""
	return q.address(AuditPath + ".csv")
}

func (q AuditQuery) page(before string) string {
	q.Before = before
	return q.URL()
}

func (q AuditQuery) filters() bool {
	q.Before = ""
	return q != AuditQuery{}
}

func of(r *AuditRow) string { return AuditQuery{Object: r.ObjectKind + ":" + r.ObjectID}.URL() }

// Audit is the list of who did what.
type Audit struct {
	Page  layout.Page
	Query AuditQuery
	Names []string // of the people there are, for the filter
	Rows  []AuditRow
	Next  string
	Zone  *time.Location
}

// AuditRow is a line of it; Name is the object's, "" = not known. Names are of what the
// changes of a campaign name.
type AuditRow struct {
	people.AuditEntry
	Name  string
	Names Names
}

// ActorWords is who did it.
func (r *AuditRow) ActorWords(ctx context.Context) string {
	switch {
	case r.ActorName == "visitor" && r.Actor == "":
		return i18n.T(ctx, "audit.visitor")
	case r.ActorName == "" || r.ActorName == "system" && r.Actor == "":
		return i18n.T(ctx, "audit.system")
	}
	return r.ActorName
}

// ObjectWords is what it was done to: the kind, and the name or the number.
func (r *AuditRow) ObjectWords(ctx context.Context) string {
	kind := r.ObjectKind
	if key := "audit.kind." + kind; i18n.Has(key) {
		kind = i18n.T(ctx, key)
	}
	name := r.Name
	if name == "" {
		name = r.ObjectID
	}
	return strings.TrimSpace(kind + " " + name)
}

// objectPaths are the pages of objects, by kind; the number goes behind.
var objectPaths = map[string]string{
	"campaign": "/admin/campaigns/", "claim": claimsPath + "/", "list": ListsPath + "/", "pool": PoolsPath + "/", "push": eventsPath + "/",
	"account": accountsPath + "/", "place": StoresPath + "/", "staff": StaffPath + "/", "goods": GoodsPath + "/", "count": MovementsPath + "/count/",
	"order": OrdersPath + "?q=", "person": PeoplePath + "/",
}

// path is the object's page, "" without one.
func (r *AuditRow) path() string {
	if base := objectPaths[r.ObjectKind]; base != "" && r.ObjectID != "" {
		return base + url.PathEscape(r.ObjectID)
	}
	return ""
}

// Changes are the fields that were edited.
func (r *AuditRow) Changes() []campaigns.Change {
	changes, _ := r.parts()
	return changes
}

// OfCampaign reports whether the changes are those of a campaign's settings.
func (r *AuditRow) OfCampaign() bool {
	return r.Action == "campaign.edit" || r.Action == campaigns.AutosaveAction || r.Action == "campaign.restore"
}

// words is one side of a change, or a fact.
func (r *AuditRow) words(ctx context.Context, name, value string) string {
	if r.OfCampaign() {
		return ChangeWords(ctx, r.Names, name, value)
	}
	return plainWords(ctx, value)
}

// known is one thing known about a line.
type known struct{ name, value string }

func (r *AuditRow) parts() (changes []campaigns.Change, facts []known) {
	var detail map[string]any
	if json.Unmarshal([]byte(r.Detail), &detail) != nil {
		return nil, nil
	}
	names := make([]string, 0, len(detail))
	for name := range detail {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if pair, ok := detail[name].([]any); ok && len(pair) == 2 && (strings.HasSuffix(r.Action, ".edit") || r.OfCampaign()) {
			before, after := plainValue(pair[0]), plainValue(pair[1])
			if before != after {
				changes = append(changes, campaigns.Change{Field: name, Before: before, After: after})
			}
			continue
		}
		if value := plainValue(detail[name]); value != "" {
			facts = append(facts, known{name, value})
		}
	}
	return changes, facts
}

// plainValue is a JSON value as text; true and false stay as they are written.
func plainValue(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		parts := make([]string, 0, len(v))
		for _, each := range v {
			parts = append(parts, plainValue(each))
		}
		return strings.Join(parts, ", ")
	}
	b, _ := json.Marshal(v) // it came from JSON
	return string(b)
}

// label is how people call a field of a line: campaigns have labels of their own.
func (r *AuditRow) label(ctx context.Context, name string) string {
	if strings.HasPrefix(r.Action, "campaign.") && i18n.Has("admin.campaign.field."+name) {
		return ChangeLabel(ctx, name)
	}
	if key := "audit.detail." + name; i18n.Has(key) {
		return i18n.T(ctx, key)
	}
	return ChangeLabel(ctx, name)
}

// facts is what else is known, in one line.
func (r *AuditRow) facts(ctx context.Context) string {
	_, list := r.parts()
	parts := make([]string, 0, len(list))
	for _, f := range list {
		parts = append(parts, r.label(ctx, f.name)+" "+r.words(ctx, f.name, r.valueWords(ctx, f)))
	}
	return strings.Join(parts, " · ")
}

// valueWords turns the values that are names of ours into words.
func (r *AuditRow) valueWords(ctx context.Context, f known) string {
	switch f.name {
	case "role":
		for _, key := range []string{"people.role." + f.value, "stores.role." + f.value} {
			if i18n.Has(key) {
				return i18n.T(ctx, key)
			}
		}
	case "warnings":
		names := strings.Split(f.value, ", ")
		for i, line := range names {
			names[i], _, _ = strings.Cut(line, ":")
			for _, key := range []string{"preflight.check." + names[i], "doctor.check." + names[i]} {
				if i18n.Has(key) {
					names[i] = i18n.T(ctx, key)
					break
				}
			}
		}
		return strings.Join(names, ", ")
	case "reason":
		if i18n.Has(f.value) {
			return i18n.T(ctx, f.value)
		}
	}
	return f.value
}

// DetailWords is everything that is known about a line as text, for files.
func (r *AuditRow) DetailWords(ctx context.Context) string {
	changes := r.Changes()
	parts := make([]string, 0, len(changes)+1)
	for _, c := range changes {
		parts = append(parts, r.label(ctx, c.Field)+": "+r.words(ctx, c.Field, c.Before)+" → "+r.words(ctx, c.Field, c.After))
	}
	if facts := r.facts(ctx); facts != "" {
		parts = append(parts, facts)
	}
	return strings.Join(parts, "\n")
}

func groupOptions(ctx context.Context) []ui.Option {
	options := []ui.Option{{Label: i18n.T(ctx, "audit.all_groups")}}
	for _, g := range actionGroups {
		options = append(options, ui.Option{Value: g.name, Label: i18n.T(ctx, "audit.group."+g.name)})
	}
	return options
}
