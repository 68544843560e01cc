package layout

import (
	"encoding/json"
	"net/url"

	"github.com/a-h/templ"

	"kaquan/people"
)

// Page is what the frame around every admin page shows. All texts are translated already.
type Page struct {
	Title    string
	Nav      string // the active entry: "campaigns", "claims", "health", "account"
	Person   people.Person
	CSRF     string
	Sandbox  bool   // some official account of this installation is a rehearsal
	Flash    *Flash // nil = nothing happened before
	Path     string // where the language and theme switches come back to
	Theme    string // "auto", "light" or "dark"
	Density  string // "compact"; anything else is comfortable
	Search   string // what the search box holds
	Accounts []Account
	Account  string // the account that is looked at, "" = all
	Version  string
	Health   Health
	Tray     templ.Component // of the corner: what is on its way; nil = nothing
}

// Account is an entry of the account switcher.
type Account struct {
	ID, Name string
	Sandbox  bool
}

// Health is the dot in the navigation. A zero value shows none.
type Health struct {
	Level    string   // ok, warn, fail or unknown
	Words    string   // what is wrong, or that nothing is
	Problems []string // names of the checks that found something
}

// Flash is one message about what the person did on the page before.
type Flash struct {
	Kind string // success, danger, warning or info
	Text string
	Undo string // path of the POST that takes it back, "" = none
}

// link is the address of an entry, with the account that is looked at.
func (p Page) link(e Entry) string {
	if e.Account && p.Account != "" {
		return e.Path + "?account=" + url.QueryEscape(p.Account)
	}
	return e.Path
}

// account is the name of the account that is looked at.
func (p Page) account() string {
	for _, a := range p.Accounts {
		if a.ID == p.Account {
			return a.Name
		}
	}
	return ""
}

func (p Page) theme() string {
	if p.Theme == "light" || p.Theme == "dark" {
		return p.Theme
	}
	return "auto"
}

func (p Page) density() string {
	if p.Density == "compact" {
		return p.Density
	}
	return "comfortable"
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

var densities = []string{"comfortable", "compact"}

var flashIcon = map[string]string{"success": "check", "danger": "alert", "warning": "alert", "info": "info"}
