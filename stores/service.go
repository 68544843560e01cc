package stores

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kaquan/fault"
)

// Hasher makes and checks the hashes of PINs. It bounds how many run at once.
type Hasher interface {
	// Hash is secret in a form that holds its parameters and salt.
	Hash(ctx context.Context, secret string) (string, error)
	// Check compares; an empty hash takes as long as any and never matches.
	Check(ctx context.Context, secret, hash string) (bool, error)
}

// Actor is who does something: a person of the admin, or a member of the staff.
type Actor struct {
	ID    string // of the person in the admin; "" for staff and for the program
	Staff StaffID
	Name  string // as it is then
	IP    string
}

// Audit is the line about a write that is stored with it. Detail is JSON without secrets and
// personal data.
type Audit struct {
	Actor  Actor
	Action string
	Detail string
	At     time.Time
}

// Service is the front door of the package. All methods are safe for concurrent use. What
// they refuse is a fault.Error or fault.List with fields.
type Service struct {
	store  Store
	hasher Hasher
	now    func() time.Time
	log    *slog.Logger
	ids    idMaker
}

// Options are the parts of a Service.
type Options struct {
	Store  Store
	Hasher Hasher           // may be nil where nobody signs in
	Now    func() time.Time // nil = time.Now
	Log    *slog.Logger     // nil = discard
}

// New makes the service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: o.Store, hasher: o.Hasher, now: o.Now, log: o.Log}
}

// Now is the service's clock, in UTC.
func (s *Service) Now() time.Time { return s.now().UTC() }

func (s *Service) audit(by Actor, action string, detail ...any) Audit {
	m := map[string]any{}
	for i := 0; i+1 < len(detail); i += 2 {
		m[detail[i].(string)] = detail[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		text = []byte("{}")
	}
	return Audit{Actor: by, Action: action, Detail: string(text), At: s.Now()}
}

// line checks a typed text of one line: at most limit characters, printable.
func line(problems *fault.List, field string, text *string, limit int, required bool) {
	*text = strings.TrimSpace(*text)
	switch {
	case *text == "" && required:
		*problems = append(*problems, invalid(field, "required"))
	case utf8.RuneCountInString(*text) > limit:
		*problems = append(*problems, invalid(field, "long", "max", limit))
	case !utf8.ValidString(*text) || strings.ContainsFunc(*text, unprintable):
		*problems = append(*problems, invalid(field, "signs"))
	}
}

// unprintable finds control characters and the marks that turn text around.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// cut is foreign text in at most n bytes of valid UTF-8.
func cut(text string, n int) string {
	return strings.ToValidUTF8(text[:min(len(text), n)], "")
}
