package doctor

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kaquan/wechat"
)

const (
	fetchWindow  = 500 // newest fetches that are looked at
	reportWindow = 200
	reportLife   = 24 * time.Hour // how long a visitor's failure counts as present
	dyingSoon    = 5 * time.Minute
	clockWarn    = 30 * time.Second
	clockFail    = 300 * time.Second
	clockAge     = time.Hour
	pushSilence  = 12 * time.Hour
	cardPatience = time.Hour // within which a push must follow a card
	refusedMany  = 3         // pushes, in as many minutes
	foreignMany  = 6         // rejections a day that count as a failure
	// earlyRejection is the age below which a refused token cannot have run out.
	earlyRejection = 90 * time.Minute
)

// shanghai is where WeChat's days begin, without the system's time zones.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// evidence is what the checks of one account look at, read once.
type evidence struct {
	now      time.Time
	c        wechat.Credentials
	account  *wechat.Account
	states   map[wechat.Kind]wechat.State
	fetches  []wechat.Fetch // newest first
	counts   map[string]int // of today by interface
	demand   Demand
	lastPush time.Time
	reports  map[ReportKind][]Report
	public   *url.URL
}

// account makes the checks of one account. Without the evidence all of them are Unknown.
func (s *Service) account(ctx context.Context, c wechat.Credentials) []Finding {
	e, err := s.gather(ctx, c)
	now := s.o.Now()
	var found []Finding
	if err != nil {
		if ctx.Err() == nil {
			s.o.Log.Warn("evidence of an account not readable", "account", c.Account, "err", err)
		}
		for _, check := range AccountChecks() {
			found = append(found, unknown(check, "doctor.unreadable"))
		}
	} else {
		found = []Finding{
			e.value(AccessToken, wechat.AccessToken), e.value(JSAPITicket, wechat.JSAPITicket), e.value(CardTicket, wechat.CardTicket),
			e.push(), e.allowList(), e.oauthDomain(), e.jsDomain(), s.clock(ctx, e), e.quota(), e.foreign(),
		}
	}
	for i := range found {
		found[i].Account, found[i].At = c.Account, now
	}
	return found
}

func (s *Service) gather(ctx context.Context, c wechat.Credentials) (*evidence, error) {
	e := &evidence{now: s.o.Now(), c: c, states: map[wechat.Kind]wechat.State{}, reports: map[ReportKind][]Report{}}
	var err error
	if e.account, err = s.o.WeChat.Account(ctx, c.Account); err != nil {
		return nil, err
	}
	// The log before the values: a value that is fetched in between is there without its line,
	// which is fine, while a line without its value would look like one that expired.
	if e.fetches, err = s.o.Fetches.Fetches(ctx, c.AppID, fetchWindow); err != nil {
		return nil, err
	}
	states, err := e.account.Keeper().States(ctx)
	if err != nil {
		return nil, err
	}
	for _, state := range states {
		e.states[state.Kind] = state
	}
	if e.counts, err = s.o.Fetches.FetchCounts(ctx, c.AppID, midnight(e.now)); err != nil {
		return nil, err
	}
	if e.lastPush, err = s.o.Pushes.LastPush(ctx, c.Account); err != nil {
		return nil, err
	}
	if e.demand, err = s.o.Pushes.Demand(ctx, c.Account); err != nil {
		return nil, err
	}
	for _, kind := range []ReportKind{PushVerified, PushRefused, OAuthFailed, SignatureBad} {
		since := e.now.Add(-reportLife)
		if kind == PushVerified {
			since = e.now.Add(-historyLife)
		}
		if e.reports[kind], err = s.o.Store.Reports(ctx, c.Account, kind, since, reportWindow); err != nil {
			return nil, err
		}
	}
	e.public, err = url.Parse(s.o.PublicURL)
	return e, err
}

// midnight is when WeChat's counters began the day.
func midnight(now time.Time) time.Time {
	y, m, d := now.In(shanghai).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, shanghai)
}

func unknown(check Check, key string, pairs ...string) Finding {
	return Finding{Check: check, Level: Unknown, What: text(key, pairs...)}
}

func fine(check Check, pairs ...string) Finding {
	return Finding{Check: check, Level: OK, What: text("doctor."+string(check)+".ok", pairs...)}
}

// last is the newest fetch of a kind.
func (e *evidence) last(kind wechat.Kind) (wechat.Fetch, bool) {
	i := slices.IndexFunc(e.fetches, func(f wechat.Fetch) bool { return f.Kind == kind })
	if i < 0 {
		return wechat.Fetch{}, false
	}
	return e.fetches[i], true
}

// failing tells since when and how often in a row fetches of a kind have failed.
func (e *evidence) failing(kind wechat.Kind) (since time.Time, count int) {
	for _, f := range e.fetches {
		if f.Kind != kind {
			continue
		}
		if f.OK {
			break
		}
		since, count = f.At, count+1
	}
	return since, count
}

// value judges a token or ticket: one that is there works until it expires, however much
// its renewal fails.
func (e *evidence) value(check Check, kind wechat.Kind) Finding {
	state := e.states[kind]
	last, asked := e.last(kind)
	left := state.ExpiresAt.Sub(e.now)
	facts := e.facts(state, kind)
	if !asked || last.OK {
		token := e.states[wechat.AccessToken]
		switch {
		case state.Present && left > 0:
			f := fine(check, span(left)...)
			f.Facts = facts
			return f
		case kind != wechat.AccessToken && !token.Present:
			if f := e.value(AccessToken, wechat.AccessToken); f.Level == Fail {
				return Finding{
					Check: check, Level: Fail, What: text("doctor.ticket.no_token"), Impact: impactOf(check, state, left),
					Place: f.Place, Fix: f.Fix, Value: f.Value, Code: f.Code, RID: f.RID, Facts: facts, Since: f.Since, Count: f.Count,
				}
			}
			fallthrough
		case !asked:
			f := unknown(check, "doctor.value.never")
			f.Facts = facts
			return f
		}
		return Finding{
			Check: check, Level: Fail, What: text("doctor.value.expired", "at", moment(state.ExpiresAt)), Impact: impactOf(check, state, left),
			Place: text("wechat.class.token.place"), Fix: text("doctor.value.expired.fix"), Facts: facts,
		}
	}
	f := problem(check, last)
	f.Level, f.Facts = Fail, facts
	if state.Present && left > dyingSoon {
		f.Level = Warn
	}
	f.Since, f.Count = e.failing(kind)
	f.Impact = impactOf(check, state, left)
	if kind == wechat.CardTicket && !e.demand.Cards {
		f.Level, f.Impact = Warn, text("doctor.impact.card_ticket.unused")
	}
	return f
}

// problem says what a failed fetch means and where to change it.
func problem(check Check, f wechat.Fetch) Finding {
	x := wechat.Explain(f.ErrCode)
	out := Finding{Check: check, Code: f.ErrCode, RID: f.RID, Place: text(x.Place), Fix: text(x.Meaning)}
	code := strconv.Itoa(f.ErrCode)
	switch {
	case f.ErrCode == 0 && strings.Contains(f.Message, "answer"):
		out.What, out.Place, out.Fix = text("doctor.what.answer"), text("doctor.place.network"), text("wechat.error.answer")
	case f.ErrCode == 0:
		out.What, out.Place, out.Fix = text("doctor.what.network"), text("doctor.place.network"), text("wechat.error.network")
	case f.ErrCode == -1:
		out.What = text("doctor.what.busy", "code", code)
	case titled[f.ErrCode]:
		out.What = text("doctor.what."+code, "code", code)
	case x.Known:
		out.What = text("doctor.what.other", "code", code, "message", redact(f.Message))
	default:
		out.What = text("doctor.what.unknown", "code", code, "message", redact(f.Message), "rid", f.RID)
	}
	if ip := address(f); ip != "" {
		out.Value = ip
	}
	return out
}

// titled are the codes that a fetch can meet and that have a short sentence of their own.
var titled = map[int]bool{
	40001: true, 40002: true, 40013: true, 40014: true, 40125: true, 40164: true, 40243: true, 41002: true, 41004: true,
	42001: true, 43002: true, 45009: true, 45011: true, 48001: true, 48004: true, 50004: true, 50007: true, 61004: true,
	61024: true, 89501: true, 89503: true, 89506: true, 89507: true,
}

// address is the one that WeChat named in its answer.
func address(f wechat.Fetch) string {
	return (&wechat.APIError{Code: f.ErrCode, Message: f.Message}).IP()
}

// impactOf says what stops, and when.
func impactOf(check Check, state wechat.State, left time.Duration) Text {
	if !state.Present || left <= 0 {
		return text("doctor.impact." + string(check) + ".now")
	}
	return text("doctor.impact."+string(check)+".later", span(left)...)
}

func (e *evidence) facts(state wechat.State, kind wechat.Kind) []Text {
	var facts []Text
	if state.Source != "" {
		facts = append(facts, text("doctor.fact.source", "source", state.Source))
	}
	if state.Tail != "" {
		facts = append(facts, text("doctor.fact.value", "tail", state.Tail, "at", moment(state.FetchedAt)))
	}
	today, refused := 0, 0
	for _, f := range e.fetches {
		if f.Kind == kind && !f.At.Before(midnight(e.now)) {
			today++
			if f.Reason == "rejected" {
				refused++
			}
		}
	}
	return append(facts, text("doctor.fact.today", "count", strconv.Itoa(today), "refused", strconv.Itoa(refused)))
}

// allowList is about the last answer to a token fetch: WeChat checks the address there
// and nowhere else.
func (e *evidence) allowList() Finding {
	last, asked := e.last(wechat.AccessToken)
	switch {
	case !asked:
		return unknown(IPAllowList, "doctor.ip_allow_list.never")
	case last.OK:
		return fine(IPAllowList, "at", moment(last.At))
	case !aboutAddress(last.ErrCode):
		return unknown(IPAllowList, "doctor.ip_allow_list.hidden")
	}
	f := problem(IPAllowList, last)
	state := e.states[wechat.AccessToken]
	f.Level = Fail
	f.Since, f.Count = e.failing(wechat.AccessToken)
	f.Impact = impactOf(AccessToken, state, state.ExpiresAt.Sub(e.now))
	return f
}

func aboutAddress(code int) bool {
	return slices.Contains([]int{40164, 61004, 89501, 89503, 89506, 89507}, code)
}

// push judges by the newest sign of life, of which a card that nobody confirmed is the
// opposite.
func (e *evidence) push() Finding {
	place := text("wechat.place.server_config")
	newest := e.lastPush
	var facts []Text
	if verified := e.reports[PushVerified]; len(verified) > 0 {
		facts = append(facts, text("doctor.fact.verified", "at", moment(verified[0].At)))
		if verified[0].At.After(newest) {
			newest = verified[0].At
		}
	}
	if !e.lastPush.IsZero() {
		facts = append(facts, text("doctor.fact.push", "at", moment(e.lastPush)))
	}
	silent := e.now.Sub(newest)
	waiting := e.demand.LastReported
	// Anybody can send a message with a wrong signature; it takes some of them, and none
	// that is right, to call it a fault.
	if refused := e.reports[PushRefused]; len(refused) > 0 && refused[0].At.After(e.lastPush) {
		f := Finding{
			Check: Push, Level: Warn, What: text("doctor.push.refused"), Impact: text("doctor.impact.push"), Place: place, Facts: facts,
			Fix: text("doctor.push.refused.fix"), Value: e.pushURL(), Since: refused[len(refused)-1].At, Count: len(refused),
		}
		if len(refused) >= refusedMany && (e.lastPush.IsZero() || e.now.Sub(e.lastPush) > pushSilence) {
			f.Level = Fail
		}
		return f
	}
	switch {
	case !e.demand.Cards && newest.IsZero():
		return unknown(Push, "doctor.push.unused")
	case e.c.PushToken == "":
		return Finding{
			Check: Push, Level: Fail, What: text("doctor.push.no_token"), Impact: text("doctor.impact.push"), Place: place,
			Fix: text("doctor.push.no_token.fix"), Value: e.pushURL(), Facts: facts,
		}
	case newest.IsZero() && e.c.StandIn() && waiting.IsZero():
		return unknown(Push, "doctor.push.rehearsal")
	case newest.IsZero():
		return Finding{
			Check: Push, Level: Fail, What: text("doctor.push.never"), Impact: text("doctor.impact.push"), Place: place,
			Fix: text("doctor.push.never.fix"), Value: e.pushURL(), Facts: facts,
		}
	case e.demand.Cards && waiting.After(e.lastPush) && e.now.Sub(waiting) > cardPatience && silent > pushSilence:
		return Finding{
			Check: Push, Level: Fail, What: text("doctor.push.silent", "hours", strconv.Itoa(int(silent/time.Hour))), Impact: text("doctor.impact.push"),
			Place: place, Fix: text("doctor.push.never.fix"), Value: e.pushURL(), Facts: facts, Since: newest,
		}
	}
	f := fine(Push, "at", moment(newest))
	f.Facts = facts
	return f
}

func (e *evidence) pushURL() string {
	return strings.TrimRight(e.public.String(), "/") + "/w/push/" + url.PathEscape(e.c.Account)
}

// hostProblem is the key of what makes the public address unfit for the console; "" when
// it is fit. WeChat takes names with https on the standard ports only.
func (e *evidence) hostProblem() string {
	host := e.public.Hostname()
	_, err := netip.ParseAddr(host)
	switch {
	case err == nil, host == "localhost", !strings.Contains(host, "."):
		return "doctor.domain.no_name"
	case e.public.Scheme != "https":
		return "doctor.domain.no_https"
	case e.public.Port() != "" && e.public.Port() != "443":
		return "doctor.domain.port"
	}
	return ""
}

func (e *evidence) address() string {
	if port := e.public.Port(); port != "" {
		return net.JoinHostPort(e.public.Hostname(), port)
	}
	return e.public.Hostname()
}

func (e *evidence) oauthDomain() Finding {
	f := Finding{Check: OAuthDomain, Place: text("wechat.place.oauth_domain"), Impact: text("doctor.impact.oauth_domain"), Value: e.public.Hostname()}
	if key := e.hostProblem(); key != "" && !e.c.StandIn() {
		f.Level, f.What, f.Fix, f.Value = Fail, text(key, "address", e.address()), text("doctor.domain.fix"), ""
		return f
	}
	for _, r := range e.reports[OAuthFailed] {
		if r.Code < 10003 || r.Code > 10016 {
			continue
		}
		x := wechat.Explain(r.Code)
		f.Level, f.Code, f.RID = Fail, r.Code, r.RID
		f.What, f.Impact, f.Place, f.Fix = text("doctor.oauth_domain.refused", "code", strconv.Itoa(r.Code)), text(x.Impact), text(x.Place), text(x.Meaning)
		f.Since, f.Count = sameCode(e.reports[OAuthFailed], r.Code)
		return f
	}
	if failed := e.reports[OAuthFailed]; len(failed) > 0 {
		x := wechat.Explain(failed[0].Code)
		// A visitor's stale link is no problem of ours; the account's secret is.
		if x.Class != wechat.ClassVisitor {
			f.Level, f.Code, f.RID, f.Value = Warn, failed[0].Code, failed[0].RID, ""
			f.What = text("doctor.oauth_domain.failed", "code", strconv.Itoa(failed[0].Code))
			f.Place, f.Fix = text(x.Place), text(x.Meaning)
			f.Since, f.Count = sameCode(failed, failed[0].Code)
			return f
		}
	}
	return e.domainFine(OAuthDomain)
}

func sameCode(reports []Report, code int) (since time.Time, count int) {
	for _, r := range reports {
		if r.Code == code {
			since, count = r.At, count+1
		}
	}
	return since, count
}

func (e *evidence) domainFine(check Check) Finding {
	if e.c.StandIn() {
		return Finding{Check: check, Level: OK, What: text("doctor.domain.sandbox")}
	}
	return fine(check, "host", e.public.Hostname())
}

func (e *evidence) jsDomain() Finding {
	f := Finding{Check: JSDomain, Place: text("wechat.place.js_domain"), Impact: text("doctor.impact.js_domain"), Value: e.public.Hostname()}
	if key := e.hostProblem(); key != "" && !e.c.StandIn() {
		f.Level, f.What, f.Fix, f.Value = Fail, text(key, "address", e.address()), text("doctor.domain.fix"), ""
		return f
	}
	bad := e.reports[SignatureBad]
	if len(bad) == 0 {
		return e.domainFine(JSDomain)
	}
	f.Level, f.Since, f.Count = Warn, bad[len(bad)-1].At, len(bad)
	detail := strings.ToLower(bad[0].Detail)
	switch {
	case strings.Contains(detail, "invalid url domain"):
		f.Level, f.What, f.Fix = Fail, text("doctor.js_domain.refused", "host", e.public.Hostname()), text("doctor.js_domain.refused.fix")
	case strings.Contains(detail, "permission") || strings.Contains(detail, "offline verifying"):
		x := wechat.Explain(48001)
		f.Code, f.Value = 48001, ""
		f.What, f.Impact, f.Place, f.Fix = text("doctor.js_domain.permission"), text(x.Impact), text(x.Place), text(x.Meaning)
	default:
		f.What, f.Place, f.Fix, f.Value = text("doctor.js_domain.signature"), text("doctor.place.signatures"), text("doctor.js_domain.signature.fix"), ""
	}
	return f
}

// clock uses what the last answers said; without any for an hour it asks for the date.
func (s *Service) clock(ctx context.Context, e *evidence) Finding {
	skew, ok := e.account.ClockSkew()
	if age := e.now.Sub(skew.At); !ok || age > clockAge || age < 0 {
		var err error
		if skew, err = e.account.ProbeClock(ctx); err != nil {
			return unknown(Clock, "doctor.clock.never")
		}
	}
	off := skew.Ahead.Abs()
	seconds := strconv.Itoa(int(off.Round(time.Second) / time.Second))
	if off <= clockWarn {
		return fine(Clock, "seconds", seconds)
	}
	key := "doctor.clock.ahead"
	if skew.Ahead < 0 {
		key = "doctor.clock.behind"
	}
	f := Finding{
		Check: Clock, Level: Warn, What: text(key, "seconds", seconds), Impact: text("doctor.impact.clock"),
		Place: text("doctor.place.server"), Fix: text("doctor.clock.fix"), Value: "timedatectl set-ntp true",
	}
	if off > clockFail {
		f.Level = Fail
	}
	return f
}

// limits are the calls a day that a fresh account has (protocol 1.6). For tickets WeChat
// names none; the lowest that was reported is taken.
func (e *evidence) limits() map[string]int {
	classic := 2000
	if e.c.Sandbox {
		classic = 200
	}
	return map[string]int{"token": classic, "stable_token": 500_000, "getticket": 10_000}
}

func (e *evidence) quota() Finding {
	limits := e.limits()
	var facts []Text
	worst, worstShare := "", 0
	for _, source := range []string{"stable_token", "token", "getticket"} {
		used := e.counts[source]
		if used == 0 {
			continue
		}
		share := used * 100 / limits[source]
		facts = append(facts, text("doctor.fact.quota", "interface", source, "used", strconv.Itoa(used), "limit", strconv.Itoa(limits[source])))
		if share > worstShare {
			worst, worstShare = source, share
		}
	}
	for _, kind := range wechat.Kinds() {
		last, asked := e.last(kind)
		if !asked || last.OK || last.At.Before(midnight(e.now)) || last.ErrCode != 45009 && last.ErrCode != 45011 {
			continue
		}
		f := problem(Quota, last)
		f.Level, f.Impact, f.Facts = Fail, text(wechat.Explain(last.ErrCode).Impact), facts
		if last.ErrCode == 45011 {
			f.Level = Warn
		}
		f.Since, f.Count = e.failing(kind)
		return f
	}
	if worstShare >= 50 {
		f := Finding{
			Check: Quota, Level: Warn, Facts: facts, Impact: text("wechat.error.45009.impact"), Place: text("wechat.place.quota"), Fix: text("doctor.quota.fix"),
			What: text("doctor.quota.used", "interface", worst, "share", strconv.Itoa(quotaStep(worstShare)), "used", strconv.Itoa(e.counts[worst]), "limit", strconv.Itoa(limits[worst])),
		}
		if worstShare >= 95 {
			f.Level = Fail
		}
		return f
	}
	f := fine(Quota)
	f.Facts = facts
	return f
}

// quotaStep is the warning that a share has passed.
func quotaStep(share int) int {
	switch {
	case share >= 95:
		return 95
	case share >= 80:
		return 80
	}
	return 50
}

// foreign counts today's renewals after a token was refused that was still young: only
// another program that fetches with the same AppID does that again and again.
func (e *evidence) foreign() Finding {
	count, since := 0, time.Time{}
	var rid string
	for i, f := range e.fetches {
		if f.At.Before(midnight(e.now)) {
			break
		}
		if f.Kind != wechat.AccessToken || f.Reason != "rejected" {
			continue
		}
		before := slices.IndexFunc(e.fetches[i+1:], func(g wechat.Fetch) bool { return g.Kind == wechat.AccessToken && g.OK })
		if before < 0 || f.At.Sub(e.fetches[i+1+before].At) > earlyRejection {
			continue
		}
		count, since, rid = count+1, f.At, f.RID
	}
	if count == 0 {
		return fine(ForeignRefresher)
	}
	f := Finding{
		Check: ForeignRefresher, Level: Warn, What: text("doctor.foreign_refresher.found", "count", strconv.Itoa(count)), Impact: text("doctor.impact.foreign_refresher"),
		Place: text("doctor.place.other_program"), Fix: text("doctor.foreign_refresher.fix"), Value: string(e.c.AppID), RID: rid, Code: 40001, Since: since, Count: count,
	}
	if count >= foreignMany {
		f.Level = Fail
	}
	return f
}

// span is a duration as the arguments hours and minutes.
func span(d time.Duration) []string {
	d = max(d, 0)
	return []string{"hours", strconv.Itoa(int(d / time.Hour)), "minutes", strconv.Itoa(int(d % time.Hour / time.Minute))}
}

// moment is a time as people at WeChat's side write it.
func moment(t time.Time) string { return t.In(shanghai).Format("01-02 15:04") }
