package wechat

import (
	"context"
	"sync"
	"time"
)

// CardTraits say which fields a card demands in cardExt. Every other card refuses them
// (protocol 3.1).
type CardTraits struct {
	BindOpenID bool // only the person whose openid is signed can take it
	OwnCode    bool // its codes are the merchant's, made at the tap: not those of deposit mode (protocol 4.3)
}

// Traits are what the card demands of whoever signs it.
func (c CardInfo) Traits() CardTraits {
	return CardTraits{BindOpenID: c.BindOpenID, OwnCode: c.UseCustomCode && !c.Deposit}
}

const (
	traitsMemory  = time.Hour
	traitsRetry   = time.Minute // after a failure
	traitsLimit   = 3 * time.Second
	maxTraitNotes = 1000
)

// CardTraits asks card/get what a card demands, or remembers: an answer holds for an hour,
// a failure for a minute. Whoever comes while a card is asked about shares that answer,
// which is there after at most 3 seconds. What was known stays when asking again fails.
// Repeating it is safe. Errors are those of Card, or the context's.
func (a *Account) CardTraits(ctx context.Context, id CardID) (CardTraits, error) {
	note, asks := a.traits.of(id, a.now())
	if asks {
		note.ask(ctx, a, id)
		return note.traits, note.err
	}
	select {
	case <-note.done:
		return note.traits, note.err
	case <-ctx.Done():
		return CardTraits{}, ctx.Err()
	}
}

// OnlyWanted is the request without the Code and OpenID that its card does not demand.
// Both go when nobody can say: most cards demand neither.
func (a *Account) OnlyWanted(ctx context.Context, r CardRequest) CardRequest {
	traits, err := a.CardTraits(ctx, r.CardID)
	if err != nil || !traits.OwnCode {
		r.Code = ""
	}
	if err != nil || !traits.BindOpenID {
		r.OpenID = ""
	}
	return r
}

// traitBook remembers what the cards of an account demand.
type traitBook struct {
	mu    sync.Mutex
	notes map[CardID]*traitNote
}

// traitNote is one question with its answer, which may be read once done is closed.
type traitNote struct {
	done   chan struct{}
	known  bool // an answer came, now or before
	traits CardTraits
	err    error
	until  time.Time
}

// of is the card's note; with asks it is new, and the caller must fill it.
func (b *traitBook) of(id CardID, now time.Time) (note *traitNote, asks bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.notes[id]
	if before != nil && !before.over(now) {
		return before, false
	}
	if b.notes == nil || len(b.notes) >= maxTraitNotes {
		b.notes = map[CardID]*traitNote{}
	}
	note = &traitNote{done: make(chan struct{})}
	if before != nil {
		note.known, note.traits = before.known, before.traits
	}
	b.notes[id] = note
	return note, true
}

// over reports whether the answer is there and too old.
func (n *traitNote) over(now time.Time) bool {
	select {
	case <-n.done:
		return !now.Before(n.until)
	default:
		return false
	}
}

// ask fills the note. The answer belongs to all who wait, so the caller who gives up must
// not end it.
func (n *traitNote) ask(ctx context.Context, a *Account, id CardID) {
	defer close(n.done)
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), traitsLimit)
	defer cancel()
	card, err := a.Card(limited, id)
	memory := traitsMemory
	switch {
	case err == nil:
		n.known, n.traits = true, card.Traits()
	case n.known:
		memory = traitsRetry
	default:
		n.err, memory = err, traitsRetry
	}
	n.until = a.now().Add(memory)
}
