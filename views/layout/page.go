package layout

import (
	"encoding/json"

	"kaquan/people"
)

// Page is what the frame around every admin page shows. All texts are translated already.
type Page struct {
	Title   string
	Nav     string // the active entry: "campaigns", "claims", "health", "account"
	Person  people.Person
	CSRF    string
	Sandbox bool   // some official account of this installation is a rehearsal
	Flash   *Flash // nil = nothing happened before
	Path    string // where the language and theme switches come back to
	Theme   string // "auto", "light" or "dark"
	Version string
	Health  Health
}

// Health is the dot in the navigation. A zero value shows none.
type Health struct {
	Level string // ok, warn, fail or unknown
	Words string // what is wrong, or that nothing is
}

// Flash is one message about what the person did on the page before.
type Flash struct {
	Kind string // success, danger, warning or info
	Text string
}

// entry is one line of the navigation; the letter after g opens it from the keyboard.
type entry struct {
	Key        string
	Path       string
	Letter     string
	Permission people.Permission
}

var entries = []entry{
	{"campaigns", "/admin/campaigns", "c", people.CampaignsRead},
	{"claims", "/admin/claims", "k", people.ClaimsRead},
	{"reach", "/admin/reach", "r", people.AccountRead},
	{"cards", "/admin/cards", "w", people.AccountRead},
	{"events", "/admin/events", "e", people.AccountRead},
	{"health", "/admin/health", "h", people.AccountRead},
	{"account", "/admin/accounts", "a", people.AccountRead},
	{"api", "/admin/api", "i", people.APITokens},
}

// entries are those that the person may open.
func (p Page) entries() []entry {
	var mine []entry
	for _, e := range entries {
		if p.Person.Role.Can(e.Permission) {
			mine = append(mine, e)
		}
	}
	return mine
}

func (p Page) theme() string {
	if p.Theme == "light" || p.Theme == "dark" {
		return p.Theme
	}
	return "auto"
}

// painted is the theme before scripts run: auto starts light and admin.js corrects it
// before the first paint.
func (p Page) painted() string {
	if p.Theme == "dark" {
		return "dark"
	}
	return "light"
}

// headers is what htmx adds to every request of the page.
func (p Page) headers() string {
	text, _ := json.Marshal(map[string]string{"X-CSRF-Token": p.CSRF}) // a map of strings always encodes
	return string(text)
}

// htmxConfig keeps htmx inside the content policy (no injected style, no eval) and lets it
// show the forms that come back with messages.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"(409|422)","swap":true},{"code":"...","swap":false,"error":true}]}`

var themes = []string{"auto", "light", "dark"}

var flashIcon = map[string]string{"success": "check", "danger": "alert", "warning": "alert", "info": "info"}
