package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// TwoStep is the second step of a person's sign-in: codes of six digits that a phone makes
// of the secret and the time (RFC 6238), and recovery codes for when the phone is lost.
type TwoStep struct {
	Secret      string    // base32; "" = none
	StartedAt   time.Time // when the secret was made
	ConfirmedAt time.Time // zero = not yet, and no code is asked for
	LastStep    int64     // of the newest code that was taken; it and older ones are refused
	Recovery    int       // codes left
}

// On reports whether a code is asked for.
func (t *TwoStep) On() bool { return !t.ConfirmedAt.IsZero() }

// Address is the secret as authenticator apps read it from a QR code. place tells
// installations apart and holds no colon.
func (t *TwoStep) Address(place, login string) (string, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(t.Secret)
	if err != nil {
		return "", err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: place, AccountName: login, Secret: raw})
	if err != nil {
		return "", err
	}
	return key.URL(), nil
}

const (
	codeDigits = 6
	codeEvery  = 30 // seconds; one step
	codeSkew   = 1  // steps that a phone's clock may be wrong

	recoveryCodes   = 10
	recoveryLength  = 16 // of 32 letters: 80 bits, enough for a plain hash
	recoveryLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
)

// TwoStep is the person's second step; the zero TwoStep without one.
func (s *Service) TwoStep(ctx context.Context, id ID) (TwoStep, error) {
	return s.store.TwoStep(ctx, id)
}

// SecondLife is the time between the password and the code.
const SecondLife = 5 * time.Minute

// StartTwoStep makes a new secret, in place of one that was not confirmed; ErrTwoStepOn.
// Nothing is asked for at the sign-in before ConfirmTwoStep.
func (s *Service) StartTwoStep(ctx context.Context, p Person) error {
	raw := make([]byte, 20)
	_, _ = rand.Read(raw) // never fails; the runtime stops the program instead
	return s.store.StartTwoStep(ctx, p.ID, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw), s.now().UTC())
}

// ConfirmTwoStep turns the second step on when code is of the secret, and returns the
// recovery codes, which nobody can read again. ErrCode on code, ErrTwoStepOn when there is
// nothing to confirm, ErrTooMany as for SignIn.
func (s *Service) ConfirmTwoStep(ctx context.Context, p Person, ip, code string) (recovery []string, err error) {
	refund, err := s.limit(ip, p.Login)
	if err != nil {
		return nil, err
	}
	t, err := s.store.TwoStep(ctx, p.ID)
	if err == nil && (t.On() || t.Secret == "") {
		err = ErrTwoStepOn
	}
	if err != nil {
		refund()
		return nil, err
	}
	step, ok := t.match(cleanCode(code), s.now())
	if !ok {
		return nil, ErrCode.On("code")
	}
	refund()
	hashes := make([][]byte, recoveryCodes)
	for i := range hashes {
		text := newRecoveryCode()
		recovery, hashes[i] = append(recovery, text), hashToken(cleanCode(text))
	}
	if err := s.store.ConfirmTwoStep(ctx, p.ID, t.StartedAt, s.now().UTC(), step, hashes); err != nil {
		return nil, err
	}
	s.note(ctx, p, ip, "people.two_step_on", "person", string(p.ID), nil)
	return recovery, nil
}

// StopTwoStep turns the person's own second step off; ErrOldPassword on proof, ErrTooMany
// as for SignIn. A repeat is safe.
func (s *Service) StopTwoStep(ctx context.Context, p Person, ip, password string) error {
	if err := s.prove(ctx, p, ip, password, "proof"); err != nil {
		return err
	}
	if err := s.store.DropTwoStep(ctx, p.ID); err != nil {
		return err
	}
	s.note(ctx, p, ip, "people.two_step_off", "person", string(p.ID), nil)
	return nil
}

// ForgetTwoStep turns it off for somebody who lost the phone; ErrPersonNotFound on login. A
// repeat is safe.
func (s *Service) ForgetTwoStep(ctx context.Context, login string) error {
	p, err := s.store.PersonByLogin(ctx, CleanLogin(login))
	if err != nil {
		return onLogin(err)
	}
	if err := s.store.DropTwoStep(ctx, p.ID); err != nil {
		return err
	}
	s.note(ctx, Person{}, "", "people.two_step_off", "person", string(p.ID), nil)
	return nil
}

// SecondStep takes the code that SignIn asked for with ErrSecondStep, from the phone or a
// recovery code, and starts the session. ErrOneTimeUsed when the password was given too long
// ago or changed since, ErrCode on code, ErrTooMany as for SignIn: wrong codes count like
// wrong passwords. A code is taken once, and none that is older afterwards.
func (s *Service) SecondStep(ctx context.Context, token, code, ip, agent string) (cookie string, session Session, err error) {
	once, err := s.store.FindOneTime(ctx, hashToken(token), forSecond, s.now().UTC())
	if err != nil {
		return "", Session{}, err
	}
	p, err := s.store.PersonByID(ctx, once.Person)
	if err != nil {
		return "", Session{}, err
	}
	refund, err := s.limit(ip, p.Login)
	if err != nil {
		return "", Session{}, err
	}
	recovered, err := s.takeCode(ctx, p.ID, code)
	switch {
	case errors.Is(err, ErrCode):
		s.log.InfoContext(ctx, "sign-in code refused", "person", string(p.ID))
		s.note(ctx, Person{}, ip, "people.signin.code_refused", "person", string(p.ID), nil)
		return "", Session{}, ErrCode.On("code")
	case err != nil:
		refund()
		return "", Session{}, err
	}
	refund()
	if _, err := s.store.TakeOneTime(ctx, hashToken(token), forSecond, s.now().UTC()); err != nil {
		return "", Session{}, err
	}
	if cookie, session, err = s.start(ctx, p, ip, agent); err != nil {
		return "", Session{}, err
	}
	// As in confirm: who was shut out meanwhile must not get in by this.
	again, err := s.store.PersonByID(ctx, p.ID)
	if err == nil && (again.Disabled || again.PasswordHash != p.PasswordHash) {
		err = ErrOneTimeUsed
	}
	if err != nil {
		return "", Session{}, errors.Join(err, s.store.DeleteSession(context.WithoutCancel(ctx), session.ID))
	}
	if recovered {
		s.note(ctx, p, ip, "people.signin.recovery", "person", string(p.ID), nil)
	} else {
		s.note(ctx, p, ip, "people.signin.two_step", "person", string(p.ID), nil)
	}
	return cookie, session, nil
}

// takeCode spends a code of the phone or a recovery code; ErrCode.
func (s *Service) takeCode(ctx context.Context, id ID, typed string) (recovered bool, err error) {
	code := cleanCode(typed)
	t, err := s.store.TwoStep(ctx, id)
	if err != nil {
		return false, err
	}
	if !t.On() {
		return false, ErrCode
	}
	if len(code) == recoveryLength {
		return true, s.store.TakeRecoveryCode(ctx, id, hashToken(code))
	}
	step, ok := t.match(code, s.now())
	if !ok {
		return false, ErrCode
	}
	return false, s.store.TakeStep(ctx, id, step)
}

// match finds the step of a code around now that is newer than the last one taken.
func (t *TwoStep) match(code string, now time.Time) (step int64, ok bool) {
	current := now.Unix() / codeEvery
	for step := current - codeSkew; step <= current+codeSkew; step++ {
		want, err := hotp.GenerateCodeCustom(t.Secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && step > t.LastStep && len(want) == codeDigits && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// cleanCode is a code without blanks and dashes, in capitals; full-width digits, which
// Chinese keyboards type, become plain ones.
func cleanCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r == ' ' || r == '-' || r == '\t' || r == '　':
			return -1
		}
		return r
	}, cut(typed, 64))
}

func newRecoveryCode() string {
	var b [recoveryLength]byte
	_, _ = rand.Read(b[:])
	var text strings.Builder
	for i, x := range b {
		if i > 0 && i%4 == 0 {
			text.WriteByte('-')
		}
		text.WriteByte(recoveryLetters[int(x)%len(recoveryLetters)])
	}
	return text.String()
}
