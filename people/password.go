package people

import (
	"context"
	"fmt"
	"sync"

	"github.com/alexedwards/argon2id"
)

// hasher makes and checks password hashes, at most two at a time: each takes 64 MiB, and a
// flood of sign-ins must not take all of the memory.
type hasher struct {
	params *argon2id.Params
	slots  chan struct{}
	dummy  func() (string, error) // a hash to check when there is no person, so that both take as long
}

func newHasher(params *argon2id.Params) *hasher {
	return &hasher{
		params: params,
		slots:  make(chan struct{}, 2),
		dummy: sync.OnceValues(func() (string, error) {
			return argon2id.CreateHash(newToken(), params)
		}),
	}
}

// enter waits for one of the slots; ErrBusy when the context ends first.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ErrBusy.Because(ctx.Err())
	}
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, h.params)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// check compares password with hash; an empty hash costs the same and never matches. old
// reports that the hash was made with other parameters than today's.
func (h *hasher) check(ctx context.Context, password, hash string) (ok, old bool, err error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	known := hash != ""
	if !known {
		if hash, err = h.dummy(); err != nil {
			return false, false, fmt.Errorf("hash password: %w", err)
		}
	}
	ok, params, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	return ok && known, *params != *h.params, nil
}
