package people_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kaquan/db/dbtest"
	"kaquan/fault"
	"kaquan/people"
)

// place is the service on the real store.
type place struct {
	*people.Service
	t  *testing.T
	mu sync.Mutex
	at time.Time
}

func openPlace(t *testing.T) *place {
	t.Helper()
	w := &place{t: t, at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	w.Service = people.New(dbtest.Open(t), people.Options{Now: w.now, Params: cheap})
	return w
}

func (w *place) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *place) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func (w *place) person(login string, role people.Role) people.Person {
	w.t.Helper()
	p, err := w.CreatePerson(context.Background(), people.NewPerson{Login: login, Password: password, Role: role})
	w.need(err)
	return p
}

func (w *place) in(login string) string {
	w.t.Helper()
	token, _, err := w.SignIn(context.Background(), login, password, "192.0.2.1", "test")
	w.need(err)
	return token
}

func (w *place) need(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *place) want(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Fatalf("got %v, want %v", err, want)
	}
}

func (w *place) audited(action string) int {
	w.t.Helper()
	list, err := w.ListAudit(context.Background(), people.AuditFilter{Action: action})
	w.need(err)
	return len(list)
}

func TestOwnersWhoShutEachOtherOutLeaveOne(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(w *place, actor, other people.Person) error{
		"by disabling": func(w *place, actor, other people.Person) error {
			return w.SetDisabled(t.Context(), actor, "", other.ID, true)
		},
		"by demoting": func(w *place, actor, other people.Person) error {
			return w.SetRole(t.Context(), actor, "", other.ID, people.Viewer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openPlace(t)
			owners := []people.Person{w.person("a1", people.Owner), w.person("b2", people.Owner), w.person("c3", people.Owner)}
			_, _, err := w.Invite(t.Context(), owners[0], people.NewPerson{Login: "pending", Role: people.Owner})
			w.need(err)
			var wg sync.WaitGroup
			for i := range owners {
				for range 4 {
					wg.Go(func() {
						if err := act(w, owners[i], owners[(i+1)%3]); err != nil && !errors.Is(err, people.ErrLastOwner) {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			members, err := w.Members(t.Context())
			w.need(err)
			left := 0
			for _, m := range members {
				if m.Role == people.Owner && !m.Disabled && !m.Pending() {
					left++
				}
			}
			if left != 1 {
				t.Fatalf("%d owners who can sign in are left", left)
			}
		})
	}
}

func TestNobodyDisablesThemselvesAndTheOnlyOwnerStays(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	owner := w.person("owner", people.Owner)
	w.want(w.SetDisabled(t.Context(), owner, "", owner.ID, true), people.ErrSelf)
	w.want(w.SetRole(t.Context(), owner, "", owner.ID, people.Operator), people.ErrLastOwner)
	w.want(w.SetDisabled(t.Context(), people.Person{ID: "x"}, "", owner.ID, true), people.ErrLastOwner)
	if err := w.SetRole(t.Context(), owner, "", owner.ID, "king"); fault.CodeOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	w.want(w.SetRole(t.Context(), owner, "", "nobody", people.Viewer), people.ErrPersonNotFound)
	other := w.person("other", people.Owner)
	w.need(w.SetRole(t.Context(), owner, "", owner.ID, people.Operator))
	w.want(w.SetRole(t.Context(), other, "", other.ID, people.Operator), people.ErrLastOwner)
	if w.audited("people.role") != 1 {
		t.Error("only what happened is in the audit")
	}
}

func TestADisabledPersonIsOutAtOnceAndBackWhenEnabled(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	owner, p := w.person("owner", people.Owner), w.person("wang", people.Viewer)
	token := w.in("wang")
	link, err := w.NewPasswordLink(t.Context(), owner, "", p.ID)
	w.need(err)
	for range 2 {
		w.need(w.SetDisabled(t.Context(), owner, "", p.ID, true))
	}
	_, _, err = w.Session(t.Context(), token)
	w.want(err, people.ErrNoSession)
	_, _, err = w.SignIn(t.Context(), "wang", password, "", "")
	w.want(err, people.ErrSignIn)
	_, err = w.PasswordLink(t.Context(), link, "")
	w.want(err, people.ErrPasswordLink)
	_, err = w.NewPasswordLink(t.Context(), owner, "", p.ID)
	w.want(err, people.ErrDisabled)
	w.need(w.SetDisabled(t.Context(), owner, "", p.ID, false))
	_, _, err = w.Session(t.Context(), token)
	w.want(err, people.ErrNoSession)
	w.in("wang")
	if w.audited("people.disable") != 1 || w.audited("people.enable") != 1 {
		t.Error("each change is one line of the audit")
	}
}

func TestAnInvitationWorksOnceInTimeAndTheNewestOnly(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	owner := w.person("owner", people.Owner)
	p, first, err := w.Invite(t.Context(), owner, people.NewPerson{Login: " Li.Si ", Role: people.Finance})
	w.need(err)
	if p.Login != "li.si" || p.Name != "li.si" || !p.Pending() {
		t.Fatalf("invited %+v", p)
	}
	_, _, err = w.Invite(t.Context(), owner, people.NewPerson{Login: "li.si", Role: people.Finance})
	w.want(err, people.ErrLoginTaken)
	for _, guess := range []string{"", "x", password} {
		_, _, err = w.SignIn(t.Context(), "li.si", guess, "", "")
		w.want(err, people.ErrSignIn)
	}
	second, err := w.NewPasswordLink(t.Context(), owner, "", p.ID)
	w.need(err)
	_, _, err = w.SetPasswordByLink(t.Context(), first, password, "", "")
	w.want(err, people.ErrPasswordLink)

	w.pass(people.InvitationLife)
	_, _, err = w.SetPasswordByLink(t.Context(), second, password, "", "")
	w.want(err, people.ErrPasswordLink)
	third, err := w.NewPasswordLink(t.Context(), owner, "", p.ID)
	w.need(err)
	w.pass(people.InvitationLife - time.Second)
	if m, err := w.Member(t.Context(), p.ID); err != nil || m.LinkUntil.IsZero() {
		t.Fatalf("the list does not say how long the link works: %v", err)
	}
	if _, _, err := w.SetPasswordByLink(t.Context(), third, "short", "", ""); fault.All(err)[0].Field != "password" {
		t.Fatalf("got %v", err)
	}
	var mu sync.Mutex
	var cookies []string
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, cookie, err := w.SetPasswordByLink(t.Context(), third, password, "", "")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				cookies = append(cookies, cookie)
			} else if !errors.Is(err, people.ErrPasswordLink) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(cookies) != 1 {
		t.Fatalf("the link worked %d times", len(cookies))
	}
	if _, who, err := w.Session(t.Context(), cookies[0]); err != nil || who.Role != people.Finance {
		t.Fatalf("signed in as %+v: %v", who, err)
	}
	w.in("li.si")
	w.want(w.Withdraw(t.Context(), owner, "", p.ID), people.ErrInvitationUsed)
}

func TestAWithdrawnInvitationFreesTheLogin(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	owner := w.person("owner", people.Owner)
	p, link, err := w.Invite(t.Context(), owner, people.NewPerson{Login: "zhao", Role: people.Viewer})
	w.need(err)
	w.need(w.Withdraw(t.Context(), owner, "", p.ID))
	_, err = w.PasswordLink(t.Context(), link, "")
	w.want(err, people.ErrPasswordLink)
	w.person("zhao", people.Viewer)
}

func TestAResetLinkEndsSessionsOnlyWhenItIsUsed(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	owner, p := w.person("owner", people.Owner), w.person("wang", people.Viewer)
	token := w.in("wang")
	link, err := w.NewPasswordLink(t.Context(), owner, "", p.ID)
	w.need(err)
	_, _, err = w.Session(t.Context(), token)
	w.need(err)
	_, cookie, err := w.SetPasswordByLink(t.Context(), link, "another password", "", "")
	w.need(err)
	_, _, err = w.Session(t.Context(), token)
	w.want(err, people.ErrNoSession)
	_, _, err = w.Session(t.Context(), cookie)
	w.need(err)
	_, _, err = w.SignIn(t.Context(), "wang", password, "", "")
	w.want(err, people.ErrSignIn)
}

func TestChangingTheOwnPasswordAsksForTheOldOneAndKeepsOneSession(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	w.person("wang", people.Viewer)
	here, there := w.in("wang"), w.in("wang")
	session, p, err := w.Session(t.Context(), here)
	w.need(err)
	err = w.ChangePassword(t.Context(), p, session, "", "wrong password", "another password")
	if !errors.Is(err, people.ErrOldPassword) || fault.All(err)[0].Field != "old" {
		t.Fatal(err)
	}
	if err := w.ChangePassword(t.Context(), p, session, "", password, "short"); fault.All(err)[0].Field != "password" {
		t.Fatal(err)
	}
	w.need(w.ChangePassword(t.Context(), p, session, "", password, "another password"))
	_, p, err = w.Session(t.Context(), here)
	w.need(err)
	_, _, err = w.Session(t.Context(), there)
	w.want(err, people.ErrNoSession)
	for range 7 {
		err = w.ChangePassword(t.Context(), p, session, "", "guess", "another password")
	}
	w.want(err, people.ErrOldPassword)
	w.want(w.ChangePassword(t.Context(), p, session, "", "another password", password), people.ErrTooMany)
}

func TestSessionsAreListedAndEndedOneByOneByTheirPerson(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, other := w.person("wang", people.Viewer), w.person("other", people.Owner)
	old := w.in("wang")
	w.pass(people.IdleLife)
	here, there := w.in("wang"), w.in("wang")
	foreign := w.in("other")
	list, err := w.Sessions(t.Context(), p.ID)
	w.need(err)
	if len(list) != 2 {
		t.Fatalf("%d sessions, one of which is over", len(list))
	}
	_, _, err = w.Session(t.Context(), old)
	w.want(err, people.ErrNoSession)
	mine, _, err := w.Session(t.Context(), here)
	w.need(err)
	theirs, _, err := w.Session(t.Context(), foreign)
	w.need(err)
	for _, key := range []string{theirs.Key(), "zz", "", strings.Repeat("0", 64)} {
		w.need(w.EndSession(t.Context(), p, "", p.ID, key))
	}
	_, _, err = w.Session(t.Context(), foreign)
	w.need(err)
	w.need(w.EndSessions(t.Context(), p, "", p.ID, mine.ID))
	_, _, err = w.Session(t.Context(), here)
	w.need(err)
	_, _, err = w.Session(t.Context(), there)
	w.want(err, people.ErrNoSession)
	w.need(w.EndSession(t.Context(), other, "", p.ID, mine.Key()))
	_, _, err = w.Session(t.Context(), here)
	w.want(err, people.ErrNoSession)
}
