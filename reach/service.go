package reach

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"kaquan/wechat"
)

// Service is the front door of the package. All methods are safe for concurrent use.
type Service struct {
	store  Store
	hub    Hub
	public string
	now    func() time.Time
	log    *slog.Logger
	seen   seen
	cards  cardCache
}

// Hub finds accounts; *wechat.Hub is one.
type Hub interface {
	Account(ctx context.Context, id string) (*wechat.Account, error)
}

// Options are the parts a Service is made of.
type Options struct {
	Store     Store
	WeChat    Hub
	PublicURL string           // scheme and host that visitors use
	Now       func() time.Time // nil = time.Now
	Log       *slog.Logger     // nil = discard
}

// New makes the service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: o.Store, hub: o.WeChat, public: strings.TrimSuffix(o.PublicURL, "/"), now: o.Now, log: o.Log}
}

// Store keeps what the package knows. A write is one transaction.
type Store interface {
	// ReachCampaign is a campaign of the account; a NotFound fault otherwise.
	ReachCampaign(ctx context.Context, account string, id int64) (Campaign, error)

	// ReplyRules are the account's, in any order, each with the media of its picture.
	ReplyRules(ctx context.Context, account string) ([]Rule, error)
	ReplyRule(ctx context.Context, account string, id int64) (Rule, error)
	// SaveReplyRule inserts (id 0) or updates. ErrTooManyRules, ErrRuleNotFound.
	SaveReplyRule(ctx context.Context, r Rule, now time.Time) (int64, error)
	SwitchReplyRule(ctx context.Context, account string, id int64, on bool) error
	DeleteReplyRule(ctx context.Context, account string, id int64) error
	HitReplyRule(ctx context.Context, id int64, now time.Time) error

	// SaveReplyPicture keeps a picture; the same bytes of an account are kept once.
	SaveReplyPicture(ctx context.Context, p Picture) (int64, error)
	ReplyPicture(ctx context.Context, account string, id int64) (Picture, error)
	// DueReplyPictures are those of enabled rules whose media is from before, or missing,
	// and whose next try has come.
	DueReplyPictures(ctx context.Context, before, now time.Time, limit int) ([]Picture, error)
	ReplyPictureSent(ctx context.Context, id int64, m wechat.Media) error
	ReplyPictureFailed(ctx context.Context, id int64, next time.Time) error

	// Scenes are an account's codes with their counts, the newest first.
	Scenes(ctx context.Context, account string) ([]Scene, error)
	Scene(ctx context.Context, account, scene string) (sc Scene, found bool, err error)
	// SaveScene inserts, or renews the code of a scene that is there.
	SaveScene(ctx context.Context, sc Scene) error
	DeleteScene(ctx context.Context, account, scene string) error
	// SceneScanned counts a scan once for each dedupe key.
	SceneScanned(ctx context.Context, scan Scan) error

	MenuState(ctx context.Context, account string) (MenuState, error)
	SaveMenuDraft(ctx context.Context, account string, m wechat.Menu, by string, now time.Time) error
	SavePublishedMenu(ctx context.Context, account string, m wechat.Menu, now time.Time) error

	// BeginStockChange keeps the form's key; first is false when it was used before, and
	// earlier says what became of it then.
	BeginStockChange(ctx context.Context, c StockChange) (first bool, earlier Outcome, err error)
	EndStockChange(ctx context.Context, key string, o Outcome) error
}

// seen remembers the last pushes, so that repeats are answered again but not counted.
type seen struct {
	mu   sync.Mutex
	keys map[string]bool
	ring []string
	next int
}

const remembered = 4096

// add reports whether the key is new.
func (s *seen) add(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] {
		return false
	}
	if s.keys == nil {
		s.keys, s.ring = map[string]bool{}, make([]string, remembered)
	}
	delete(s.keys, s.ring[s.next])
	s.ring[s.next], s.keys[key] = key, true
	s.next = (s.next + 1) % remembered
	return true
}

func apiError(err error) *wechat.APIError {
	var e *wechat.APIError
	if errors.As(err, &e) {
		return e
	}
	return nil
}
