package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/mini"
	"kaquan/redemption"
	"kaquan/stores"
)

// staffHeader carries the token of a member of the staff beside that of the person.
const staffHeader = "X-Kaquan-Staff"

var (
	errStaffNone      = fault.New(fault.Unauthorized, "staff.session.none")
	errStaffOver      = fault.New(fault.Unauthorized, "staff.session.over")
	errStaffForbidden = fault.New(fault.Forbidden, "staff.forbidden")
	errStaffKey       = fault.New(fault.Invalid, "staff.key.bad").On("key")
	errStaffKeyReused = fault.New(fault.Conflict, "staff.key.reused")
)

// miniStaff answers the staff's part of mini programs, as docs/mini-api.md says.
type miniStaff struct {
	*minis
	pins      *limiter // sign-ins, by person
	codes     *limiter // codes of places that nobody knows, by person
	strangers *limiter // codes of cards that nobody knows, by member: nobody guesses their way to a card
	done      *answerBook
}

// miniTill is a call of a member of the staff.
type miniTill struct {
	redemption.Till
	session stores.Session
	began   time.Time
}

type miniStaffHandler func(c *fiber.Ctx, who *miniTill) error

// staffCalls registers the calls of the staff.
func (m *minis) staffCalls(v1 fiber.Router) {
	if m.Stores == nil || m.Redemption == nil {
		return
	}
	s := &miniStaff{
		minis: m, pins: newLimiter(0.5, 10, m.Now), codes: newLimiter(5.0/600, 5, m.Now), strangers: newLimiter(10.0/60, 10, m.Now), done: newAnswerBook(m.Now),
	}
	anybody := func(stores.Role) bool { return true }
	redeems, manages, books := stores.Role.Redeems, stores.Role.Manages, stores.Role.BooksStock
	const redemptions, goods, movements, counts = "/staff/redemptions", "/staff/goods", "/staff/movements", "/staff/counts"

	v1.Get("/staff/places/:code", m.signed(m.reads, s.handlePlace))
	v1.Post("/staff/session", m.signed(s.pins, s.handleEnter))
	v1.Delete("/staff/session", m.signed(m.writes, s.handleLeave))
	v1.Post("/staff/bind", m.signed(s.pins, s.handleBind))
	v1.Get("/staff/session", s.staffed(m.reads, anybody, s.handleShift))

	v1.Post("/staff/look", s.staffed(m.reads, anybody, s.handleLook))
	v1.Post(redemptions, s.staffed(m.writes, redeems, s.handleRedeem))
	v1.Get(redemptions, s.staffed(m.reads, redeems, s.handleRedemptions))
	v1.Get(redemptions+"/:id", s.staffed(m.reads, redeems, s.handleRedemption))
	v1.Post(redemptions+"/:id/undo", s.staffed(m.writes, redeems, s.once(s.handleRedemptionUndo)))
	v1.Get("/staff/summary", s.staffed(m.reads, manages, s.handleSummary))
	v1.Get("/staff/conflicts", s.staffed(m.reads, manages, s.handleConflicts))
	v1.Post("/staff/conflicts/:id/resolve", s.staffed(m.writes, manages, s.handleConflictResolve))

	v1.Get("/staff/places", s.staffed(m.reads, books, s.handlePlaces))
	v1.Get(goods, s.staffed(m.reads, books, s.handleGoods))
	v1.Post(goods, s.staffed(m.writes, books, s.once(s.handleGoodsNew)))
	v1.Get(goods+"/:id", s.staffed(m.reads, books, s.handleArticle))
	v1.Put(goods+"/:id", s.staffed(m.writes, books, s.handleGoodsSave))
	v1.Get("/staff/pictures/:name", m.byAddress, s.handlePicture)
	v1.Get(movements, s.staffed(m.reads, books, s.handleMovements))
	v1.Post(movements, s.staffed(m.writes, books, s.handleMove))
	v1.Post(movements+"/:id/undo", s.staffed(m.writes, books, s.once(s.handleMovementUndo)))
	v1.Post(counts, s.staffed(m.writes, books, s.handleCountOpen))
	v1.Get(counts+"/:id", s.staffed(m.reads, books, s.handleCount))
	v1.Put(counts+"/:id/lines", s.staffed(m.writes, books, s.handleCountSeen))
	v1.Delete(counts+"/:id/lines/:goods", s.staffed(m.writes, books, s.handleCountDrop))
	v1.Post(counts+"/:id/close", s.staffed(m.writes, books, s.once(s.handleCountClose)))
	v1.Post(counts+"/:id/cancel", s.staffed(m.writes, books, s.once(s.handleCountCancel)))
}

// staffed lets a call through to h when both its tokens live and the role may.
func (s *miniStaff) staffed(pace *limiter, may func(stores.Role) bool, h miniStaffHandler) fiber.Handler {
	return s.signed(pace, func(c *fiber.Ctx, person *mini.Session) error {
		token := c.Get(staffHeader)
		if token == "" {
			return errStaffNone
		}
		session, member, place, err := s.Stores.Session(c.UserContext(), token)
		switch {
		case fault.CodeOf(err) == fault.Unauthorized, err == nil && string(member.Account) != string(person.Account):
			if !s.addresses.allow(s.clientIP(c)) {
				return tooMany(c, "2")
			}
			return errStaffOver
		case err != nil:
			return err
		case !may(member.Role):
			return errStaffForbidden
		}
		return h(c, &miniTill{Till: redemption.Till{Staff: member, Place: place, IP: s.clientIP(c)}, session: session, began: s.Now().Truncate(time.Millisecond)})
	})
}

var staffKeyShape = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// key is the request's key as the rooms keep it: keys belong to the member of the staff.
func (who *miniTill) key(c *fiber.Ctx, in *miniInput) (string, error) {
	key := c.Get("Idempotency-Key")
	if key == "" {
		key = in.text("key")
	}
	if !staffKeyShape.MatchString(key) {
		return "", errStaffKey
	}
	sum := sha256.Sum256([]byte(who.Staff.ID.String() + "\n" + key))
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// status is 201 for what this call made and 200 for what an earlier one with its key did.
func (who *miniTill) status(made time.Time) int {
	if made.Before(who.began) {
		return fiber.StatusOK
	}
	return fiber.StatusCreated
}

// once repeats the answer of an earlier call with the same key. It is for writes whose room
// keeps no keys; these refuse a second time by themselves, so that an answer which was
// forgotten is a refusal and never a second write.
func (s *miniStaff) once(h miniStaffHandler) miniStaffHandler {
	return func(c *fiber.Ctx, who *miniTill) error {
		in, err := miniBody(c)
		if err != nil {
			return err
		}
		key, err := who.key(c, &in)
		if err != nil {
			return err
		}
		content := sha256.Sum256([]byte(c.Method() + " " + c.Path() + "\n" + string(c.Body())))
		free := s.done.hold(key)
		defer free()
		if old, ok := s.done.find(key); ok {
			if old.content != content {
				return errStaffKeyReused
			}
			c.Status(fiber.StatusOK)
			c.Response().Header.SetContentType("application/json; charset=utf-8")
			return c.Send(old.body)
		}
		if err := h(c, who); err != nil {
			return err
		}
		s.done.keep(key, content, append([]byte(nil), c.Response().Body()...))
		return nil
	}
}

// answerBook keeps the last answers by key. Two calls with one key run one after another.
type answerBook struct {
	mu      sync.Mutex
	now     func() time.Time
	held    map[string]chan struct{}
	answers map[string]keptAnswer
}

type keptAnswer struct {
	content [sha256.Size]byte
	body    []byte
	at      time.Time
}

const (
	maxAnswers = 4096
	answerLife = time.Hour
)

func newAnswerBook(now func() time.Time) *answerBook {
	return &answerBook{now: now, held: map[string]chan struct{}{}, answers: map[string]keptAnswer{}}
}

// hold waits until nobody else works under the key; free lets the next one.
func (b *answerBook) hold(key string) (free func()) {
	for {
		b.mu.Lock()
		busy, ok := b.held[key]
		if !ok {
			mine := make(chan struct{})
			b.held[key] = mine
			b.mu.Unlock()
			return func() {
				b.mu.Lock()
				delete(b.held, key)
				b.mu.Unlock()
				close(mine)
			}
		}
		b.mu.Unlock()
		<-busy // the holder is bounded by its request's deadline
	}
}

func (b *answerBook) find(key string) (keptAnswer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.answers[key]
	return a, ok && b.now().Sub(a.at) < answerLife
}

func (b *answerBook) keep(key string, content [sha256.Size]byte, body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if len(b.answers) >= maxAnswers {
		for k, a := range b.answers {
			if now.Sub(a.at) >= answerLife {
				delete(b.answers, k)
			}
		}
		if len(b.answers) >= maxAnswers {
			clear(b.answers)
		}
	}
	b.answers[key] = keptAnswer{content, body, now}
}

// miniDetail is an error with what the screen shows beside it.
type miniDetail struct {
	err     error
	message string // instead of the sentence of the error's key, "" = that one
	fields  any    // a struct whose fields go into the answer
}

// Error is the text for the log.
func (e *miniDetail) Error() string { return e.err.Error() }

// Unwrap is the error itself.
func (e *miniDetail) Unwrap() error { return e.err }

// sendMiniDetail adds the details of an error to its answer; false when it has none.
func sendMiniDetail(c *fiber.Ctx, err error, status int, body *miniProblem) (bool, error) {
	var more *miniDetail
	if !errors.As(err, &more) {
		return false, nil
	}
	if more.message != "" {
		body.Message = more.message
	}
	all := map[string]any{}
	for _, part := range []any{body, more.fields} {
		raw, err := json.Marshal(part)
		if err == nil {
			err = json.Unmarshal(raw, &all)
		}
		if err != nil {
			return true, err
		}
	}
	return true, sendJSON(c, status, all)
}

// stockProblem adds the stock that is there to a refusal for too little of it, and takes
// the refusal out of the list of moves that it came in.
func stockProblem(err error) error {
	if e := (*stores.RowFault)(nil); errors.As(err, &e) {
		err = e.Err
	}
	switch {
	case errors.Is(err, stores.ErrKeyReused):
		return errStaffKeyReused.Because(err)
	case errors.Is(err, stores.ErrNotEnough):
		if all := fault.All(err); len(all) == 1 {
			return &miniDetail{err: all[0].On("quantity"), fields: struct {
				Have any `json:"have"`
			}{all[0].Args["have"]}}
		}
	}
	return err
}

// whole is a plain integer of a body; false when it is none.
func whole(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
