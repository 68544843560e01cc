package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/campaigns"
	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/views/layout"
	"kaquan/views/ui"
	"kaquan/wechat"
)

const (
	healthPath     = "/admin/health"
	recheckPath    = healthPath + "/recheck"
	livePath       = healthPath + "/live"
	signaturesPath = healthPath + "/signatures"
	filesPath      = "/admin/files"
)

// Health is the health board.
type Health struct {
	Page      layout.Page
	Level     doctor.Level
	Problems  int
	Accounts  []HealthPart
	Program   HealthPart
	Incidents []doctor.Incident
	Day, Week map[doctor.Key][]doctor.Sample
	Now       time.Time
	Zone      *time.Location
	Text      string // for asking for help, without secrets
	CanWrite  bool
}

// HealthPart is what was found about one official account, or about the program when it
// has no account.
type HealthPart struct {
	Account  campaigns.Account
	Findings []doctor.Finding
}

// parts are the accounts and the program, those without findings left out.
func (m *Health) parts() []*HealthPart {
	var list []*HealthPart
	for i := range m.Accounts {
		list = append(list, &m.Accounts[i])
	}
	return append(list, &m.Program)
}

func (m *Health) checked() time.Time {
	var last time.Time
	for _, part := range m.parts() {
		for i := range part.Findings {
			if at := part.Findings[i].At; at.After(last) {
				last = at
			}
		}
	}
	return last
}

// nameOf is the account's name for the table of incidents.
func (m *Health) nameOf(ctx context.Context, id string) string {
	if id == "" {
		return i18n.T(ctx, "doctor.program")
	}
	for i := range m.Accounts {
		if string(m.Accounts[i].Account.ID) == id {
			return m.Accounts[i].Account.Name
		}
	}
	return id
}

func say(ctx context.Context, t doctor.Text) string {
	if t.Empty() {
		return ""
	}
	return i18n.TArgs(ctx, t.Key, t.Args)
}

var levelColours = map[doctor.Level]string{doctor.OK: "status-green", doctor.Warn: "status-orange", doctor.Fail: "status-red", doctor.Unknown: "status-secondary"}

func problemID(f *doctor.Finding) string {
	id := "problem-" + string(f.Check)
	if f.Account != "" {
		id += "-" + f.Account
	}
	return id
}

// trouble is one cause with the findings it explains: an address that WeChat does not
// let in keeps tokens and tickets away, and needs one change.
type trouble struct {
	account  campaigns.Account
	level    doctor.Level
	findings []*doctor.Finding // the one that says most about the cause first
}

func (t *trouble) first() *doctor.Finding { return t.findings[0] }

// names are the checks that the trouble shows in.
func (t *trouble) names(ctx context.Context) string {
	var list []string
	for _, f := range t.findings {
		list = append(list, i18n.T(ctx, f.Check.Name()))
	}
	return strings.Join(list, " · ")
}

// troubles are the problems, failures before warnings. Findings of one account with the
// same code of WeChat are one.
func (m *Health) troubles() []*trouble {
	var list []*trouble
	for _, level := range []doctor.Level{doctor.Fail, doctor.Warn} {
		for _, part := range m.parts() {
			for i := range part.Findings {
				f := &part.Findings[i]
				if f.Level != level {
					continue
				}
				at := slices.IndexFunc(list, func(t *trouble) bool {
					return f.Code != 0 && t.first().Code == f.Code && t.first().Account == f.Account
				})
				switch {
				case at < 0:
					list = append(list, &trouble{account: part.Account, level: f.Level, findings: []*doctor.Finding{f}})
				case isValue(list[at].first().Check) && !isValue(f.Check):
					list[at].findings = slices.Insert(list[at].findings, 0, f)
				default:
					list[at].findings = append(list[at].findings, f)
				}
			}
		}
	}
	return list
}

// isValue reports whether a check is about a token or ticket: what keeps one away has
// often a check of its own.
func isValue(c doctor.Check) bool {
	return c == doctor.AccessToken || c == doctor.JSAPITicket || c == doctor.CardTicket
}

// problemOf is the id of the card that tells what to do about a finding.
func (m *Health) problemOf(f *doctor.Finding) string {
	for _, t := range m.troubles() {
		if slices.Contains(t.findings, f) {
			return problemID(t.first())
		}
	}
	return problemID(f)
}

// placeLink is the page of ours on which a problem is looked into, "" for none.
func placeLink(m *Health, f *doctor.Finding) (path, key string) {
	switch {
	case f.Check == doctor.VerificationFiles && m.CanWrite:
		return filesPath, "files.title"
	case f.Place.Key == "doctor.place.signatures":
		return signaturesPath, "signatures.title"
	}
	return "", ""
}

// sinceWords says since when a problem lasts and how often it was seen.
func sinceWords(ctx context.Context, m *Health, f *doctor.Finding) string {
	switch {
	case f.Since.IsZero() && f.Count == 0:
		return ""
	case f.Since.IsZero():
		return i18n.T(ctx, "health.times", "count", f.Count)
	}
	at, span := i18n.ShortTime(ctx, f.Since, m.Zone), ui.Span(ctx, m.Now.Sub(f.Since))
	if f.Count > 1 {
		return i18n.T(ctx, "health.since_times", "at", at, "span", span, "count", f.Count)
	}
	return i18n.T(ctx, "health.since_at", "at", at, "span", span)
}

// run is a stretch of a strip with one level.
type run struct {
	x, width int
	level    doctor.Level
}

// runs lays samples on n places of step each; a place without a sample stays empty, the
// worst of several wins.
func runs(samples []doctor.Sample, from time.Time, step time.Duration, n int) []run {
	places := make([]doctor.Level, n)
	for _, s := range samples {
		i := int(s.At.Sub(from) / step)
		if s.At.Before(from) {
			i = 0
		}
		if i = min(i, n-1); places[i] == "" || s.Level.Rank() > places[i].Rank() {
			places[i] = s.Level
		}
	}
	var list []run
	for i, level := range places {
		if level == "" {
			continue
		}
		if last := len(list) - 1; last >= 0 && list[last].level == level && list[last].x+list[last].width == i {
			list[last].width++
			continue
		}
		list = append(list, run{i, 1, level})
	}
	return list
}

const stripPlaces = 48

// strip are the runs of a check within a span that ends now.
func (m *Health) strip(all map[doctor.Key][]doctor.Sample, f *doctor.Finding, span time.Duration) []run {
	return runs(all[f.Key()], m.Now.Add(-span), span/stripPlaces, stripPlaces)
}

// stripWords tells a strip to those who do not see it.
func stripWords(ctx context.Context, span string, list []run) string {
	counts := map[doctor.Level]int{}
	total := 0
	for _, r := range list {
		counts[r.level] += r.width
		total += r.width
	}
	name := i18n.T(ctx, "health.span."+span)
	if total == 0 {
		return i18n.T(ctx, "health.strip_empty", "span", name)
	}
	share := func(level doctor.Level) string {
		n := (counts[level]*100 + total/2) / total
		if counts[level] > 0 {
			n = max(n, 1)
		}
		return strconv.Itoa(n)
	}
	return i18n.T(ctx, "health.strip", "span", name, "ok", share(doctor.OK), "warn", share(doctor.Warn), "fail", share(doctor.Fail))
}

func px(n int) string { return strconv.Itoa(n) }

// lasted is how long an incident went on, or goes on.
func lasted(ctx context.Context, m *Health, i *doctor.Incident) string {
	end := i.End
	if end.IsZero() {
		end = m.Now
	}
	return ui.Span(ctx, end.Sub(i.Start))
}

// Signatures are the reports about refused signatures.
type Signatures struct {
	Page     layout.Page
	Accounts []AccountSignatures
	Host     string // that visitors use
	Now      time.Time
	Zone     *time.Location
}

// AccountSignatures are those of one account.
type AccountSignatures struct {
	Account campaigns.Account
	Reports []wechat.SignatureReport
}

func (m *Signatures) none() bool {
	for i := range m.Accounts {
		if len(m.Accounts[i].Reports) > 0 {
			return false
		}
	}
	return true
}

// marked is an address cut at the character where it parts from the other one.
type marked struct{ before, here, after string }

// mark cuts an address at a place of Difference; -1 leaves it whole. An address that ends
// there has nothing to mark but its end.
func mark(address string, at int) marked {
	runes := []rune(address)
	switch {
	case at < 0 || at > len(runes):
		return marked{before: address}
	case at == len(runes):
		return marked{before: address, here: "␣"}
	}
	return marked{string(runes[:at]), string(runes[at]), string(runes[at+1:])}
}

// oldTicket is the age from which a ticket should have been replaced.
const oldTicket = 2 * time.Hour

// Files are the verification files.
type Files struct {
	Page   layout.Page
	Files  []wechat.VerifyFile
	Form   FileForm
	Zone   *time.Location
	Public string // scheme and host, where they are served
}

// FileForm is what was typed into the form for a new file.
type FileForm struct {
	Name, Content string
	Errors        ui.Errors
}

func deleteFilePath(name string) string { return filesPath + "/" + name + "/delete" }

// healthWords is the state of everything in one line.
func healthWords(ctx context.Context, m *Health) string {
	switch {
	case m.Problems > 0:
		return i18n.T(ctx, "health.overall.problems", "count", m.Problems)
	case m.Level == doctor.OK:
		return i18n.T(ctx, "health.overall.ok")
	}
	return i18n.T(ctx, "health.overall.unknown")
}
