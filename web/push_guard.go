package web

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Why messages are refused.
const (
	RefusedSize      = "size"      // larger than any message of WeChat, or packed
	RefusedAccount   = "account"   // no account of ours
	RefusedSignature = "signature" // forged, or the push token is another one
	RefusedStale     = "stale"     // the time is too far from our clock
	RefusedPlain     = "plain"     // not encrypted, though the messages of the account are
	RefusedCrypt     = "crypt"     // signed, but sealed for somebody else or damaged
	RefusedReplay    = "replay"    // a signature that was used for another text
	RefusedMalformed = "malformed" // signed, but no message
)

// refusedStatus answers a reason. WeChat takes all of them for "not received".
var refusedStatus = map[string]int{
	RefusedSignature: fiber.StatusForbidden, RefusedStale: fiber.StatusForbidden, RefusedPlain: fiber.StatusForbidden,
	RefusedCrypt: fiber.StatusForbidden, RefusedReplay: fiber.StatusForbidden, RefusedMalformed: fiber.StatusBadRequest,
}

// Refusal counts the messages of an account that were refused for a reason since the
// program started. Account is "unknown" for what names none of ours.
type Refusal struct {
	Account string
	Reason  string
	Count   int
	Last    time.Time
}

// PushRefusals are the refused messages, sorted by account and reason.
func (s *Server) PushRefusals() []Refusal { return s.guard.refusals() }

// pushGuard remembers which plain signature came with which text, and counts refusals.
type pushGuard struct {
	mu        sync.Mutex
	now       func() time.Time
	turned    time.Time
	young     map[[32]byte][32]byte // signature to text
	old       map[[32]byte][32]byte
	counts    map[[2]string]*Refusal
	sealed    map[string]time.Time // when an account's last encrypted message came
	maxMemory int
}

// replayMemory bounds the memory, at 200 messages a second for some 15 minutes.
const replayMemory = 200_000

func newPushGuard(now func() time.Time) *pushGuard {
	return &pushGuard{now: now, young: map[[32]byte][32]byte{}, counts: map[[2]string]*Refusal{}, sealed: map[string]time.Time{}, maxMemory: replayMemory}
}

// replayed reports whether a good signature came with another text before. span is how long
// a signature can be fresh: the window of both sides. Only verified signatures get here, so
// strangers cannot fill the memory.
func (g *pushGuard) replayed(span time.Duration, account, stamp, nonce, signature string, body []byte) bool {
	key, text := sha256.Sum256([]byte(strings.Join([]string{account, stamp, nonce, signature}, "\x00"))), sha256.Sum256(body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); now.Sub(g.turned) > span || len(g.young) >= g.maxMemory {
		g.old, g.young, g.turned = g.young, map[[32]byte][32]byte{}, now
	}
	before, seen := g.young[key]
	if !seen {
		before, seen = g.old[key]
	}
	if seen {
		return before != text
	}
	g.young[key] = text
	return false
}

// seals notes that an account's messages come encrypted.
func (g *pushGuard) seals(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sealed[account] = g.now()
}

// sealing reports whether an encrypted message came so recently that its plain signature,
// which covers no text, could still be fresh under a text of somebody else.
func (g *pushGuard) sealing(account string, span time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, ok := g.sealed[account]
	return ok && g.now().Sub(at) <= span
}

// refused counts; account and reason must be bounded sets.
func (g *pushGuard) refused(account, reason string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := [2]string{account, reason}
	if g.counts[key] == nil {
		g.counts[key] = &Refusal{Account: account, Reason: reason}
	}
	g.counts[key].Count++
	g.counts[key].Last = now
}

func (g *pushGuard) refusals() []Refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Refusal, 0, len(g.counts))
	for _, r := range g.counts {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}
