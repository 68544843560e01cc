package campaigns

import "slices"

// rules are the checks of preflight about who may claim.
func (f *findings) rules(c *Campaign, look *RulesLook) {
	if look == nil {
		return
	}
	r := &c.Rules
	for _, use := range []struct {
		field string
		id    ListID
		codes bool
	}{
		{"allow_list", r.AllowList, false},
		{"block_list", r.BlockList, false},
		{"invitation_list", r.Invitation.List, true},
	} {
		if use.id == "" {
			continue
		}
		l, there := look.Lists[use.id]
		switch {
		case !there || l.Account != c.Account:
			f.add(CheckBlock, "gone", use.field)
		case use.codes != (l.Kind == ListCode):
			f.add(CheckBlock, "kind", use.field, "name", l.Name)
		case l.Rows == 0:
			f.add(CheckBlock, "empty", use.field, "name", l.Name)
		case use.codes && l.Rows-l.Used < c.Stock.Left():
			f.add(CheckWarn, "few_codes", use.field, "name", l.Name, "left", l.Rows-l.Used, "total", c.Stock.Left())
		case !c.tells(l.Kind):
			f.add(CheckBlock, "unasked", use.field, "name", l.Name)
		}
	}
	for _, code := range r.Channels {
		if !look.Channels[code] {
			f.add(CheckWarn, "channel", "channels", "code", code)
		}
	}
	if r.Followers {
		f.add(CheckAdvice, "followers", "followers")
	}
	if len(f.list) == 0 && r.restrict() {
		f.add(CheckOK, "ok", "followers")
	}
}

// restrict reports whether anybody may be refused for who they are.
func (r *Rules) restrict() bool {
	return r.Followers || r.AllowList != "" || r.BlockList != "" || len(r.Channels) > 0 || len(r.Once) > 0 || r.Invitation.Mode != NoInvitation
}

// tells reports whether a claim says what a list of the kind is about.
func (c *Campaign) tells(kind ListKind) bool {
	want := map[ListKind]FieldKind{ListPhone: MobileField, ListPlate: PlateField}[kind]
	return want == "" || slices.ContainsFunc(c.Form, func(field Field) bool { return field.Kind == want && field.Required && field.ShowIf == nil })
}

// pool is the check of preflight about a campaign's code pool.
func (f *findings) pool(c *Campaign, look *RulesLook) {
	if c.Issuer != CodePool || look == nil {
		return
	}
	switch p := look.Pool; {
	case p == nil || p.Account != c.Account:
		f.add(CheckBlock, "gone", "pool")
	case p.Left() < c.Stock.Left():
		f.add(CheckBlock, "few", "total", "left", p.Left(), "total", c.Stock.Left(), "name", p.Name)
	default:
		f.add(CheckOK, "ok", "pool", "left", p.Left(), "name", p.Name)
	}
}
