package campaigns

import (
	"context"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/width"

	"kaquan/fault"
)

// PoolID names a pool.
type PoolID string

// Pool is a stock of codes that staff uploaded, say of a shop system. Each goes to one
// claim. A code that was set aside for a claim and never shown goes back with the claim; one
// that somebody saw does not.
type Pool struct {
	ID        PoolID
	Account   AccountID
	Name      string // at most 60 characters, once per account
	Total     int64
	Used      int64
	CreatedAt time.Time
	UpdatedAt time.Time // of the last import
}

// Left is how many codes can still be given out.
func (p *Pool) Left() int64 { return p.Total - p.Used }

var poolPattern = regexp.MustCompile(`^[0-9A-Za-z-]{4,32}$`)

// PoolCode is a code of a pool as it is kept, and whether it can be one.
func PoolCode(text string) (string, bool) {
	text = width.Narrow.String(strings.TrimSpace(cleanLine(text)))
	return text, poolPattern.MatchString(text)
}

// Errors of pools.
var (
	ErrPoolNotFound = fault.New(fault.NotFound, "pools.error.not_found")
	ErrPoolName     = fault.New(fault.Invalid, "pools.error.name_taken")
	ErrPoolUsed     = fault.New(fault.Conflict, "pools.error.used")
)

// RowKnown is what the store knows about a row before it is imported.
type RowKnown int

// What it may know.
const (
	RowNew       RowKnown = iota
	RowHere               // it is in this pool already
	RowElsewhere          // it is in another pool of the account
	RowOnCard             // a card has it that came from no pool
)

// Pools is what the store does with pools.
type Pools interface {
	// CreatePool stores an empty pool. ErrPoolName.
	CreatePool(ctx context.Context, p Pool, audit Audit) error
	// PoolByID finds one with its counts. ErrPoolNotFound.
	PoolByID(ctx context.Context, id PoolID) (Pool, error)
	// Pools are an account's, newest first, with their counts.
	Pools(ctx context.Context, account AccountID) ([]Pool, error)
	// InPool tells of each code where it is.
	InPool(ctx context.Context, id PoolID, codes []string) ([]RowKnown, error)
	// AddToPool stores codes that no pool of the account has and says how many those were. A
	// repeat is safe.
	AddToPool(ctx context.Context, id PoolID, codes []string, now time.Time) (int, error)
	// DeletePool removes a pool from which no claim came and that no live campaign uses.
	// ErrPoolUsed, ErrPoolNotFound.
	DeletePool(ctx context.Context, id PoolID, now time.Time, audit Audit) error
}

// CreatePool makes an empty pool. Problems stand on name.
func (s *Service) CreatePool(ctx context.Context, actor Actor, account AccountID, name string) (Pool, error) {
	name, err := named(name)
	if err != nil {
		return Pool{}, err
	}
	now := s.now().UTC()
	p := Pool{ID: PoolID(ID(s.ids.next(now)).String()), Account: account, Name: name, CreatedAt: now, UpdatedAt: now}
	err = s.store.CreatePool(ctx, p, s.audit(actor, "pool.create", now, nil))
	return p, onField(err, ErrPoolName, "name")
}

// Pool finds one. ErrPoolNotFound.
func (s *Service) Pool(ctx context.Context, id PoolID) (Pool, error) {
	return s.store.PoolByID(ctx, id)
}

// Pools are those of an account, newest first.
func (s *Service) Pools(ctx context.Context, account AccountID) ([]Pool, error) {
	return s.store.Pools(ctx, account)
}

// DeletePool removes a pool for good. ErrPoolUsed once a card came from it.
func (s *Service) DeletePool(ctx context.Context, actor Actor, id PoolID) error {
	now := s.now().UTC()
	return s.store.DeletePool(ctx, id, now, s.audit(actor, "pool.delete", now, nil))
}
