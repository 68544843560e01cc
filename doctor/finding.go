package doctor

import (
	"maps"
	"slices"
	"time"
)

// Check names one thing that is looked at.
type Check string

// The checks. Those of an account come first, then those of the whole program.
const (
	AccessToken       Check = "access_token"
	JSAPITicket       Check = "jsapi_ticket"
	CardTicket        Check = "card_ticket"
	Push              Check = "push"
	IPAllowList       Check = "ip_allow_list"
	OAuthDomain       Check = "oauth_domain"
	JSDomain          Check = "js_domain"
	Clock             Check = "clock"
	Quota             Check = "quota"
	ForeignRefresher  Check = "foreign_refresher"
	VerificationFiles Check = "verification_files"
	Certificate       Check = "certificate"
	Database          Check = "database"
	Disk              Check = "disk"
	Backup            Check = "backup"
)

// AccountChecks are made for every official account, in the order they are shown.
func AccountChecks() []Check {
	return []Check{AccessToken, JSAPITicket, CardTicket, Push, IPAllowList, OAuthDomain, JSDomain, Clock, Quota, ForeignRefresher}
}

// ProgramChecks are made once; their findings have no account.
func ProgramChecks() []Check {
	return []Check{VerificationFiles, Certificate, Database, Disk, Backup}
}

// Name is the key of the check's title.
func (c Check) Name() string { return "doctor.check." + string(c) }

// Level says how bad it is.
type Level string

// The levels. Unknown means that there is no evidence yet; it is no problem.
const (
	OK      Level = "ok"
	Warn    Level = "warn"
	Fail    Level = "fail"
	Unknown Level = "unknown"
)

var ranks = []Level{Unknown, OK, Warn, Fail}

// Rank orders levels by badness: 0 unknown, 1 ok, 2 warn, 3 fail. It is what stores keep.
func (l Level) Rank() int { return max(slices.Index(ranks, l), 0) }

// LevelOf is the level with a rank; Unknown for a number that is none.
func LevelOf(rank int) Level {
	if rank < 0 || rank >= len(ranks) {
		return Unknown
	}
	return ranks[rank]
}

// Problem reports whether somebody should act.
func (l Level) Problem() bool { return l == Warn || l == Fail }

// Name is the key of the level's word.
func (l Level) Name() string { return "doctor.level." + string(l) }

// Text is a sentence before translation. Its arguments are strings, so that a finding
// reads the same after a round through the store.
type Text struct {
	Key  string         `json:"key"`
	Args map[string]any `json:"args,omitempty"`
}

// Empty reports whether there is nothing to say.
func (t Text) Empty() bool { return t.Key == "" }

func text(key string, pairs ...string) Text {
	t := Text{Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		if t.Args == nil {
			t.Args = map[string]any{}
		}
		t.Args[pairs[i]] = pairs[i+1]
	}
	return t
}

// Finding is the outcome of one check. A problem has all five parts: What, Impact, Place
// and Fix, with Since and Count; the others have What alone. Nothing in it is secret.
type Finding struct {
	Check   Check  `json:"check"`
	Account string `json:"account,omitempty"` // "" = the whole program
	Level   Level  `json:"level"`
	What    Text   `json:"what"`
	Impact  Text   `json:"impact,omitzero"`
	Place   Text   `json:"place,omitzero"`
	Fix     Text   `json:"fix,omitzero"`
	Value   string `json:"value,omitempty"` // to copy into the place
	Code    int    `json:"code,omitempty"`  // of WeChat
	RID     string `json:"rid,omitempty"`
	Facts   []Text `json:"facts,omitempty"` // short lines for the tile

	At    time.Time `json:"at"`
	Since time.Time `json:"since,omitzero"` // of the present problem
	Count int       `json:"count,omitempty"`
}

// Key names the series that the finding belongs to.
func (f Finding) Key() Key { return Key{Check: f.Check, Account: f.Account} }

// Key is a check of an account, or of the program when Account is "".
type Key struct {
	Check   Check
	Account string
}

// Overall is the worst level of all, and how many findings are problems. Without any
// evidence it is Unknown.
func Overall(findings []Finding) (Level, int) {
	worst, problems := Unknown, 0
	for _, f := range findings {
		if f.Level.Rank() > worst.Rank() {
			worst = f.Level
		}
		if f.Level.Problem() {
			problems++
		}
	}
	return worst, problems
}

// Sort puts findings in the order they are shown: the program's last, accounts in their
// own order, checks as the lists above have them.
func Sort(findings []Finding) {
	order := map[Check]int{}
	for i, c := range slices.Concat(AccountChecks(), ProgramChecks()) {
		order[c] = i
	}
	accounts := map[string]int{}
	for _, f := range findings {
		if f.Account != "" {
			accounts[f.Account] = 0
		}
	}
	for i, id := range slices.Sorted(maps.Keys(accounts)) {
		accounts[id] = i
	}
	accounts[""] = len(accounts)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if d := accounts[a.Account] - accounts[b.Account]; d != 0 {
			return d
		}
		return order[a.Check] - order[b.Check]
	})
}
