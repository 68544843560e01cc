package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/people"
)

const programs = "/api/v1"

// newBody is a good campaign as a program sends it.
func newBody(slug string) string {
	return `{"name":"冬日拿铁","slug":"` + slug + `","starts_at":"2026-11-20T10:00:00+08:00","ends_at":"2026-12-07T22:00:00+08:00","total":50,"texts":{"benefit":"买一赠一","brand":"示例咖啡"}}`
}

// waitExport asks for an export until it is ready.
func (a *agency) waitExport(token, id string) map[string]any {
	a.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		m := a.get(programs+"/exports/"+id, token).json(a.t)
		if m["state"] != "waiting" && m["state"] != "working" {
			return m
		}
		if time.Now().After(end) {
			a.t.Fatalf("the export is not ready: %v", m)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// tryPrograms makes every call about campaigns, claims, users, exports and health.
func (a *agency) tryPrograms(try func(method, path, token, body string, status int), all, none string) {
	a.t.Helper()
	t := a.t
	try("POST", programs+"/campaigns", all, newBody("api"), 201)
	try("POST", programs+"/campaigns", all, `{"name":7}`, 422)
	list, err := a.campaigns.Campaigns(context.Background(), campaigns.CampaignFilter{Account: dbtest.Account, Search: "api"})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d campaigns, %v", len(list), err)
	}
	one := programs + "/campaigns/" + list[0].ID.String()
	try("GET", programs+"/campaigns", all, "", 200)
	try("GET", programs+"/campaigns?state=draft&q=api", all, "", 200)
	try("GET", programs+"/campaigns?state=some", all, "", 422)
	try("GET", one, all, "", 200)
	try("GET", programs+"/campaigns/none", all, "", 404)
	try("PATCH", one, all, `{"version":1,"total":60,"form":[{"key":"phone","kind":"mobile","label":"手机号","required":true}],"texts":{"purpose":"联系您"}}`, 200)
	try("PATCH", one, all, `{"version":1,"total":70}`, 409)
	try("PATCH", one, all, `{"version":2,"totally":70}`, 422)
	try("POST", one+"/publish", all, `{"reason":"the account is tested"}`, 200)
	try("POST", one+"/pause", all, `{"reason":"补货"}`, 200)
	try("POST", one+"/pause", all, `{"reason":"补货"}`, 200)
	try("POST", one+"/resume", all, "", 200)
	v := dbtest.Visitor(t, a.campaigns, 1)
	claim, _, err := a.campaigns.Claim(context.Background(), campaigns.Tap{Slug: "api", Visitor: v.ID, Key: "a-key-of-a-page", Answers: map[string]string{"phone": "13912345678"}, Consent: true})
	if err != nil {
		t.Fatal(err)
	}
	try("GET", one+"/stats", all, "", 200)
	try("POST", one+"/end", all, "", 200)
	try("POST", one+"/resume", all, "", 409)
	try("GET", programs+"/claims", all, "", 200)
	try("GET", programs+"/claims?state=confirmed&state=held&limit=2&from=2026-11-01T00:00:00Z&q=13912345678", none, "", 403)
	try("GET", programs+"/claims?state=lost", all, "", 422)
	try("GET", programs+"/claims?limit=0", all, "", 422)
	try("GET", programs+"/claims/"+claim.ID.String(), all, "", 200)
	try("GET", programs+"/claims/none", all, "", 404)
	try("POST", programs+"/claims/"+claim.ID.String()+"/void", all, `{}`, 422)
	try("POST", programs+"/claims/"+claim.ID.String()+"/void", all, `{"reason":"mistake","note":"重复"}`, 200)
	try("POST", programs+"/claims/none/void", all, `{"reason":"mistake"}`, 404)
	try("GET", programs+"/users", all, "", 200)
	try("GET", programs+"/users?limit=201", all, "", 422)
	try("GET", programs+"/users/"+v.ID.String(), all, "", 200)
	try("GET", programs+"/users/none", all, "", 404)
	try("POST", programs+"/exports", all, `{"kind":"users","format":"csv","filter":{},"masked":true,"keep_hours":72}`, 202)
	try("POST", programs+"/exports", all, `{"kind":"claims","format":"csv_utf8","columns":["code","state"]}`, 202)
	try("POST", programs+"/exports", all, `{"kind":"claims","columns":["phone"]}`, 422)
	try("POST", programs+"/exports", all, `{"kind":"everything"}`, 422)
	made := a.call(http.MethodPost, programs+"/exports", all, `{"kind":"claims","reason":"report"}`).json(t)
	id := fmt.Sprint(made["id"])
	a.waitExport(all, id)
	try("GET", programs+"/exports/"+id, all, "", 200)
	try("GET", programs+"/exports/"+id+"/file", all, "", 200)
	try("GET", programs+"/exports/none/file", all, "", 404)
	if _, err := a.doctor.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	try("GET", programs+"/health", all, "", 200)
	for _, path := range []string{"/campaigns", "/claims", "/users", "/health", "/exports/x", "/exports/x/file", "/claims/x", "/users/x", "/campaigns/x", "/campaigns/x/stats"} {
		try("GET", programs+path, none, "", 403)
		try("GET", programs+path, "", "", 401)
	}
}

func TestEveryCallOfAProgramAsksForItsScope(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	tokens := map[people.Scope]string{}
	for _, scope := range people.Scopes() {
		tokens[scope] = a.token(nil, scope)
	}
	for route, want := range map[string]people.Scope{
		"GET /campaigns": people.ScopeCampaigns, "POST /campaigns": people.ScopeCampaignsWrite, "GET /campaigns/x": people.ScopeCampaigns,
		"PATCH /campaigns/x": people.ScopeCampaignsWrite, "GET /campaigns/x/stats": people.ScopeCampaigns, "POST /campaigns/x/publish": people.ScopeCampaignsWrite,
		"POST /campaigns/x/pause": people.ScopeCampaignsWrite, "POST /campaigns/x/resume": people.ScopeCampaignsWrite, "POST /campaigns/x/end": people.ScopeCampaignsWrite,
		"GET /claims": people.ScopeClaims, "GET /claims/x": people.ScopeClaims, "POST /claims/x/void": people.ScopeClaimsWrite, "GET /users": people.ScopeUsers, "GET /users/x": people.ScopeUsers,
		"POST /exports": people.ScopeExports, "GET /exports/x": people.ScopeExports, "GET /exports/x/file": people.ScopeExports, "GET /health": people.ScopeHealth,
	} {
		method, path, _ := strings.Cut(route, " ")
		for scope, token := range tokens {
			body := ""
			if method != http.MethodGet {
				body = `{}`
			}
			r := a.call(method, programs+path, token, body)
			if refused := r.status == http.StatusForbidden; refused == (scope == want) {
				t.Errorf("%s with %s: %d %s", route, scope, r.status, r.body)
			}
			if r.status >= 500 {
				t.Errorf("%s with %s: %d %s", route, scope, r.status, r.body)
			}
		}
	}
}

func TestAProgramEditsOnlyTheVersionItRead(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	token := a.token(nil, people.ScopeCampaigns, people.ScopeCampaignsWrite)
	made := a.call(http.MethodPost, programs+"/campaigns", token, newBody("edit"))
	if made.status != 201 || made.header.Get("ETag") != `"1"` || !strings.HasPrefix(made.header.Get("Location"), programs+"/campaigns/") {
		t.Fatalf("%d %v %s", made.status, made.header, made.body)
	}
	path := made.header.Get("Location")
	if r := a.call("PATCH", path, token, `{"total":70}`); r.status != 422 || r.problem() != "apiv1.error.version" {
		t.Errorf("no version: %d %s", r.status, r.body)
	}
	if r := a.call("PATCH", path, token, `{"total":70,"texts":{"intro":"热的"}}`, "If-Match", `"1"`); r.status != 200 || r.header.Get("ETag") != `"2"` {
		t.Errorf("%d %s", r.status, r.body)
	}
	m := a.get(path, token).json(t)
	texts := m["texts"].(map[string]any)
	if m["total"] != 70.0 || texts["intro"] != "热的" || texts["brand"] != "示例咖啡" || m["link"] != "https://kq.example.com/c/edit" {
		t.Errorf("%v", m)
	}
	if r := a.call("PATCH", path, token, `{"total":80}`, "If-Match", `"1"`); r.status != 409 || r.problem() != "campaign.error.edit_conflict" {
		t.Errorf("an old version: %d %s", r.status, r.body)
	}
	r := a.call("PATCH", path, token, `{"version":2,"total":0,"name":"","texts":{"benefit":""}}`)
	if r.status != 422 || !strings.Contains(r.body, `"field":"total"`) || !strings.Contains(r.body, `"field":"benefit"`) {
		t.Errorf("all problems: %d %s", r.status, r.body)
	}
	for body, field := range map[string]string{`{"version":2,"totl":1}`: "totl", `{"version":2,"total":"x"}`: "total", `{"version":2,"time_zone":"Mars"}`: "time_zone", `[]`: "", `{"version":2}{}`: ""} {
		if r := a.call("PATCH", path, token, body); r.status != 422 || field != "" && !strings.Contains(r.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	if e := a.audited("campaign.edit"); len(e) != 1 || e[0].ActorName != "官网" {
		t.Errorf("audit %+v", e)
	}
	other := a.token(func(n *people.NewAPIToken) { n.Accounts = []string{"elsewhere"} }, people.ScopeCampaigns, people.ScopeCampaignsWrite)
	if r := a.get(path, other); r.status != 404 {
		t.Errorf("another account's token: %d", r.status)
	}
	if r := a.call(http.MethodPost, path+"/end", other, ""); r.status != 404 {
		t.Errorf("another account's token: %d", r.status)
	}
}

func TestPersonalDataIsMaskedForProgramsWithoutTheScope(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	draft := dbtest.Draft(noon, "masked", 10, campaigns.OwnCode)
	draft.Form = campaigns.Form{{Key: "phone", Kind: campaigns.MobileField, Label: "手机号", Required: true}}
	dbtest.Publish(t, a.campaigns, draft)
	v := dbtest.Visitor(t, a.campaigns, 1)
	claim, _, err := a.campaigns.Claim(t.Context(), campaigns.Tap{Slug: "masked", Visitor: v.ID, Key: "a-key-of-a-page", Answers: map[string]string{"phone": "13912345678"}, Consent: true})
	if err != nil {
		t.Fatal(err)
	}
	plain := a.token(nil, people.ScopeClaims, people.ScopeUsers, people.ScopeExports)
	full := a.token(nil, people.ScopeClaims, people.ScopeUsers, people.ScopeExports, people.ScopeReveal)
	for _, path := range []string{"/claims", "/claims/" + claim.ID.String(), "/users", "/users/" + v.ID.String()} {
		for token, open := range map[string]bool{plain: false, full: true} {
			r := a.get(programs+path, token)
			personal := strings.Contains(r.body, string(v.OpenID)) && strings.Contains(r.body, v.Nickname)
			if strings.HasPrefix(path, "/claims") {
				personal = personal && strings.Contains(r.body, "13912345678")
			}
			hidden := !strings.Contains(r.body, string(v.OpenID)) && !strings.Contains(r.body, v.Nickname) && !strings.Contains(r.body, "13912345678")
			if r.status != 200 || open && !personal || !open && !hidden {
				t.Errorf("%s, open %v: %d %s", path, open, r.status, r.body)
			}
		}
	}
	if e := a.audited("claims.reveal"); len(e) != 4 {
		t.Errorf("%d audit lines", len(e))
	}
	for token, open := range map[string]bool{plain: false, full: true} {
		r := a.call(http.MethodPost, programs+"/exports", token, `{"kind":"claims","format":"csv","reason":"月报"}`)
		if r.status != http.StatusAccepted {
			t.Fatalf("%d %s", r.status, r.body)
		}
		id := fmt.Sprint(r.json(t)["id"])
		m := a.waitExport(token, id)
		file := a.get(programs+"/exports/"+id+"/file", token)
		sum := sha256.Sum256([]byte(file.body))
		if m["rows"] != 1.0 || m["sha256"] != hex.EncodeToString(sum[:]) || m["masked"] == open || strings.Contains(file.body, "13912345678") != open || !strings.HasPrefix(file.body, "\ufeff") {
			t.Errorf("open %v: %v\n%s", open, m, file.body)
		}
		for other := range map[string]bool{plain: true, full: true} {
			if r := a.get(programs+"/exports/"+id+"/file", other); (r.status == 200) != (other == token) {
				t.Errorf("another token: %d", r.status)
			}
		}
		a.setTime(a.now().Add(time.Minute))
	}
	if r := a.call(http.MethodPost, programs+"/exports", plain, `{"kind":"campaigns"}`); r.status != 403 {
		t.Errorf("an export of what the token may not read: %d", r.status)
	}
	if e := a.audited("claims.export"); len(e) != 2 || e[0].ActorName != "官网" {
		t.Errorf("audit %+v", e)
	}
	a.setTime(a.now().Add(25 * time.Hour))
	if err := a.server.EndExports(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(a.folder, "exports", "*")); err != nil || len(left) != 0 {
		t.Errorf("files that are left: %v %v", left, err)
	}
	d := a.signIn(people.Owner)
	if page := d.get("/admin/exports"); strings.Count(page.words(), "已删除") != 2 || strings.Contains(page.body, "/file\"") {
		t.Errorf("the rows stay: %s", page.words())
	}
}

func TestAProgramChoosesTheColumnsOfItsFile(t *testing.T) {
	t.Parallel()
	a := openAgency(t)
	dbtest.Publish(t, a.campaigns, dbtest.Draft(noon, "columns", 10, campaigns.OwnCode))
	full := a.token(nil, people.ScopeClaims, people.ScopeExports, people.ScopeReveal)
	refused := map[string]string{
		`{"kind":"claims","columns":["code","telephone"]}`: "columns", `{"kind":"claims","columns":[]}`: "columns", `{"kind":"claims","columns":"code"}`: "columns",
		`{"kind":"claims","columns":["openid"]}`: "reason", `{"kind":"claims","masked":true,"keep_hours":5}`: "keep_hours", `{"kind":"claims","masked":true,"format":"pdf"}`: "format",
	}
	for body, field := range refused {
		r := a.call(http.MethodPost, programs+"/exports", full, body)
		if problem, _ := r.json(t)["error"].(map[string]any); r.status != http.StatusUnprocessableEntity || problem["field"] != field {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	r := a.call(http.MethodPost, programs+"/exports", full, `{"kind":"claims","format":"csv_utf8","columns":["channel","code"],"keep_hours":1}`)
	if r.status != http.StatusAccepted {
		t.Fatalf("%d %s", r.status, r.body)
	}
	m := a.waitExport(full, fmt.Sprint(r.json(t)["id"]))
	if fmt.Sprint(m["columns"]) != "[code channel]" || m["masked"] != false || m["expires_at"] != "2026-11-20T05:00:00Z" {
		t.Errorf("%v", m)
	}
	if file := a.get(fmt.Sprint(m["file"]), full); file.body != "券码,渠道\r\n" && !strings.HasPrefix(file.body, "Code,Channel") {
		t.Errorf("%q", file.body)
	}
}
