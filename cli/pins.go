package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/alexedwards/argon2id"

	"kaquan/stores"
)

// pins hashes the PINs of staff, at most two at a time: each takes 19 MiB. A PIN has a million
// values, so what protects it is the lock after a few tries; the hash slows down whoever has a
// copy of the database.
type pins struct {
	slots chan struct{}
	dummy func() (string, error) // checked where there is nobody, so that both take as long
}

var (
	_         stores.Hasher = (*pins)(nil)
	pinParams               = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
)

func newPINs() *pins {
	return &pins{slots: make(chan struct{}, 2), dummy: sync.OnceValues(func() (string, error) {
		return argon2id.CreateHash("nobody", pinParams)
	})}
}

// enter waits for one of the slots.
func (p *pins) enter(ctx context.Context) (leave func(), err error) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Hash implements stores.Hasher.
func (p *pins) Hash(ctx context.Context, secret string) (string, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(secret, pinParams)
	if err != nil {
		return "", fmt.Errorf("hash PIN: %w", err)
	}
	return hash, nil
}

// Check implements stores.Hasher.
func (p *pins) Check(ctx context.Context, secret, hash string) (bool, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	known := hash != ""
	if !known {
		if hash, err = p.dummy(); err != nil {
			return false, fmt.Errorf("hash PIN: %w", err)
		}
	}
	right, err := argon2id.ComparePasswordAndHash(secret, hash)
	if err != nil {
		return false, fmt.Errorf("check PIN: %w", err)
	}
	return right && known, nil
}
