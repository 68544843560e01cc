package stores_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/stores"
)

func (w *world) member(p stores.Place, name string) (stores.Staff, string) {
	w.Helper()
	m, pin, err := w.CreateStaff(w.Context(), boss, account, stores.StaffDraft{Place: p.ID, Name: name, Role: stores.Clerk})
	w.ok(err)
	if len(pin) != stores.PINDigits || m.PINHash == pin {
		w.Fatalf("PIN %q, hash %q", pin, m.PINHash)
	}
	return m, pin
}

func TestASignInNeedsThePlaceThePersonAndThePIN(t *testing.T) {
	t.Parallel()
	w := open(t)
	p, q := w.place("A", 0), w.place("B", 0)
	m, pin := w.member(p, "小李")
	for name, in := range map[string]stores.SignIn{
		"another place": {Place: q.ID, Staff: m.ID, PIN: pin}, "a wrong PIN": {Place: p.ID, Staff: m.ID, PIN: "x"}, "nobody": {Place: p.ID, Staff: 1, PIN: pin},
	} {
		if _, _, _, err := w.SignIn(t.Context(), in); err == nil || fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, x, _, err := w.SignIn(t.Context(), stores.SignIn{Place: p.ID, Staff: m.ID, PIN: pin, IP: "1.2.3.4"})
	w.ok(err)
	got, who, at, err := w.Session(t.Context(), token)
	w.ok(err)
	if who.ID != m.ID || at.ID != p.ID || got.CSRF != x.CSRF || who.Tries != 0 {
		t.Errorf("%+v %+v %+v", got, who, at)
	}
	w.ok(w.CheckCSRF(got, x.CSRF))
	w.refused(w.CheckCSRF(got, ""), stores.ErrCSRF)
	w.pass(stores.SessionLife)
	_, _, _, err = w.Session(t.Context(), token)
	w.refused(err, stores.ErrNoSession)
	w.ok(w.DeleteExpired(t.Context()))
}

func TestFiveWrongPINsLockForAQuarterOfAnHourEvenAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.place("A", 0)
	m, pin := w.member(p, "小李")
	try := func(pin string) error {
		_, _, _, err := w.SignIn(t.Context(), stores.SignIn{Place: p.ID, Staff: m.ID, PIN: pin})
		return err
	}
	var wrong, locked atomic.Int64
	var work sync.WaitGroup
	for range 20 {
		work.Go(func() {
			switch fault.CodeOf(try("000000")) {
			case fault.Invalid:
				wrong.Add(1)
			case fault.RateLimited:
				locked.Add(1)
			}
		})
	}
	work.Wait()
	if wrong.Load() != stores.MaxTries || locked.Load() != 20-stores.MaxTries {
		t.Errorf("%d were checked, %d were locked out", wrong.Load(), locked.Load())
	}
	w.pass(stores.LockTime - time.Minute)
	w.refused(try(pin), stores.ErrLocked)
	w.pass(time.Minute)
	w.refused(try("000000"), stores.ErrWrongPIN)
	w.ok(try(pin))
	for range stores.MaxTries {
		w.refused(try("000000"), stores.ErrWrongPIN)
	}
	w.refused(try(pin), stores.ErrLocked)
	pin, err := w.ResetPIN(t.Context(), boss, m.ID)
	w.ok(err)
	w.ok(try(pin))
}

func TestWhateverTakesAPersonAwayEndsTheirSessions(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(w *world, p, q stores.Place, m stores.Staff) error{
		"disabled": func(w *world, _, _ stores.Place, m stores.Staff) error {
			return w.SwitchStaff(w.Context(), boss, m.ID, true)
		},
		"place shut": func(w *world, p, _ stores.Place, _ stores.Staff) error {
			return w.SwitchPlace(w.Context(), boss, p.ID, true)
		},
		"moved": func(w *world, _, q stores.Place, m stores.Staff) error {
			return w.EditStaff(w.Context(), boss, m.ID, stores.StaffDraft{Place: q.ID, Name: m.Name, Role: stores.Manager})
		},
		"new PIN": func(w *world, _, _ stores.Place, m stores.Staff) error {
			_, err := w.ResetPIN(w.Context(), boss, m.ID)
			return err
		},
		"revoked": func(w *world, _, _ stores.Place, m stores.Staff) error {
			n, err := w.RevokeSessions(w.Context(), boss, m.ID)
			if n != 1 {
				w.Errorf("%d sessions were revoked", n)
			}
			return err
		},
		"unbound": func(w *world, _, _ stores.Place, m stores.Staff) error { return w.Unbind(w.Context(), boss, m.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			p, q := w.place("A", 0), w.place("B", 0)
			m, pin := w.member(p, "小李")
			token, _, _, err := w.SignIn(t.Context(), stores.SignIn{Place: p.ID, Staff: m.ID, PIN: pin})
			w.ok(err)
			page, err := w.StaffList(t.Context(), stores.StaffFilter{Account: account, Search: "李"})
			w.ok(err)
			if len(page.Rows) != 1 || page.Rows[0].Sessions != 1 || page.Rows[0].PlaceName != "A" {
				t.Errorf("%+v", page)
			}
			w.ok(away(w, p, q, m))
			_, _, _, err = w.Session(t.Context(), token)
			w.refused(err, stores.ErrNoSession)
		})
	}
}

func TestALinkBindsOneWeChatIdentityOnceForTenMinutes(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.place("A", 0)
	m, _ := w.member(p, "小李")
	n, _ := w.member(p, "小王")
	s := dbtest.Seed(t, dbtest.Open(t), w.clock)
	visitor := stores.VisitorID(dbtest.Visitor(t, s, 1).ID)
	old, _, err := w.BindLink(t.Context(), boss, m.ID)
	w.ok(err)
	token, _, err := w.BindLink(t.Context(), boss, m.ID)
	w.ok(err)
	_, err = w.Bind(t.Context(), old, visitor, "")
	w.refused(err, stores.ErrBindUsed)
	who, at, err := w.BindOf(t.Context(), token)
	w.ok(err)
	if who.ID != m.ID || at.ID != p.ID {
		t.Errorf("the link is for %+v at %+v", who, at)
	}
	_, err = w.Bind(t.Context(), token, visitor, "")
	w.ok(err)
	_, err = w.Bind(t.Context(), token, visitor, "")
	w.refused(err, stores.ErrBindUsed)
	other, _, err := w.BindLink(t.Context(), boss, n.ID)
	w.ok(err)
	_, err = w.Bind(t.Context(), other, visitor, "")
	w.refused(err, stores.ErrVisitorBound)
	w.pass(stores.BindLife)
	_, _, err = w.BindOf(t.Context(), other)
	w.refused(err, stores.ErrBindUsed)
	_, _, who, err = w.SignInVisitor(t.Context(), visitor, "", "")
	w.ok(err)
	if who.ID != m.ID {
		t.Errorf("signed in as %+v", who)
	}
	w.ok(w.SwitchStaff(t.Context(), boss, m.ID, true))
	_, _, _, err = w.SignInVisitor(t.Context(), visitor, "", "")
	w.refused(err, stores.ErrStaffNotFound)
	_, _, _, err = w.SignInVisitor(t.Context(), 0, "", "")
	w.refused(err, stores.ErrStaffNotFound)
}

func TestAListOfStaffIsStoredWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.place("A", 0)
	w.member(p, "小李")
	list := []stores.StaffDraft{{PlaceCode: "a", Name: "小王", Role: stores.Clerk, Row: 2}, {PlaceCode: "A", Name: "小李", Role: stores.Manager, Row: 3}, {PlaceCode: "Z", Name: "", Role: "boss", Row: 4}}
	_, err := w.ImportStaff(t.Context(), boss, account, list, false)
	if wrong, ok := err.(stores.RowErrors); !ok || len(wrong) != 4 || wrong[0].Row != 3 || wrong[3].Row != 4 { //nolint:errorlint // the list itself
		t.Fatalf("%+v", err)
	}
	dry, err := w.ImportStaff(t.Context(), boss, account, list[:1], true)
	w.ok(err)
	made, err := w.ImportStaff(t.Context(), boss, account, list[:1], false)
	w.ok(err)
	if len(dry) != 1 || dry[0].PIN != "" || len(made) != 1 || made[0].PlaceName != "A" {
		t.Errorf("%+v %+v", dry, made)
	}
	_, _, _, err = w.SignIn(t.Context(), stores.SignIn{Place: p.ID, Staff: made[0].ID, PIN: made[0].PIN})
	w.ok(err)
}
