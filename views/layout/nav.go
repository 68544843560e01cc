package layout

import (
	"slices"

	"kaquan/people"
)

// Entry is one line of the navigation and of the command palette; a new page is one more
// line in the table.
type Entry struct {
	Key        string            // what Page.Nav names; its icon too
	Group      string            // entries of a group stand together; their order is the table's
	Label      string            // translation key
	Path       string            // of a page that takes GET
	Letter     string            // g and this letter open it; "" = none
	Permission people.Permission // without it the entry is not shown
	Account    bool              // the page shows one official account, named in the address
}

// entries is the navigation.
var entries = []Entry{
	{"overview", "", "shell.nav.overview", "/admin", "o", people.CampaignsRead, true},
	{"campaigns", "", "admin.nav.campaigns", "/admin/campaigns", "c", people.CampaignsRead, true},
	{"claims", "", "admin.nav.claims", "/admin/claims", "k", people.ClaimsRead, false},
	{"upload", "", "imports.title", "/admin/imports", "", people.CampaignsWrite, false},
	{"download", "", "imports.export.title", "/admin/exports", "", people.ClaimsExport, false},
	{"lists", "", "lists.title", "/admin/lists", "l", people.CampaignsRead, false},
	{"orders", "shop", "pay.nav", "/admin/orders", "", people.OrdersRead, true},
	{"redemptions", "shop", "redemption.nav", "/admin/redemptions", "x", people.ClaimsRead, true},
	{"stores", "shop", "stores.nav", "/admin/stores", "s", people.CampaignsRead, true},
	{"reach", "wechat", "admin.nav.reach", "/admin/reach", "r", people.AccountRead, true},
	{"cards", "wechat", "admin.nav.cards", "/admin/cards", "w", people.AccountRead, true},
	{"events", "wechat", "admin.nav.events", "/admin/events", "e", people.AccountRead, true},
	{"health", "system", "admin.nav.health", "/admin/health", "h", people.AccountRead, false},
	{"account", "system", "admin.nav.account", "/admin/accounts", "a", people.AccountRead, false},
	{"people", "system", "people.nav", "/admin/people", "p", people.PeopleManage, false},
	{"audit", "system", "audit.nav", "/admin/audit", "j", people.PeopleManage, false},
	{"api", "system", "admin.nav.api", "/admin/api", "i", people.APITokens, false},
}

// commands are what else the palette offers: things to do, by the address that does them
// or leads there.
var commands = []Entry{
	{"plus", "do", "shell.do.campaign_new", "/admin/campaigns/new", "", people.CampaignsWrite, false},
	{"download", "do", "shell.do.claims_export", "/admin/exports?new=", "", people.ClaimsExport, false},
	{"download", "do", "shell.do.stats_export", "/admin/campaigns.xlsx", "", people.CampaignsRead, false},
	{"pause", "do", "shell.do.paused", "/admin/campaigns?state=paused", "", people.CampaignsRead, false},
	{"refresh", "do", "shell.do.reconcile", "/admin/events/reconcile", "", people.AccountRead, false},
	{"tokens", "do", "shell.do.tokens", "/admin/tokens", "", people.AccountRead, false},
}

// Entries are all lines of the navigation and of the palette, for tests.
func Entries() []Entry { return append(append([]Entry{}, entries...), commands...) }

// entries are those that the person may open.
func (p Page) entries() []Entry { return p.allowed(entries) }

// commands are those that the person may use.
func (p Page) commands() []Entry { return p.allowed(commands) }

func (p Page) allowed(list []Entry) []Entry {
	var mine []Entry
	for _, e := range list {
		if p.Person.Role.Can(e.Permission) {
			mine = append(mine, e)
		}
	}
	return mine
}

// groups are the entries by their group, in the order of the table.
func (p Page) groups() [][]Entry {
	var groups [][]Entry
	for _, e := range p.entries() {
		if n := len(groups); n > 0 && groups[n-1][0].Group == e.Group {
			groups[n-1] = append(groups[n-1], e)
			continue
		}
		groups = append(groups, []Entry{e})
	}
	return groups
}

// inBar is how many entries stand in the bar of a phone, beside the one for all others.
const inBar = 4

// bar are the entries that a phone shows without opening anything: those of a day's work
// first, and others where the person may not open them.
func (p Page) bar() []Entry {
	all := p.entries()
	var mine []Entry
	for _, key := range []string{"overview", "campaigns", "claims", "redemptions"} {
		if i := slices.IndexFunc(all, func(e Entry) bool { return e.Key == key }); i >= 0 {
			mine = append(mine, all[i])
			all = slices.Delete(all, i, i+1)
		}
	}
	return append(mine, all[:min(len(all), inBar-len(mine))]...)
}

// elsewhere says that the page is not one of the bar.
func (p Page) elsewhere() bool {
	return !slices.ContainsFunc(p.bar(), func(e Entry) bool { return e.Key == p.Nav })
}

// groupName is the name of a group, for screen readers.
func groupName(group []Entry) string {
	if group[0].Group == "" {
		return "work"
	}
	return group[0].Group
}
