package campaigns

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
)

// SavedView is a filter of the campaign list under a name.
type SavedView struct {
	ID        string
	Person    string // whose it is
	Name      string
	Query     string // the canonical query of the address, without page and view
	Shared    bool   // everybody sees it; only its owner changes it
	CreatedAt time.Time
	UpdatedAt time.Time
}

const (
	// MaxViews is how many views a person keeps.
	MaxViews     = 30
	maxViewName  = 30
	maxViewQuery = 600
)

// The refusals of saved views.
var (
	ErrViewNotFound = fault.New(fault.NotFound, "shell.view.not_found")
	ErrViewTaken    = fault.New(fault.Invalid, "shell.view.taken")
	ErrViewsFull    = fault.New(fault.Conflict, "shell.view.full", "max", MaxViews)
)

// SavedViews is what the store does with saved views. Writes name the person, and change
// only what is theirs (ErrViewNotFound).
type SavedViews interface {
	// AddView stores a new one. ErrViewTaken by the person's other names, ErrViewsFull.
	AddView(ctx context.Context, v SavedView, audit Audit) error
	// UpdateView replaces the query.
	UpdateView(ctx context.Context, id, person, query string, audit Audit) error
	DeleteView(ctx context.Context, id, person string, audit Audit) error
	// Views are the person's own and the shared ones, by name.
	Views(ctx context.Context, person string) ([]SavedView, error)
}

// Views are the person's own and the shared ones.
func (s *Service) Views(ctx context.Context, person string) ([]SavedView, error) {
	return s.store.Views(ctx, person)
}

// SaveView keeps a query under a new name; problems are on "name".
func (s *Service) SaveView(ctx context.Context, actor Actor, name, query string, shared bool) (SavedView, error) {
	name = strings.TrimSpace(cleanLine(name))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return SavedView{}, fault.New(fault.Invalid, "campaign.error.required").On("name")
	case n > maxViewName:
		return SavedView{}, fault.New(fault.Invalid, "campaign.error.too_long", "max", maxViewName, "count", n).On("name")
	case len(query) > maxViewQuery:
		return SavedView{}, ErrUnknownBulk
	}
	now := s.now().UTC()
	v := SavedView{ID: string(NewRef()), Person: actor.ID, Name: name, Query: query, Shared: shared, CreatedAt: now, UpdatedAt: now}
	err := s.store.AddView(ctx, v, s.audit(actor, "view.save", now, map[string]any{"name": name, "shared": shared}))
	return v, onField(err, ErrViewTaken, "name")
}

// UpdateView makes a view show what query shows. ErrViewNotFound.
func (s *Service) UpdateView(ctx context.Context, actor Actor, id, query string) error {
	if len(query) > maxViewQuery {
		return ErrUnknownBulk
	}
	return s.store.UpdateView(ctx, id, actor.ID, query, s.audit(actor, "view.update", s.now().UTC(), nil))
}

// DeleteView forgets a view. ErrViewNotFound.
func (s *Service) DeleteView(ctx context.Context, actor Actor, id string) error {
	return s.store.DeleteView(ctx, id, actor.ID, s.audit(actor, "view.delete", s.now().UTC(), nil))
}
