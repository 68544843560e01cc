package campaigns

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/width"

	"kaquan/fault"
	"kaquan/wechat"
)

// PersonRow is a person of another system's table and the line it stands in, from 1.
type PersonRow struct {
	Row      int
	OpenID   string
	Nickname string
	Avatar   string
	Sex      string
	Card     string // whether the person took a card there
}

// PeopleTable is such a table; Others are the headers of the columns that are not taken.
type PeopleTable struct {
	Rows   []PersonRow
	Others []string
}

// Errors of an import of people.
var (
	ErrPeopleColumn   = fault.New(fault.Invalid, "imports.error.no_openid").On("file")
	ErrPeopleTwice    = fault.New(fault.Invalid, "imports.error.column_twice").On("file")
	ErrImportCampaign = fault.New(fault.Invalid, "imports.error.campaign").On("campaign")
)

// peopleHeaders are the words above the columns, as headerWord makes them.
var peopleHeaders = func() map[string]func(*PersonRow) *string {
	words := map[string]func(*PersonRow) *string{}
	for _, c := range []struct {
		cell  func(*PersonRow) *string
		words string
	}{
		{func(p *PersonRow) *string { return &p.OpenID }, "openid 微信openid 用户openid useropenid wxopenid"},
		{func(p *PersonRow) *string { return &p.Nickname }, "nickname 昵称 微信昵称 名称"},
		{func(p *PersonRow) *string { return &p.Avatar }, "headimgurl 头像 头像地址 avatar avatarurl headimg"},
		{func(p *PersonRow) *string { return &p.Sex }, "sex gender 性别"},
		{func(p *PersonRow) *string { return &p.Card }, "addcard 已领取 是否领取 领取 领卡 claimed"},
	} {
		for _, word := range strings.Fields(c.words) {
			words[word] = c.cell
		}
	}
	return words
}()

// headerWord is a header without case, width, blanks and joints.
func headerWord(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t-_.　", r) {
			return -1
		}
		return r
	}, strings.ToLower(width.Narrow.String(cleanLine(text))))
}

// PeopleOf finds the columns by the words of the first row that is not empty, in any order.
// Without an openid it is ErrPeopleColumn; the same column twice is ErrPeopleTwice.
func PeopleOf(rows [][]string) (PeopleTable, error) {
	var t PeopleTable
	header := slices.IndexFunc(rows, func(cells []string) bool { return len(cells) > 0 })
	if header < 0 {
		return t, ErrPeopleColumn
	}
	cells := make([]func(*PersonRow) *string, len(rows[header]))
	var probe PersonRow
	seen, hasOpenID := map[*string]bool{}, false
	for i, text := range rows[header] {
		cell := peopleHeaders[headerWord(text)]
		if cell == nil {
			if text != "" {
				t.Others = append(t.Others, shorten(text, 40))
			}
			continue
		}
		if seen[cell(&probe)] {
			return t, ErrPeopleTwice
		}
		seen[cell(&probe)] = true
		hasOpenID = hasOpenID || cell(&probe) == &probe.OpenID
		cells[i] = cell
	}
	if !hasOpenID {
		return t, ErrPeopleColumn
	}
	for n, texts := range rows[header+1:] {
		if len(texts) == 0 {
			continue
		}
		p := PersonRow{Row: header + n + 2}
		for i, text := range texts[:min(len(texts), len(cells))] {
			if cells[i] != nil {
				*cells[i](&p) = text
			}
		}
		t.Rows = append(t.Rows, p)
	}
	return t, nil
}

// NewcomerKnown is what the store knows of an openid: nobody, somebody, or somebody who
// erased their data and must not come back by a table.
type NewcomerKnown struct {
	Visitor VisitorID // 0 = nobody
	Erased  bool
	Lacks   Newcomer // what of the row the stored profile has no word about
	Card    bool     // has the card of the import already
}

// Newcomer is a row as it is stored.
type Newcomer struct {
	Row      int
	OpenID   wechat.OpenID
	Nickname string
	Avatar   string
	Sex      Sex
	Card     bool
	Visitor  VisitorID // for whoever is new
	Claim    *Claim    // the card that is given; nil = none
}

// Key names the claim of an import: a second run finds it. Keys of pages have no colon.
func (n *Newcomer) Key() string { return "import:" + string(n.OpenID) }

// NewcomerResult is what became of a row.
type NewcomerResult struct {
	New     bool
	Given   bool         // a card
	Refused *fault.Error // why not: ErrSoldOut, ErrLimit; ErrVisitorErased for the whole row
}

// ErrVisitorErased says that a person has erased their data here.
var ErrVisitorErased = fault.New(fault.Conflict, "imports.problem.erased")

// PeopleImports is what an import of people needs from the store.
type PeopleImports interface {
	// KnownPeople looks the rows up; campaign 0 = no cards.
	KnownPeople(ctx context.Context, account AccountID, campaign ID, people []Newcomer) ([]NewcomerKnown, error)
	// AddPeople stores the rows in one transaction: unknown visitors come in, stored ones get
	// what they lack, and cards are given as long as the campaign's stock and the person's
	// limit last, in the order of the rows. A row whose claim exists changes nothing.
	AddPeople(ctx context.Context, account AccountID, campaign ID, limits Limits, people []Newcomer, now time.Time) ([]NewcomerResult, error)
}

// PeopleImport brings in the visitors of another system, and their cards. Look does the
// dry run, Store the rest.
type PeopleImport struct {
	Report   ImportReport
	service  *Service
	actor    Actor
	account  AccountID
	campaign *Campaign // nil = no cards
	others   []string
	people   []Newcomer
}

// CanImportInto reports whether an import may give cards of the campaign: it is public or
// over, and its card is free and has a code of our own or WeChat's.
func CanImportInto(c *Campaign) bool {
	public := c.Status == StatusPublished || c.Status == StatusPaused || c.Status == StatusEnded
	return public && c.Issuer != CodePool && c.Price.Fen == 0
}

// PeopleImport is an import of people into an account. With a campaign of the account,
// whoever took a card there gets one here: ErrImportCampaign where that cannot be.
func (s *Service) PeopleImport(actor Actor, account AccountID, c *Campaign) (*PeopleImport, error) {
	if c != nil && (c.Account != account || !CanImportInto(c)) {
		return nil, ErrImportCampaign
	}
	return &PeopleImport{service: s, actor: actor, account: account, campaign: c}, nil
}

func (m *PeopleImport) campaignID() ID {
	if m.campaign == nil {
		return 0
	}
	return m.campaign.ID
}

// importOpenID is an openid as an import takes it: longer than what a claim's key has room for is
// none.
var importOpenID = regexp.MustCompile(`^[0-9A-Za-z_-]{20,57}$`)

// yesAndNo are the ways to write whether there is a card.
var yesAndNo = map[string]bool{
	"1": true, "true": true, "yes": true, "y": true, "t": true, "是": true, "已领取": true, "已领": true, "有": true,
	"": false, "0": false, "false": false, "no": false, "n": false, "f": false, "否": false, "未领取": false, "未领": false, "无": false, "null": false,
}

var sexes = map[string]Sex{"1": 1, "男": 1, "male": 1, "m": 1, "2": 2, "女": 2, "female": 2, "f": 2}

// Look finds out what the table would do; it changes nothing.
func (m *PeopleImport) Look(ctx context.Context, t PeopleTable, progress Progress) error {
	report := ImportReport{Rows: len(t.Rows)}
	m.people, m.others = nil, t.Others
	bad := func(p *PersonRow, problem *fault.Error) {
		report.Problems = append(report.Problems, ImportProblem{ImportRow{p.Row, shorten(p.OpenID, 60)}, problem})
	}
	seen := make(map[string]int, len(t.Rows)) // index in all
	all := make([]Newcomer, 0, len(t.Rows))
	badAvatars := 0
	for i := range t.Rows {
		p := &t.Rows[i]
		n, problem := newcomer(p)
		if problem != nil {
			bad(p, problem)
			report.Bad++
			continue
		}
		if p.Avatar != "" && n.Avatar == "" {
			badAvatars++
		}
		if at, again := seen[string(n.OpenID)]; again {
			all[at].merge(n)
			bad(p, fault.New(fault.Invalid, "lists.problem.twice", "row", all[at].Row))
			report.Twice++
			continue
		}
		seen[string(n.OpenID)] = len(all)
		all = append(all, n)
	}
	done := report.Bad + report.Twice
	for part := range slices.Chunk(all, importStep) {
		if err := ctx.Err(); err != nil {
			return err
		}
		known, err := m.service.store.KnownPeople(ctx, m.account, m.campaignID(), part)
		if err != nil {
			return err
		}
		for i := range part {
			n, k := part[i], known[i]
			n.Card = n.Card && m.campaign != nil && !k.Card
			switch {
			case k.Erased:
				bad(&PersonRow{Row: n.Row, OpenID: string(n.OpenID)}, ErrVisitorErased)
				report.Bad++
				continue
			case k.Visitor == 0:
				report.New++
			case n.Card || k.Lacks.Nickname != "" || k.Lacks.Avatar != "" || k.Lacks.Sex != 0:
				report.Changed++
			default:
				report.Known++
				continue
			}
			if n.Card {
				report.Cards++
			}
			m.people = append(m.people, n)
		}
		done += len(part)
		progress(done, report.Rows)
	}
	report.Notes = m.notes(&report, badAvatars)
	slices.SortStableFunc(report.Problems, func(a, b ImportProblem) int { return a.Row - b.Row })
	m.Report = report
	progress(report.Rows, report.Rows)
	return nil
}

// notes are what people should know before they go on.
func (m *PeopleImport) notes(report *ImportReport, badAvatars int) []*fault.Error {
	var notes []*fault.Error
	note := func(key string, args ...any) { notes = append(notes, fault.New(fault.Invalid, key, args...)) }
	var addresses, others []string
	for _, name := range m.others {
		switch headerWord(name) {
		case "hostip", "xforip", "xforwardedfor", "ip":
			addresses = append(addresses, name)
		default:
			others = append(others, name)
		}
	}
	if len(addresses) > 0 {
		note("imports.note.addresses", "columns", strings.Join(addresses, ", "))
	}
	if len(others) > 0 {
		note("imports.note.columns", "columns", strings.Join(others, ", "))
	}
	if badAvatars > 0 {
		note("imports.note.avatars", "count", badAvatars)
	}
	switch {
	case m.campaign == nil:
		note("imports.note.no_campaign")
	case int64(report.Cards) > m.campaign.Stock.Left():
		note("imports.note.stock", "cards", report.Cards, "left", max(0, m.campaign.Stock.Left()), "name", m.campaign.Name)
	}
	return notes
}

// newcomer is a row as it is stored, or why not.
func newcomer(p *PersonRow) (Newcomer, *fault.Error) {
	n := Newcomer{Row: p.Row, OpenID: wechat.OpenID(strings.TrimSpace(width.Narrow.String(cleanLine(p.OpenID)))), Nickname: shorten(p.Nickname, 64)}
	if !importOpenID.MatchString(string(n.OpenID)) {
		return n, fault.New(fault.Invalid, "imports.problem.openid")
	}
	card, understood := yesAndNo[strings.ToLower(strings.TrimSpace(width.Narrow.String(p.Card)))]
	if !understood {
		return n, fault.New(fault.Invalid, "imports.problem.card", "value", shorten(p.Card, 20))
	}
	n.Card, n.Sex = card, sexes[strings.ToLower(strings.TrimSpace(p.Sex))]
	if absoluteImage(p.Avatar) && cleanLine(p.Avatar) == p.Avatar {
		n.Avatar = p.Avatar
	}
	return n, nil
}

// merge adds what a later line of the same person says besides.
func (n *Newcomer) merge(o Newcomer) {
	n.Card = n.Card || o.Card
	if n.Nickname == "" {
		n.Nickname = o.Nickname
	}
	if n.Avatar == "" {
		n.Avatar = o.Avatar
	}
	if n.Sex == 0 {
		n.Sex = o.Sex
	}
}

// Store stores what Look found, in steps, and says how many visitors are new. Who gets no
// card is among the report's problems then. Stopped half-way it keeps what it has; the same
// table again adds the rest and nothing twice.
func (m *PeopleImport) Store(ctx context.Context, progress Progress) (added int, err error) {
	done := 0
	m.Report.Problems = slices.Clone(m.Report.Problems) // somebody may be reading what Look found
	for part := range slices.Chunk(m.people, importStep) {
		if err = ctx.Err(); err != nil {
			break
		}
		results, failed := m.add(ctx, part)
		if failed != nil {
			err = failed
			break
		}
		for i, r := range results {
			if r.New {
				added++
			}
			if r.Given {
				m.Report.Given++
			}
			if r.Refused != nil {
				m.Report.Problems = append(m.Report.Problems, ImportProblem{ImportRow{part[i].Row, string(part[i].OpenID)}, r.Refused})
			}
		}
		done += len(part)
		progress(done, len(m.people))
	}
	now, campaign := m.service.now().UTC(), ""
	if m.campaign != nil {
		campaign = m.campaign.ID.String()
	}
	slices.SortStableFunc(m.Report.Problems, func(a, b ImportProblem) int { return a.Row - b.Row })
	detail := map[string]any{"rows": m.Report.Rows, "added": added, "cards": m.Report.Given, "campaign": campaign, "columns_left_out": m.others}
	failed := m.service.store.NoteImport(context.WithoutCancel(ctx), "account", string(m.account), m.service.audit(m.actor, "people.import", now, detail))
	if err == nil {
		err = failed
	}
	return added, err
}

// add stores one step. A code drawn twice makes the store refuse all of it; another draw is
// as good as certain.
func (m *PeopleImport) add(ctx context.Context, part []Newcomer) ([]NewcomerResult, error) {
	s := m.service
	for draw := 1; ; draw++ {
		now, limits := s.now().UTC(), Limits{PerPerson: 1}
		if m.campaign != nil {
			limits = m.campaign.Limits
		}
		for i := range part {
			part[i].Visitor = VisitorID(s.ids.next(now))
			if part[i].Card {
				part[i].Claim = m.claim(&part[i], now)
			}
		}
		results, err := s.store.AddPeople(ctx, m.account, m.campaignID(), limits, part, now)
		if !errors.Is(err, ErrCodeTaken) || draw == 3 {
			return results, err
		}
	}
}

// claim is the card of a person who had one elsewhere; whose it is the store fills in.
func (m *PeopleImport) claim(n *Newcomer, now time.Time) *Claim {
	c := &Claim{
		ID: ClaimID(m.service.ids.next(now)), Campaign: m.campaign.ID, Account: m.account, Ref: NewRef(), Issuer: m.campaign.Issuer, State: Confirmed,
		Key: n.Key(), Channel: ImportChannel, Day: m.campaign.Day(now), HoldUntil: now, CreatedAt: now, ConfirmedAt: now,
	}
	if c.Issuer == OwnCode {
		c.Code = NewCode()
	}
	return c
}

// ImportChannel is the channel of cards that an import brought, and the detail of their
// events.
const ImportChannel = "import"
