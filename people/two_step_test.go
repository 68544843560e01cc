package people_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"kaquan/fault"
	"kaquan/people"
)

// phone is what an authenticator app shows.
func (w *place) phone(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.now())
	w.need(err)
	return code
}

// enrolled turns two-step sign-in on for wang.
func (w *place) enrolled() (p people.Person, secret string, recovery []string) {
	w.t.Helper()
	p = w.person("wang", people.Operator)
	w.need(w.StartTwoStep(w.t.Context(), p))
	t, err := w.TwoStep(w.t.Context(), p.ID)
	w.need(err)
	recovery, err = w.ConfirmTwoStep(w.t.Context(), p, "", w.phone(t.Secret))
	w.need(err)
	w.pass(time.Minute)
	return p, t.Secret, recovery
}

// half gives the password and is asked for a code.
func (w *place) half() string {
	w.t.Helper()
	token, session, err := w.SignIn(w.t.Context(), "wang", password, "192.0.2.1", "")
	w.want(err, people.ErrSecondStep)
	if session.ID != nil || token == "" {
		w.t.Fatal("the password alone started a session")
	}
	if _, _, err := w.Session(w.t.Context(), token); !errors.Is(err, people.ErrNoSession) {
		w.t.Fatalf("the token of the first step is a session: %v", err)
	}
	return token
}

func (w *place) second(token, code string) error {
	w.t.Helper()
	cookie, _, err := w.SecondStep(w.t.Context(), token, code, "192.0.2.1", "")
	if err == nil {
		_, _, err = w.Session(w.t.Context(), cookie)
	}
	return err
}

func TestNoCodeIsAskedForBeforeTheFirstOneIsConfirmed(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p := w.person("wang", people.Operator)
	_, err := w.ConfirmTwoStep(t.Context(), p, "", "123456")
	w.want(err, people.ErrTwoStepOn)
	w.need(w.StartTwoStep(t.Context(), p))
	first, err := w.TwoStep(t.Context(), p.ID)
	w.need(err)
	w.in("wang")
	w.pass(time.Second)
	w.need(w.StartTwoStep(t.Context(), p))
	now, err := w.TwoStep(t.Context(), p.ID)
	w.need(err)
	if now.Secret == first.Secret || len(now.Secret) != 32 {
		t.Fatal("a new start makes a new secret")
	}
	_, err = w.ConfirmTwoStep(t.Context(), p, "", w.phone(first.Secret))
	if !errors.Is(err, people.ErrCode) || fault.All(err)[0].Field != "code" {
		t.Fatalf("a code of the abandoned secret: %v", err)
	}
	codes, err := w.ConfirmTwoStep(t.Context(), p, "", w.phone(now.Secret))
	w.need(err)
	unlike := map[string]bool{}
	for _, c := range codes {
		unlike[c] = true
	}
	if len(unlike) != 10 {
		t.Fatalf("recovery codes %q", codes)
	}
	w.want(w.StartTwoStep(t.Context(), p), people.ErrTwoStepOn)
	address, err := now.Address("Kaquan card.example.com", "wang")
	if err != nil || !strings.HasPrefix(address, "otpauth://totp/Kaquan%20card.example.com:wang?") || !strings.Contains(address, "secret="+now.Secret) {
		t.Errorf("%s %v", address, err)
	}
}

func TestACodeIsTakenOnceAndNoOlderOneAfterIt(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	_, secret, _ := w.enrolled()
	earlier := w.phone(secret)
	w.pass(30 * time.Second)
	code := w.phone(secret)
	tokens := make([]string, 6)
	for i := range tokens {
		tokens[i] = w.half()
	}
	var mu sync.Mutex
	good := 0
	var wg sync.WaitGroup
	for _, token := range tokens {
		wg.Go(func() {
			_, _, err := w.SecondStep(t.Context(), token, code, "192.0.2.1", "")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				good++
			} else if !errors.Is(err, people.ErrCode) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if good != 1 {
		t.Fatalf("one code let %d in", good)
	}
	w.want(w.second(w.half(), earlier), people.ErrCode)
	w.pass(time.Minute)
	w.need(w.second(w.half(), " "+w.phone(secret)[:3]+" "+w.phone(secret)[3:]))
	if w.audited("people.signin.two_step") != 2 || w.audited("people.signin.code_refused") != 6 {
		t.Errorf("audit: %d in, %d refused", w.audited("people.signin.two_step"), w.audited("people.signin.code_refused"))
	}
}

func TestFullWidthDigitsAreDigits(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	_, secret, _ := w.enrolled()
	wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, w.phone(secret))
	w.need(w.second(w.half(), wide))
}

func TestAPhonesClockMayBeHalfAMinuteWrongAndNoMore(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	_, secret, _ := w.enrolled()
	w.pass(10 * time.Minute)
	for _, off := range []time.Duration{-time.Minute, time.Minute} {
		code, err := totp.GenerateCode(secret, w.now().Add(off))
		w.need(err)
		w.want(w.second(w.half(), code), people.ErrCode)
	}
	for _, off := range []time.Duration{-30 * time.Second, 30 * time.Second} {
		code, err := totp.GenerateCode(secret, w.now().Add(off))
		w.need(err)
		w.need(w.second(w.half(), code))
	}
}

func TestARecoveryCodeSignsInOnce(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, _, recovery := w.enrolled()
	w.need(w.second(w.half(), strings.ToLower(recovery[3])))
	w.want(w.second(w.half(), recovery[3]), people.ErrCode)
	w.need(w.second(w.half(), strings.ReplaceAll(recovery[4], "-", "")))
	left, err := w.TwoStep(t.Context(), p.ID)
	w.need(err)
	if left.Recovery != 8 || w.audited("people.signin.recovery") != 2 {
		t.Errorf("%d codes left", left.Recovery)
	}
	other := w.person("other", people.Viewer)
	w.need(w.StartTwoStep(t.Context(), other))
	w.want(w.second(w.half(), "ABCD-ABCD-ABCD-ABCD"), people.ErrCode)
}

func TestWrongCodesAreSlowedDownLikeWrongPasswords(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	_, secret, _ := w.enrolled()
	token := w.half()
	for range 8 {
		w.want(w.second(token, "000000x"), people.ErrCode)
	}
	w.want(w.second(token, w.phone(secret)), people.ErrTooMany)
	_, _, err := w.SignIn(t.Context(), "wang", password, "198.51.100.1", "")
	w.want(err, people.ErrTooMany)
	w.pass(30 * time.Second)
	w.need(w.second(token, w.phone(secret)))
}

func TestTheTimeBetweenPasswordAndCodeEnds(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, secret, _ := w.enrolled()
	token := w.half()
	w.pass(people.SecondLife)
	w.want(w.second(token, w.phone(secret)), people.ErrOneTimeUsed)

	token = w.half()
	w.need(w.second(token, w.phone(secret)))
	w.pass(time.Minute)
	w.want(w.second(token, w.phone(secret)), people.ErrOneTimeUsed)

	token = w.half()
	w.need(w.ResetPassword(t.Context(), "wang", "another password"))
	w.want(w.second(token, w.phone(secret)), people.ErrOneTimeUsed)
	w.need(w.ResetPassword(t.Context(), "wang", password))

	token = w.half()
	owner := w.person("owner", people.Owner)
	w.need(w.SetDisabled(t.Context(), owner, "", p.ID, true))
	w.want(w.second(token, w.phone(secret)), people.ErrOneTimeUsed)
}

func TestALinkOfTheServerSignsInWithoutACodeAndSaysSo(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, _, _ := w.enrolled()
	link, err := w.IssueLoginLink(t.Context(), p.ID, time.Hour)
	w.need(err)
	_, _, err = w.SignInByLink(t.Context(), link, "", "")
	w.need(err)
	if w.audited("people.signin.link_only") != 1 {
		t.Error("the audit does not say that the second step was left out")
	}
}

func TestALinkThatSetsAPasswordDoesNotGetPastTheSecondStep(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, secret, _ := w.enrolled()
	link, err := w.NewPasswordLink(t.Context(), p, "", p.ID)
	w.need(err)
	_, cookie, err := w.SetPasswordByLink(t.Context(), link, password, "", "")
	w.need(err)
	if cookie != "" {
		t.Fatal("signed in without a code")
	}
	w.need(w.second(w.half(), w.phone(secret)))
}

func TestTurningItOffTakesThePasswordOrTheServer(t *testing.T) {
	t.Parallel()
	w := openPlace(t)
	p, _, _ := w.enrolled()
	if err := w.StopTwoStep(t.Context(), p, "", "wrong password"); !errors.Is(err, people.ErrOldPassword) || fault.All(err)[0].Field != "proof" {
		t.Fatal(err)
	}
	w.half()
	w.need(w.StopTwoStep(t.Context(), p, "", password))
	w.in("wang")
	w.need(w.StartTwoStep(t.Context(), p))
	second, err := w.TwoStep(t.Context(), p.ID)
	w.need(err)
	_, err = w.ConfirmTwoStep(t.Context(), p, "", w.phone(second.Secret))
	w.need(err)
	w.half()
	w.need(w.ForgetTwoStep(t.Context(), " WANG"))
	w.in("wang")
	w.want(w.ForgetTwoStep(t.Context(), "nobody"), people.ErrPersonNotFound)
	if w.audited("people.two_step_off") != 2 {
		t.Error("the audit misses one")
	}
}
