package cli

import (
	"context"
	"testing"
)

func TestAPINMatchesItsOwnHashOnly(t *testing.T) {
	t.Parallel()
	p, ctx := newPINs(), context.Background()
	hash, err := p.Hash(ctx, "402718")
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		pin, hash string
		want      bool
	}{"right": {"402718", hash, true}, "wrong": {"402719", hash, false}, "nobody": {"nobody", "", false}} {
		if got, err := p.Check(ctx, row.pin, row.hash); got != row.want || err != nil {
			t.Errorf("%s: %t %v", name, got, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	p.slots <- struct{}{}
	p.slots <- struct{}{}
	if _, err := p.Check(ended, "402718", hash); err == nil {
		t.Error("did not wait for its turn")
	}
}
