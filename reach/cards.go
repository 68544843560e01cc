package reach

import (
	"context"
	"regexp"
	"sync"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

const (
	// MaxCards is how many cards of an account are listed.
	MaxCards  = 200
	cardsLife = time.Minute
	cardsOnce = 4 // calls at a time
)

// Card is one of the account's cards at WeChat. Err says why its details are missing.
type Card struct {
	wechat.CardInfo
	Err error
}

// CardList is what WeChat said about an account's cards.
type CardList struct {
	Cards []Card
	Total int       // as WeChat counts; more than the cards when there are many
	At    time.Time // UTC, when it was asked
}

type cardCache struct {
	mu   sync.Mutex
	list map[string]CardList
	// asking has one lock for each account, so that a busy page asks WeChat once.
	asking map[string]*sync.Mutex
}

func (c *cardCache) lock(account string) *sync.Mutex {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking == nil {
		c.asking = map[string]*sync.Mutex{}
	}
	if c.asking[account] == nil {
		c.asking[account] = &sync.Mutex{}
	}
	return c.asking[account]
}

func (c *cardCache) get(account string) CardList {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list[account]
}

func (c *cardCache) set(account string, list CardList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil {
		c.list = map[string]CardList{}
	}
	c.list[account] = list
}

// Cards are the account's cards, at most a minute old. An account without the right to
// cards gets WeChat's 48001.
func (s *Service) Cards(ctx context.Context, account string) (CardList, error) {
	// The account is found first: the cache must not grow with made-up names.
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return CardList{}, err
	}
	one := s.cards.lock(account)
	one.Lock()
	defer one.Unlock()
	if list := s.cards.get(account); !list.At.IsZero() && s.now().Sub(list.At) < cardsLife {
		return list, nil
	}
	ids, total, err := a.AllCards(ctx, MaxCards)
	if err != nil {
		return CardList{}, err
	}
	list := CardList{Cards: make([]Card, len(ids)), Total: total, At: s.now().UTC()}
	var (
		wait   sync.WaitGroup
		places = make(chan struct{}, cardsOnce)
	)
	for i, id := range ids {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			info, err := a.Card(ctx, id)
			info.ID = id
			info.Raw = nil
			list.Cards[i] = Card{info, err}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return CardList{}, err
	}
	s.cards.set(account, list)
	return list, nil
}

// Card asks WeChat for one card now.
func (s *Service) Card(ctx context.Context, account string, id wechat.CardID) (wechat.CardInfo, error) {
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return wechat.CardInfo{}, err
	}
	return a.Card(ctx, id)
}

// Outcome of a change of stock.
type Outcome string

// The outcomes.
const (
	StockPending Outcome = "pending" // WeChat was asked and has not answered, as far as we know
	StockChanged Outcome = "changed"
	StockRefused Outcome = "refused"
	StockUnknown Outcome = "unknown" // no answer came: the change may have happened
)

// StockChange adds Delta cards to the stock at WeChat, or takes them away. Key is the
// form's: a change with a key that was used is not made again.
type StockChange struct {
	Key     string
	Account string
	Card    wechat.CardID
	Delta   int
	By      string
	At      time.Time // UTC; set by ChangeStock
}

// MaxDelta is the largest change of stock at once.
const MaxDelta = 100_000_000

var (
	keyPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{16,64}$`)

	errStockKey   = fault.New(fault.Conflict, "reach.error.stock_key")
	errStockDelta = fault.New(fault.Invalid, "reach.error.stock_delta", "max", MaxDelta).On("delta")
)

// ChangeStock asks WeChat once for each key. first is false for a repeat, with the outcome
// of the first time. The outcome is StockUnknown when no answer came; the error tells why.
func (s *Service) ChangeStock(ctx context.Context, c StockChange) (o Outcome, first bool, err error) {
	if !keyPattern.MatchString(c.Key) {
		return "", false, errStockKey
	}
	if c.Delta == 0 || c.Delta > MaxDelta || c.Delta < -MaxDelta {
		return "", false, errStockDelta
	}
	a, err := s.hub.Account(ctx, c.Account)
	if err != nil {
		return "", false, err
	}
	c.At = s.now().UTC()
	first, o, err = s.store.BeginStockChange(ctx, c)
	if err != nil || !first {
		return o, first, err
	}
	err = a.ModifyStock(ctx, c.Card, c.Delta)
	switch {
	case err == nil:
		o = StockChanged
	case apiError(err) != nil:
		o = StockRefused
	default:
		o = StockUnknown
	}
	s.cards.set(c.Account, CardList{})
	// The outcome is decided: a browser that leaves must not lose it.
	if e := s.store.EndStockChange(context.WithoutCancel(ctx), c.Key, o); e != nil {
		s.log.Error("outcome of a stock change not kept", "account", c.Account, "outcome", o, "err", e)
	}
	return o, true, err
}
