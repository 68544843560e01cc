package campaigns

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/width"

	"kaquan/fault"
)

// ListID names a list.
type ListID string

// ListKind is what the rows of a list are.
type ListKind string

// The kinds of lists. ListCode holds invitation codes, each of which works once.
const (
	ListPhone   ListKind = "phone"
	ListOpenID  ListKind = "openid"
	ListUnionID ListKind = "unionid"
	ListPlate   ListKind = "plate"
	ListCode    ListKind = "code"
)

// ListKinds lists them in the order in which pages offer them.
var ListKinds = []ListKind{ListPhone, ListPlate, ListOpenID, ListUnionID, ListCode}

// List is a table of people or codes that campaigns of one account can name. Its rows are
// kept as keyed digests with a masked end: it answers whether somebody is on it, and is no
// second store of phone numbers.
type List struct {
	ID        ListID
	Account   AccountID
	Kind      ListKind
	Name      string // at most 60 characters, once per account
	Rows      int64
	Used      int64 // codes that a claim has taken
	CreatedAt time.Time
	UpdatedAt time.Time // of the last import
}

var identityPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{6,64}$`)

// Normal is a row of a list as it is compared, and whether it can be one.
func (k ListKind) Normal(text string) (string, bool) {
	text = strings.TrimSpace(cleanLine(text))
	switch k {
	case ListPhone:
		return Mobile(text)
	case ListPlate:
		return Plate(text)
	case ListCode:
		return NormalInvitation(text)
	}
	text = width.Narrow.String(text)
	return text, identityPattern.MatchString(text)
}

// Tail is what is shown of a row: its last four characters.
func Tail(value string) string {
	r := []rune(value)
	return string(r[max(0, len(r)-4):])
}

// Errors of lists.
var (
	ErrListNotFound = fault.New(fault.NotFound, "lists.error.not_found")
	ErrListName     = fault.New(fault.Invalid, "lists.error.name_taken")
	ErrListUsed     = fault.New(fault.Conflict, "lists.error.used")
	ErrListFull     = fault.New(fault.Invalid, "lists.error.full", "max", MaxListRows).On("file")
)

// Bounds of lists and pools.
const (
	MaxListRows   = 1_000_000 // of one list or pool
	MaxImportRows = 100_000   // of one file
)

// Lists is what the store does with lists.
type Lists interface {
	// CreateList stores an empty list. ErrListName.
	CreateList(ctx context.Context, l List, audit Audit) error
	// ListByID finds one with its counts. ErrListNotFound.
	ListByID(ctx context.Context, id ListID) (List, error)
	// Lists are an account's, newest first, with their counts.
	Lists(ctx context.Context, account AccountID) ([]List, error)
	// OnList tells of each fact whether the list holds it.
	OnList(ctx context.Context, id ListID, facts []Fact) ([]bool, error)
	// AddToList stores what is not there yet and says how many that was. A repeat is safe.
	AddToList(ctx context.Context, id ListID, facts []Fact, now time.Time) (int, error)
	// ListTails are the masked ends of some rows, at most limit.
	ListTails(ctx context.Context, id ListID, limit int) ([]string, error)
	// NoteImport writes what an import did into the audit.
	NoteImport(ctx context.Context, kind, id string, audit Audit) error
	// DeleteList removes a list that no live campaign uses. ErrListUsed, ErrListNotFound.
	DeleteList(ctx context.Context, id ListID, now time.Time, audit Audit) error

	// ShareTaken is how much of the share of a day is taken.
	ShareTaken(ctx context.Context, campaign ID, day string) (int64, error)
	// CheckRules names what differs between the claims and what the rules counted.
	CheckRules(ctx context.Context, campaign ID) ([]string, error)
}

// named is a name for staff, checked, on the field "name".
func named(name string) (string, error) {
	name = strings.TrimSpace(cleanLine(name))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", fault.List{fault.New(fault.Invalid, "campaign.error.required").On("name")}
	case n > 60:
		return "", fault.List{fault.New(fault.Invalid, "campaign.error.too_long", "max", 60, "count", n).On("name")}
	}
	return name, nil
}

// CreateList makes an empty list. Problems stand on name and kind.
func (s *Service) CreateList(ctx context.Context, actor Actor, account AccountID, kind ListKind, name string) (List, error) {
	name, err := named(name)
	if err != nil {
		return List{}, err
	}
	known := false
	for _, k := range ListKinds {
		known = known || k == kind
	}
	if !known {
		return List{}, fault.List{fault.New(fault.Invalid, "rules.error.choose").On("kind")}
	}
	now := s.now().UTC()
	l := List{ID: ListID(ID(s.ids.next(now)).String()), Account: account, Kind: kind, Name: name, CreatedAt: now, UpdatedAt: now}
	err = s.store.CreateList(ctx, l, s.audit(actor, "list.create", now, map[string]any{"kind": kind}))
	return l, onField(err, ErrListName, "name")
}

// List finds one. ErrListNotFound.
func (s *Service) List(ctx context.Context, id ListID) (List, error) {
	return s.store.ListByID(ctx, id)
}

// Lists are those of an account, newest first.
func (s *Service) Lists(ctx context.Context, account AccountID) ([]List, error) {
	return s.store.Lists(ctx, account)
}

// ListTails are the masked ends of some rows of a list.
func (s *Service) ListTails(ctx context.Context, id ListID) ([]string, error) {
	return s.store.ListTails(ctx, id, 20)
}

// DeleteList removes a list for good. ErrListUsed while a live campaign names it.
func (s *Service) DeleteList(ctx context.Context, actor Actor, id ListID) error {
	now := s.now().UTC()
	return s.store.DeleteList(ctx, id, now, s.audit(actor, "list.delete", now, nil))
}
