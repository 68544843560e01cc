package people

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kaquan/fault"
)

// ID names a person: a UUIDv7, so ids sort by age.
type ID string

// Person is somebody who may sign in to the admin.
type Person struct {
	ID           ID
	Login        string // lower case, unique
	Name         string // as shown
	Role         Role
	PasswordHash string // argon2id in PHC form; "" for somebody invited, who cannot sign in yet
	Language     string // zh-CN or en
	CreatedAt    time.Time
	LastSeenAt   time.Time // zero until the first sign-in
	Disabled     bool
	TwoStep      bool // a code is asked for after the password
}

// NewPerson is what somebody types to make a person. Setup ignores Role: the first person
// owns the place.
type NewPerson struct {
	Login    string
	Name     string // empty = the login
	Password string
	Role     Role
	Language string // empty = zh-CN
	IP       string // where the request came from, for limits and the audit; may be empty
	Agent    string
}

// The bounds of what people may choose.
const (
	MinLogin    = 2   // bytes; logins are ASCII
	MaxLogin    = 64  // bytes
	MaxName     = 40  // characters
	MinPassword = 10  // characters
	MaxPassword = 128 // bytes
)

// CleanLogin is how a login is stored and looked up: without blanks around, lower case.
func CleanLogin(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

// clean normalises n and returns every broken rule on its field; somebody invited sets the
// password later.
func (n *NewPerson) clean(password bool) error {
	n.Login = CleanLogin(n.Login)
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" {
		n.Name = n.Login
	}
	if n.Language == "" {
		n.Language = "zh-CN"
	}
	var problems fault.List
	switch {
	case len(n.Login) < MinLogin || len(n.Login) > MaxLogin:
		problems = append(problems, fault.New(fault.Invalid, "people.login.length", "min", MinLogin, "max", MaxLogin).On("login"))
	case !loginFits(n.Login):
		problems = append(problems, fault.New(fault.Invalid, "people.login.letters").On("login"))
	}
	problems = append(problems, nameProblems(n.Name, n.Login)...)
	if password {
		problems = append(problems, passwordProblems(n.Login, n.Password)...)
	}
	if !n.Role.known() {
		problems = append(problems, fault.New(fault.Invalid, "people.role.unknown").On("role"))
	}
	if n.Language != "zh-CN" && n.Language != "en" {
		problems = append(problems, fault.New(fault.Invalid, "people.language.unknown").On("language"))
	}
	return problems.OrNil()
}

func (r Role) known() bool { return r.Can(CampaignsRead) }

func loginFits(login string) bool {
	for i, r := range login {
		alphanumeric := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !alphanumeric && (i == 0 || !strings.ContainsRune("._-@+", r)) {
			return false
		}
	}
	return true
}

// unprintable finds control characters and the marks that turn text around, with which a name
// could pose as another one. Joiners stay: emoji are made with them.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

func nameProblems(name, login string) fault.List {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return fault.List{fault.New(fault.Invalid, "people.name.letters").On("name")}
	case utf8.RuneCountInString(name) > MaxName && name != login:
		return fault.List{fault.New(fault.Invalid, "people.name.long", "max", MaxName).On("name")}
	}
	return nil
}

func passwordProblems(login, password string) fault.List {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return fault.List{fault.New(fault.Invalid, "people.password.short", "min", MinPassword).On("password")}
	case len(password) > MaxPassword:
		return fault.List{fault.New(fault.Invalid, "people.password.long", "max", MaxPassword).On("password")}
	case strings.EqualFold(strings.TrimSpace(password), login):
		return fault.List{fault.New(fault.Invalid, "people.password.is_login").On("password")}
	}
	return nil
}

// CreatePerson checks n and stores it. Problems come back as a fault.List on login, name,
// password, role and language; ErrLoginTaken on login.
func (s *Service) CreatePerson(ctx context.Context, n NewPerson) (Person, error) {
	if err := n.clean(true); err != nil {
		return Person{}, err
	}
	p, err := s.person(ctx, n)
	if err != nil {
		return Person{}, err
	}
	if err := s.store.CreatePerson(ctx, p); err != nil {
		return Person{}, onLogin(err)
	}
	s.note(ctx, Person{}, n.IP, "people.create", "person", string(p.ID), map[string]any{"login": p.Login, "role": p.Role})
	return p, nil
}

// ResetPassword gives the person another password and ends all of their sessions.
// ErrPersonNotFound on login, or a fault.List on password. A repeat is safe.
func (s *Service) ResetPassword(ctx context.Context, login, password string) error {
	p, err := s.store.PersonByLogin(ctx, CleanLogin(login))
	if err != nil {
		return onLogin(err)
	}
	if err := passwordProblems(p.Login, password).OrNil(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, p.ID, hash, nil); err != nil {
		return err
	}
	s.note(ctx, Person{}, "", "people.reset_password", "person", string(p.ID), nil)
	return nil
}

// List returns everybody, the oldest first.
func (s *Service) List(ctx context.Context) ([]Person, error) { return s.store.ListPeople(ctx) }

// person makes the row for a checked n.
func (s *Service) person(ctx context.Context, n NewPerson) (Person, error) {
	hash, err := s.hasher.hash(ctx, n.Password)
	if err != nil {
		return Person{}, err
	}
	return s.row(n, hash), nil
}

func (s *Service) row(n NewPerson, hash string) Person {
	now := s.now().UTC()
	return Person{
		ID: ID(newUUID(now)), Login: n.Login, Name: n.Name, Role: n.Role,
		PasswordHash: hash, Language: n.Language, CreatedAt: now,
	}
}
