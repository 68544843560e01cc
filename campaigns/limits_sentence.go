package campaigns

// LimitPart is one part of the sentence that reads the limits back: a translation key with
// its arguments.
type LimitPart struct {
	Key  string
	Args []any
}

// LimitsSentence says what a draft's limits come to, part by part, in the order in which
// people ask: how many for me, how many a day, how many in all, for whom, and what for.
func LimitsSentence(d *Draft) []LimitPart {
	var parts []LimitPart
	add := func(key string, args ...any) { parts = append(parts, LimitPart{key, args}) }
	if d.Limits.PerPerson > 0 {
		add("editor.limits.person", "count", d.Limits.PerPerson)
	}
	if d.Limits.PerDay > 0 {
		add("editor.limits.person_day", "count", d.Limits.PerDay)
	}
	r := &d.Rules
	if r.DayTotal > 0 {
		add("rules.limits.day_total", "count", r.DayTotal, "clock", r.ReleaseClock())
	}
	if d.Total > 0 {
		add("editor.limits.total", "count", d.Total)
	}
	if r.Followers {
		add("rules.limits.followers")
	}
	if len(r.Channels) > 0 {
		add("rules.limits.channels", "codes", r.Channels)
	}
	if r.AllowList != "" {
		add("rules.limits.allow_list")
	}
	for _, kind := range r.Once {
		add("rules.limits.once_" + kind)
	}
	if r.Invitation.Mode != NoInvitation {
		add("rules.limits.invitation")
	}
	if len(d.Form) > 0 {
		add("editor.limits.form", "fields", formLabels(d.Form))
	}
	return parts
}

// formLabels are the labels of the questions that must be answered, or of all.
func formLabels(f Form) []string {
	var must, all []string
	for _, field := range f {
		all = append(all, field.Label)
		if field.Required {
			must = append(must, field.Label)
		}
	}
	if len(must) > 0 {
		return must
	}
	return all
}
