package stores

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"time"

	"kaquan/fault"
)

// Role is what a member of the staff may do.
type Role string

// The roles.
const (
	Clerk       Role = "staff"       // 店员: redeems
	Manager     Role = "manager"     // 店长: redeems, undoes, sees the day, books stock
	Stockkeeper Role = "stockkeeper" // 库管: books stock
)

// Roles lists every role in the order of the screens.
func Roles() []Role { return []Role{Clerk, Manager, Stockkeeper} }

// Redeems reports whether the role may redeem cards.
func (r Role) Redeems() bool { return r == Clerk || r == Manager }

// Manages reports whether the role may undo and see the totals of everybody at the place.
func (r Role) Manages() bool { return r == Manager }

// BooksStock reports whether the role may move and count stock.
func (r Role) BooksStock() bool { return r == Manager || r == Stockkeeper }

// Staff is somebody who works at a place.
type Staff struct {
	ID          StaffID
	Account     AccountID
	Place       PlaceID
	Name        string // unique at the place
	Role        Role
	PINHash     string
	Tries       int       // wrong PINs in a row
	LockedUntil time.Time // zero = not locked
	Visitor     VisitorID // the WeChat identity, 0 = none
	Disabled    bool
	CreatedAt   time.Time
	LastSeenAt  time.Time // zero until the first sign-in
}

// Actor is the member of the staff as the one who does something.
func (m *Staff) Actor(ip string) Actor { return Actor{Staff: m.ID, Name: m.Name, IP: ip} }

// The rules of PINs.
const (
	PINDigits = 6
	MaxTries  = 5
	LockTime  = 15 * time.Minute
	MaxStaff  = 5000 // of an account
)

// StaffDraft is what somebody types about a member of the staff. Row is of an import.
type StaffDraft struct {
	Place     PlaceID
	PlaceCode string // of an import: used when Place is 0
	Name      string
	Role      Role
	Row       int
}

func (d *StaffDraft) clean() error {
	var problems fault.List
	line(&problems, "name", &d.Name, 30, true)
	if d.Place == 0 {
		problems = append(problems, invalid("place", "choose"))
	}
	if !slices.Contains(Roles(), d.Role) {
		problems = append(problems, invalid("role", "choose"))
	}
	return problems.OrNil()
}

// StaffFilter selects staff of an account; zero values do not filter.
type StaffFilter struct {
	Account AccountID
	Place   PlaceID
	Search  string // in the name
	Active  bool   // only those who may sign in
	After   StaffID
	Limit   int // 0 = 100
}

// StaffRow is a member with the place's name and the living sessions.
type StaffRow struct {
	Staff
	PlaceName string
	PlaceCode string
	Sessions  int
}

// StaffPage is a page of staff, the newest first; After of the next one is Next, 0 at the end.
type StaffPage struct {
	Rows []StaffRow
	Next StaffID
}

// StaffList is a page of the account's staff.
func (s *Service) StaffList(ctx context.Context, f StaffFilter) (StaffPage, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	limit := f.Limit
	f.Limit++
	rows, err := s.store.StaffList(ctx, f, s.Now())
	if err != nil {
		return StaffPage{}, err
	}
	page := StaffPage{Rows: rows}
	if len(rows) > limit {
		page.Rows, page.Next = rows[:limit], rows[limit-1].ID
	}
	return page, nil
}

// StaffAt lists by name who may sign in at a place, for the sign-in page.
func (s *Service) StaffAt(ctx context.Context, place PlaceID) ([]Staff, error) {
	return s.store.StaffAt(ctx, place)
}

// Member finds one of the staff; ErrStaffNotFound.
func (s *Service) Member(ctx context.Context, id StaffID) (Staff, error) {
	return s.store.Staff(ctx, id)
}

// CreateStaff stores a new member and returns the PIN, which is never shown again.
// ErrNameTaken, ErrPlaceNotFound, ErrTooMany. The name at the place makes a repeat harmless.
func (s *Service) CreateStaff(ctx context.Context, by Actor, account AccountID, d StaffDraft) (Staff, string, error) {
	if err := d.clean(); err != nil {
		return Staff{}, "", err
	}
	m, pin, err := s.newStaff(ctx, account, &d)
	if err != nil {
		return Staff{}, "", err
	}
	if err := s.store.CreateStaff(ctx, []Staff{m}, s.audit(by, "stores.staff.create", "name", m.Name, "role", m.Role)); err != nil {
		return Staff{}, "", err
	}
	return m, pin, nil
}

func (s *Service) newStaff(ctx context.Context, account AccountID, d *StaffDraft) (Staff, string, error) {
	pin := newPIN()
	hash, err := s.hasher.Hash(ctx, pin)
	if err != nil {
		return Staff{}, "", err
	}
	now := s.Now()
	return Staff{ID: StaffID(s.ids.next(now)), Account: account, Place: d.Place, Name: d.Name, Role: d.Role, PINHash: hash, CreatedAt: now}, pin, nil
}

// MaxStaffRows bounds an import: every PIN costs a slow hash.
const MaxStaffRows = 300

// NewStaff is a member made by an import, with the PIN that is shown once.
type NewStaff struct {
	Staff
	PlaceName string
	PIN       string
}

// ImportStaff stores all rows or none; what is wrong comes back as RowErrors. With dry nothing
// is stored and no PIN is made.
func (s *Service) ImportStaff(ctx context.Context, by Actor, account AccountID, drafts []StaffDraft, dry bool) ([]NewStaff, error) {
	if len(drafts) > MaxStaffRows {
		return nil, invalid("file", "rows", "max", MaxStaffRows)
	}
	places, err := s.store.Places(ctx, account)
	if err != nil {
		return nil, err
	}
	byCode, names := map[string]*PlaceRow{}, map[PlaceID]string{}
	for i := range places {
		byCode[foldCode(places[i].Code)], byCode[places[i].Name] = &places[i], &places[i]
		names[places[i].ID] = places[i].Name
	}
	taken, err := s.store.StaffNames(ctx, account)
	if err != nil {
		return nil, err
	}
	var wrong RowErrors
	for i := range drafts {
		d := &drafts[i]
		if p := byCode[d.PlaceCode]; p != nil {
			d.Place = p.ID
		} else if p := byCode[foldCode(d.PlaceCode)]; p != nil {
			d.Place = p.ID
		}
		if err := d.clean(); err != nil {
			wrong.add(d.Row, err)
			continue
		}
		key := StaffName{Place: d.Place, Name: d.Name}
		if taken[key] {
			wrong.add(d.Row, ErrNameTaken)
		}
		taken[key] = true
	}
	if err := wrong.orNil(); err != nil {
		return nil, err
	}
	made, stored := make([]NewStaff, 0, len(drafts)), make([]Staff, 0, len(drafts))
	for i := range drafts {
		if dry {
			made = append(made, NewStaff{Staff: Staff{Name: drafts[i].Name, Role: drafts[i].Role, Place: drafts[i].Place}, PlaceName: names[drafts[i].Place]})
			continue
		}
		m, pin, err := s.newStaff(ctx, account, &drafts[i])
		if err != nil {
			return nil, err
		}
		made, stored = append(made, NewStaff{Staff: m, PlaceName: names[m.Place], PIN: pin}), append(stored, m)
	}
	if dry || len(stored) == 0 {
		return made, nil
	}
	return made, s.store.CreateStaff(ctx, stored, s.audit(by, "stores.staff.import", "rows", len(stored)))
}

// EditStaff changes name, role and place; a move to another place ends the sessions.
// ErrNameTaken, ErrPlaceNotFound, ErrStaffNotFound. A repeat is safe.
func (s *Service) EditStaff(ctx context.Context, by Actor, id StaffID, d StaffDraft) error {
	if err := d.clean(); err != nil {
		return err
	}
	m, err := s.store.Staff(ctx, id)
	if err != nil {
		return err
	}
	m.Place, m.Name, m.Role = d.Place, d.Name, d.Role
	return s.store.UpdateStaff(ctx, m, s.audit(by, "stores.staff.edit", "name", m.Name, "role", m.Role))
}

// ResetPIN gives a new PIN, which is shown once, unlocks and ends all sessions.
func (s *Service) ResetPIN(ctx context.Context, by Actor, id StaffID) (string, error) {
	pin := newPIN()
	hash, err := s.hasher.Hash(ctx, pin)
	if err != nil {
		return "", err
	}
	return pin, s.store.SetPIN(ctx, id, hash, s.audit(by, "stores.staff.reset_pin"))
}

// SwitchStaff disables a member, which ends the sessions, or brings them back. A repeat is safe.
func (s *Service) SwitchStaff(ctx context.Context, by Actor, id StaffID, off bool) error {
	return s.store.SwitchStaff(ctx, id, off, s.audit(by, "stores.staff.switch", "off", off))
}

// RevokeSessions ends all sessions of a member and says how many there were. A repeat is safe.
func (s *Service) RevokeSessions(ctx context.Context, by Actor, id StaffID) (int, error) {
	return s.store.RevokeStaffSessions(ctx, id, s.audit(by, "stores.staff.revoke"))
}

func newPIN() string {
	top := int64(1)
	for range PINDigits {
		top *= 10
	}
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(top))
		if err != nil {
			panic(err) // the runtime stops the program before this can be
		}
		if pin := fmt.Sprintf("%0*d", PINDigits, n.Int64()); !easy(pin) {
			return pin
		}
	}
}

// easy finds PINs that are tried first: one digit again and again, and runs.
func easy(pin string) bool {
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		same = same && pin[i] == pin[i-1]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
	}
	return same || up || down
}
