package people

import (
	"context"
	"slices"

	"kaquan/fault"
)

// Preferences are how a person likes the admin, in every browser. Empty values are not
// chosen.
type Preferences struct {
	Language string // zh-CN or en
	Theme    string // auto, light or dark
	Density  string // comfortable or compact
	Account  string // the official account that they look at
	View     string // the saved view that the campaign list opens with
}

// Preference names one of the choices.
type Preference string

// The preferences.
const (
	PreferLanguage Preference = "language"
	PreferTheme    Preference = "theme"
	PreferDensity  Preference = "density"
	PreferAccount  Preference = "account"
	PreferView     Preference = "view"
)

// ErrPreference is the answer to a choice that there is not.
var ErrPreference = fault.New(fault.Invalid, "error.invalid")

// choices are the values of those preferences that have a few.
var choices = map[Preference][]string{
	PreferLanguage: {"zh-CN", "en"}, PreferTheme: {"auto", "light", "dark"}, PreferDensity: {"comfortable", "compact"},
	PreferAccount: nil, PreferView: nil,
}

const maxPreference = 64 // bytes

// Field is the place of a preference, for those that read and write them by name; nil for
// a name that is none.
func (p *Preferences) Field(name Preference) *string {
	switch name {
	case PreferLanguage:
		return &p.Language
	case PreferTheme:
		return &p.Theme
	case PreferDensity:
		return &p.Density
	case PreferAccount:
		return &p.Account
	case PreferView:
		return &p.View
	}
	return nil
}

// Chosen reports whether value can be chosen for the preference; empty forgets the choice.
func (name Preference) Chosen(value string) bool {
	values, known := choices[name]
	return known && len(value) <= maxPreference && (value == "" || values == nil || slices.Contains(values, value))
}

// Preferences are what the person chose so far.
func (s *Service) Preferences(ctx context.Context, id ID) (Preferences, error) {
	return s.store.Preferences(ctx, id)
}

// Prefer remembers a choice; an empty value forgets it. ErrPreference. A repeat is safe.
func (s *Service) Prefer(ctx context.Context, id ID, name Preference, value string) error {
	if !name.Chosen(value) {
		return ErrPreference
	}
	return s.store.Prefer(ctx, id, string(name), value)
}
