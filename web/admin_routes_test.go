package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
	"kaquan/web"
)

// stranger is a browser that is not signed in.
func (o *office) stranger() *desk { return &desk{office: o, cookies: map[string]string{}} }

// campaignFields is what the editor sends for a good campaign.
func campaignFields(change ...string) url.Values {
	form := url.Values{
		"op": {"save"}, "account": {"demo"}, "name": {"冬日拿铁"}, "slug": {"winter"}, "benefit": {"买一赠一"}, "brand": {"示例咖啡"},
		"starts_at": {"2026-12-01T10:00"}, "ends_at": {"2026-12-07T22:00"}, "total": {"2000"}, "per_person": {"1"}, "per_day": {""}, "hold": {"120"},
		"issuer": {"own_code"}, "purpose": {"联系您"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// draft is a campaign that nobody published.
func (o *office) draft(slug campaigns.Slug) *campaigns.Campaign {
	o.t.Helper()
	c, err := o.campaigns.Create(context.Background(), campaigns.Actor{Name: "test"}, dbtest.Draft(noon, slug, 100, campaigns.OwnCode))
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) reload(c *campaigns.Campaign) *campaigns.Campaign {
	o.t.Helper()
	again, err := o.campaigns.Campaign(context.Background(), c.ID)
	if err != nil {
		o.t.Fatal(err)
	}
	return again
}

var (
	everyone = []people.Role{people.Owner, people.Operator, people.Viewer, people.Finance}
	editors  = []people.Role{people.Owner, people.Operator}
	owners   = []people.Role{people.Owner}
	lookers  = []people.Role{people.Owner, people.Operator, people.Viewer}
	paying   = []people.Role{people.Owner, people.Operator, people.Finance}

	treasurers = []people.Role{people.Owner, people.Finance}
)

// allowed repeats the table by hand, so that a permission changed by mistake is noticed.
var allowed = map[string][]people.Role{
	"GET /admin":                                     everyone,
	"GET /admin/search":                              everyone,
	"POST /admin/density":                            everyone,
	"POST /admin/account":                            everyone,
	"GET /admin/campaigns.xlsx":                      everyone,
	"GET /admin/campaigns.csv":                       everyone,
	"POST /admin/campaigns/bulk":                     editors,
	"POST /admin/campaigns/undo/:undo":               editors,
	"POST /admin/campaigns/views":                    everyone,
	"POST /admin/campaigns/views/:view":              everyone,
	"POST /admin/logout":                             everyone,
	"GET /admin/campaigns":                           everyone,
	"GET /admin/campaigns/new":                       editors,
	"POST /admin/campaigns/new":                      editors,
	"GET /admin/campaigns/:id":                       everyone,
	"GET /admin/campaigns/:id/edit":                  editors,
	"POST /admin/campaigns/:id/edit":                 editors,
	"GET /admin/campaigns/:id/edit/page":             editors,
	"POST /admin/campaigns/:id/check":                editors,
	"GET /admin/campaigns/:id/versions":              everyone,
	"POST /admin/campaigns/:id/versions/:v/restore":  editors,
	"POST /admin/campaigns/:id/versions/:v/copy":     editors,
	"GET /admin/campaigns/:id/preview":               everyone,
	"GET /admin/campaigns/:id/preview/page":          everyone,
	"GET /admin/campaigns/:id/preflight":             editors,
	"POST /admin/campaigns/:id/publish":              editors,
	"POST /admin/campaigns/:id/pause":                editors,
	"POST /admin/campaigns/:id/resume":               editors,
	"POST /admin/campaigns/:id/end":                  editors,
	"POST /admin/campaigns/:id/archive":              editors,
	"POST /admin/campaigns/:id/copy":                 editors,
	"GET /admin/campaigns/:id/rehearsal":             editors,
	"POST /admin/campaigns/:id/rehearsal":            editors,
	"POST /admin/campaigns/:id/template":             editors,
	"POST /admin/campaigns/:id/delete":               editors,
	"POST /admin/templates/:id/delete":               editors,
	"GET /admin/campaigns/:id/channels":              everyone,
	"POST /admin/campaigns/:id/channels":             editors,
	"POST /admin/campaigns/:id/pictures":             editors,
	"POST /admin/campaigns/:id/webhook":              editors,
	"POST /admin/campaigns/:id/preview/words":        editors,
	"POST /admin/campaigns/:id/channels/import":      editors,
	"GET /admin/campaigns/:id/channels/print":        everyone,
	"GET /admin/campaigns/:id/channels.xlsx":         everyone,
	"GET /admin/campaigns/:id/channel/:code":         everyone,
	"POST /admin/campaigns/:id/channel/:code":        editors,
	"POST /admin/campaigns/:id/channel/:code/switch": editors,
	"POST /admin/campaigns/:id/channel/:code/delete": editors,
	"GET /admin/campaigns/:id/channel/:code/qr.png":  everyone,
	"GET /admin/campaigns/:id/channel/:code/qr.svg":  everyone,
	"GET /admin/campaigns/:id/channel/:code/poster":  everyone,
	"GET /admin/lists":                               everyone,
	"POST /admin/lists":                              editors,
	"GET /admin/lists/:id":                           everyone,
	"POST /admin/lists/:id/import":                   editors,
	"POST /admin/lists/:id/delete":                   editors,
	"GET /admin/pools":                               everyone,
	"POST /admin/pools":                              editors,
	"GET /admin/pools/:id":                           everyone,
	"POST /admin/pools/:id/import":                   editors,
	"POST /admin/pools/:id/delete":                   editors,
	"GET /admin/imports":                             editors,
	"POST /admin/imports/import":                     editors,
	"GET /admin/exports":                             paying,
	"POST /admin/exports":                            paying,
	"GET /admin/exports/tray":                        paying,
	"POST /admin/exports/:id/cancel":                 paying,
	"POST /admin/exports/:id/retry":                  paying,
	"GET /admin/exports/:id/file":                    paying,
	"GET /admin/imports/:id":                         editors,
	"POST /admin/imports/:id/run":                    editors,
	"POST /admin/imports/:id/stop":                   editors,
	"GET /admin/imports/:id/problems.xlsx":           editors,
	"GET /admin/claims":                              everyone,
	"GET /admin/claims/:id":                          everyone,
	"POST /admin/claims/:id/reveal":                  editors,
	"POST /admin/claims/:id/void":                    editors,
	"POST /admin/claims/:id/block":                   editors,
	"POST /admin/claims/bulk":                        editors,
	"POST /admin/claims/unblock":                     editors,
	"GET /admin/audit":                               owners,
	"GET /admin/audit.csv":                           owners,
	"GET /admin/events":                              lookers,
	"GET /admin/events/reconcile":                    lookers,
	"POST /admin/events/reconcile":                   owners,
	"GET /admin/events/:id":                          lookers,
	"POST /admin/events/:id/reveal":                  editors,
	"POST /admin/events/:id/reprocess":               owners,
	"GET /admin/accounts":                            lookers,
	"GET /admin/accounts/:id":                        owners,
	"POST /admin/accounts/:id":                       owners,
	"GET /admin/accounts/:id/mini":                   owners,
	"POST /admin/accounts/:id/mini":                  owners,
	"POST /admin/accounts/:id/mini/check":            owners,
	"POST /admin/accounts/:id/mini/remove":           owners,
	"GET /admin/tokens":                              lookers,
	"GET /admin/health":                              lookers,
	"GET /admin/health/live":                         lookers,
	"POST /admin/health/recheck":                     owners,
	"GET /admin/health/signatures":                   lookers,
	"GET /admin/files":                               owners,
	"POST /admin/files":                              owners,
	"POST /admin/files/:name/delete":                 owners,
	"POST /admin/tokens/:account/:kind/refresh":      owners,
	"GET /admin/reach":                               lookers,
	"GET /admin/reach/rules/new":                     owners,
	"POST /admin/reach/rules/new":                    owners,
	"GET /admin/reach/rules/:id":                     owners,
	"POST /admin/reach/rules/:id":                    owners,
	"POST /admin/reach/rules/:id/switch":             owners,
	"POST /admin/reach/rules/:id/delete":             owners,
	"GET /admin/reach/pictures/:id":                  lookers,
	"GET /admin/reach/menu":                          lookers,
	"POST /admin/reach/menu":                         owners,
	"POST /admin/reach/menu/publish":                 owners,
	"POST /admin/reach/menu/load":                    owners,
	"POST /admin/reach/menu/delete":                  owners,
	"GET /admin/reach/scenes":                        lookers,
	"POST /admin/reach/scenes":                       owners,
	"POST /admin/reach/scenes/delete":                owners,
	"GET /admin/cards":                               lookers,
	"GET /admin/cards/options":                       lookers,
	"POST /admin/cards/stock":                        owners,
	"GET /admin/api":                                 owners,
	"POST /admin/api":                                owners,
	"POST /admin/api/:id/revoke":                     owners,

	"GET /admin/people":               owners,
	"POST /admin/people":              owners,
	"GET /admin/people/:id":           owners,
	"POST /admin/people/:id/role":     owners,
	"POST /admin/people/:id/switch":   owners,
	"POST /admin/people/:id/link":     owners,
	"POST /admin/people/:id/withdraw": owners,
	"POST /admin/people/:id/session":  owners,
	"POST /admin/people/:id/sessions": owners,
	"GET /admin/me":                   everyone,
	"POST /admin/me":                  everyone,
	"POST /admin/me/password":         everyone,
	"POST /admin/me/sessions":         everyone,
	"GET /admin/me/two-step":          everyone,
	"POST /admin/me/two-step":         everyone,
	"POST /admin/me/two-step/confirm": everyone,
	"POST /admin/me/two-step/off":     everyone,

	"GET /admin/redemptions":                everyone,
	"GET /admin/redemptions.xlsx":           paying,
	"GET /admin/redemptions.csv":            paying,
	"POST /admin/redemptions/conflicts/:id": editors,
	"POST /admin/redemptions/key":           owners,

	"GET /admin/stores":                      everyone,
	"POST /admin/stores":                     editors,
	"GET /admin/stores/:id":                  everyone,
	"POST /admin/stores/:id":                 editors,
	"POST /admin/stores/:id/switch":          editors,
	"POST /admin/stores/:id/count":           editors,
	"GET /admin/stores/:id/till.svg":         everyone,
	"GET /admin/staff":                       everyone,
	"POST /admin/staff":                      editors,
	"GET /admin/staff.xlsx":                  paying,
	"GET /admin/staff/import":                editors,
	"POST /admin/staff/import":               editors,
	"GET /admin/staff/:id":                   everyone,
	"POST /admin/staff/:id":                  editors,
	"POST /admin/staff/:id/pin":              editors,
	"POST /admin/staff/:id/switch":           editors,
	"POST /admin/staff/:id/revoke":           editors,
	"POST /admin/staff/:id/bind":             editors,
	"POST /admin/staff/:id/unbind":           editors,
	"GET /admin/goods":                       everyone,
	"POST /admin/goods":                      editors,
	"GET /admin/goods.xlsx":                  paying,
	"GET /admin/goods/import":                editors,
	"POST /admin/goods/import":               editors,
	"GET /admin/goods/:id":                   everyone,
	"POST /admin/goods/:id":                  editors,
	"POST /admin/goods/:id/archive":          editors,
	"GET /admin/goods/:id/picture":           everyone,
	"POST /admin/goods/:id/picture":          editors,
	"GET /admin/movements":                   everyone,
	"POST /admin/movements":                  editors,
	"GET /admin/movements.xlsx":              paying,
	"GET /admin/movements/import":            editors,
	"POST /admin/movements/import":           editors,
	"POST /admin/movements/count":            editors,
	"GET /admin/movements/count/:id":         everyone,
	"POST /admin/movements/count/:id":        editors,
	"POST /admin/movements/count/:id/drop":   editors,
	"POST /admin/movements/count/:id/close":  editors,
	"POST /admin/movements/count/:id/cancel": editors,
	"POST /admin/movements/:id/undo":         editors,

	"GET /admin/accounts/:id/pay":         owners,
	"POST /admin/accounts/:id/pay":        owners,
	"POST /admin/accounts/:id/pay/check":  owners,
	"GET /admin/orders":                   paying,
	"GET /admin/orders.xlsx":              paying,
	"GET /admin/orders.csv":               paying,
	"GET /admin/orders/:id":               paying,
	"POST /admin/orders/:id/refund":       paying,
	"GET /admin/refunds":                  paying,
	"GET /admin/refunds/:id":              paying,
	"POST /admin/refunds/:id/approve":     treasurers,
	"POST /admin/refunds/:id/reject":      treasurers,
	"POST /admin/refunds/:id/retry":       treasurers,
	"GET /admin/finance":                  paying,
	"POST /admin/finance/compare":         treasurers,
	"POST /admin/finance/differences/:id": treasurers,
}

func TestEveryRouteOfTheAdminAsksForItsPermission(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	table := o.server.AdminTable()
	if len(table) != len(allowed) {
		t.Errorf("the table has %d routes, this test knows %d", len(table), len(allowed))
	}
	desks := map[people.Role]*desk{}
	for _, role := range people.Roles() {
		desks[role] = o.signIn(role)
	}
	claim := o.claim(o.campaign("running", "进行中", campaigns.OwnCode), 1, "")
	tried := 0 // a draft of its own for each request
	for route := range table {
		roles, known := allowed[route]
		if !known {
			t.Errorf("no expectation for %s", route)
			continue
		}
		method, pattern, _ := strings.Cut(route, " ")
		if pattern == "/admin/logout" {
			continue // ends the sessions of this test; it has its own below
		}
		for _, role := range people.Roles() {
			if strings.HasSuffix(pattern, "/live") && slices.Contains(roles, role) {
				continue // never ends; it has a test of its own
			}
			tried++
			c := o.draft(campaigns.Slug(fmt.Sprintf("draft-%d", tried)))
			id := c.ID.String()
			switch {
			case strings.Contains(pattern, "/claims"):
				id = claim.ID.String()
			case strings.Contains(pattern, "/accounts"):
				id = "demo"
			}
			path := strings.NewReplacer(":id", id, ":account", "demo", ":kind", "access_token").Replace(pattern)
			d := desks[role]
			var a answered
			if method == http.MethodPost {
				a = d.post(path, url.Values{"reason": {"x"}})
			} else {
				a = d.get(path)
			}
			if may := slices.Contains(roles, role); may && (a.status == http.StatusForbidden || a.status >= 500 || strings.HasPrefix(a.header.Get("Location"), "/admin/login")) {
				t.Errorf("%s refuses %s: %d", route, role, a.status)
			} else if !may && a.status != http.StatusForbidden {
				t.Errorf("%s lets %s in: %d", route, role, a.status)
			}
			if !slices.Contains(roles, role) && o.reload(c).Status != campaigns.StatusDraft {
				t.Errorf("%s changed something for %s", route, role)
			}
		}
		path := strings.NewReplacer(":id", "demo", ":account", "demo", ":kind", "access_token").Replace(pattern)
		stranger := o.stranger()
		var a answered
		if method == http.MethodPost {
			a = stranger.post(path, nil)
		} else {
			a = stranger.get(path)
		}
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/admin/login") {
			t.Errorf("%s answers a stranger %d %s", route, a.status, a.header.Get("Location"))
		}
	}
}

// drafts counts the campaigns there are.
func (o *office) drafts() int {
	o.t.Helper()
	list, err := o.campaigns.Campaigns(context.Background(), campaigns.CampaignFilter{Account: dbtest.Account, Archived: true})
	if err != nil {
		o.t.Fatal(err)
	}
	return len(list)
}

func TestForgedWritesChangeNothing(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	owner, other := o.signIn(people.Owner), o.signIn(people.Operator)
	c := o.draft("forged")
	paths := []string{"/admin/campaigns/" + c.ID.String() + "/publish", "/admin/campaigns/" + c.ID.String() + "/archive", "/admin/campaigns/new", "/admin/logout"}
	forgeries := map[string]func(path string) answered{
		"without a token": func(path string) answered { return owner.post(path, campaignFields("_csrf", "")) },
		"with the token of somebody else": func(path string) answered {
			return owner.post(path, campaignFields("_csrf", other.csrf))
		},
		"from another site": func(path string) answered {
			return owner.post(path, campaignFields(), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
		},
		"from another origin, by an old browser": func(path string) answered {
			return owner.post(path, campaignFields(), "Origin", "https://evil.example")
		},
		"with a cookie that is not ours": func(path string) answered {
			thief := o.stranger()
			thief.cookies["kq_admin"], thief.csrf = "forged", owner.csrf
			return thief.post(path, campaignFields())
		},
	}
	for name, forge := range forgeries {
		for _, path := range paths {
			a := forge(path)
			if name == "with a cookie that is not ours" {
				if a.header.Get("Location") != "/admin/login" {
					t.Errorf("%s %s: %d", name, path, a.status)
				}
			} else if a.status != http.StatusForbidden {
				t.Errorf("%s %s: %d, want 403", name, path, a.status)
			}
		}
	}
	if o.reload(c).Status != campaigns.StatusDraft || o.drafts() != 1 {
		t.Error("a forged request changed something")
	}
	if a := owner.get("/admin/campaigns"); a.status != http.StatusOK {
		t.Errorf("the owner was signed out: %d", a.status)
	}
	// The same write, ours, with the token in the header as htmx sends it.
	if a := owner.post(paths[0], url.Values{"_csrf": {""}}, "X-CSRF-Token", owner.csrf, "Sec-Fetch-Site", "same-origin"); a.status != http.StatusSeeOther {
		t.Errorf("an honest write: %d", a.status)
	}
}

func TestWritesBeforeTheSignInAreRefusedFromOtherSites(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for _, path := range []string{"/admin/login", "/admin/login/link", "/admin/login/code", "/admin/login/password", "/admin/setup", "/admin/language", "/admin/theme"} {
		if a := o.stranger().post(path, url.Values{"language": {"en"}, "theme": {"dark"}}, "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden || len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %d %q", path, a.status, a.header.Values("Set-Cookie"))
		}
	}
}

func TestOnlyPathsOfTheAdminAreReturnedTo(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/admin/claims?campaign=a": "/admin/claims?campaign=a", "/admin?x=1": "/admin?x=1", "": "/admin",
		"https://evil.example/admin/": "/admin", "//evil.example/admin/": "/admin", "/\\evil.example": "/admin",
		"/admin/\\evil": "/admin", "/adminer": "/admin", "/c/x": "/admin", "javascript:alert(1)": "/admin",
		"/admin/a\r\nSet-Cookie: x=1": "/admin", "/admin/ x": "/admin",
	} {
		if got := web.LocalPath(path); got != want {
			t.Errorf("localPath(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestPreferencesAreKeptAndShown(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Viewer)
	if a := d.post("/admin/language", url.Values{"language": {"en"}, "next": {"/admin/campaigns?state=ended"}}); a.header.Get("Location") != "/admin/campaigns?state=ended" {
		t.Errorf("came back to %q", a.header.Get("Location"))
	}
	d.post("/admin/theme", url.Values{"theme": {"dark"}})
	a := d.get("/admin/campaigns")
	if !strings.Contains(a.body, `lang="en"`) || !strings.Contains(a.body, `data-bs-theme="dark"`) || !strings.Contains(a.words(), "Campaigns") {
		t.Error("the page is not in English and dark")
	}
	for _, wrong := range []url.Values{{"theme": {"pink"}}, {"theme": {""}}} {
		if a := d.post("/admin/theme", wrong); a.status != http.StatusUnprocessableEntity {
			t.Errorf("theme %q: %d", wrong, a.status)
		}
	}
	if a := d.post("/admin/language", url.Values{"language": {"fr"}}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("language fr: %d", a.status)
	}
}

func TestPagesOfTheAdminKeepTheContentPolicy(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	id := o.draft("policy").ID.String()
	for _, path := range []string{"/admin/campaigns", "/admin/lists", "/admin/pools", "/admin/campaigns/new", "/admin/campaigns/" + id, "/admin/campaigns/" + id + "/edit", "/admin/campaigns/" + id + "/preview", "/admin/campaigns/" + id + "/preflight", "/admin/claims", "/admin/events", "/admin/events/reconcile", "/admin/accounts", "/admin/accounts/demo/mini", "/admin/tokens", "/admin/health", "/admin/health/signatures", "/admin/files", "/admin/reach", "/admin/reach/rules/new", "/admin/reach/menu", "/admin/reach/scenes", "/admin/cards", "/admin/api", "/admin/people", "/admin/me", "/admin/audit", "/admin/stores", "/admin/staff", "/admin/staff/import", "/admin/goods", "/admin/movements", "/admin/redemptions", "/admin/imports", "/admin/exports", "/admin/exports?new=", "/admin/accounts/demo/pay", "/admin/orders", "/admin/refunds", "/admin/finance"} {
		a := d.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: %d", path, a.status)
		}
		for _, forbidden := range []string{" style=", "<style", " onclick=", "hx-on", "javascript:", "<script>"} {
			if strings.Contains(a.body, forbidden) {
				t.Errorf("%s has %q, which the policy blocks", path, forbidden)
			}
		}
		if policy := a.header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", path)
		}
		if strings.Contains(a.words(), "admin.") {
			t.Errorf("%s shows a key without a sentence", path)
		}
	}
}

func TestAPartOfAPageOfSomebodySignedOutLeavesThePage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	a := o.stranger().get("/admin/claims?before=1", "HX-Request", "true", "HX-Current-URL", "https://kq.example.com/admin/claims?campaign=x")
	if want := "/admin/login?next=" + url.QueryEscape("/admin/claims?campaign=x"); a.header.Get("HX-Redirect") != want || a.status != http.StatusUnauthorized {
		t.Errorf("%d, HX-Redirect %q, want %q", a.status, a.header.Get("HX-Redirect"), want)
	}
}

func TestUnknownThingsAreNotFound(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	d := o.signIn(people.Owner)
	for _, path := range []string{"/admin/nothing", "/admin/campaigns/zzzz", "/admin/campaigns/%00", "/admin/campaigns/-1", "/admin/campaigns/" + strings.Repeat("z", 300), "/admin/campaigns/1/edit"} {
		if a := d.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
