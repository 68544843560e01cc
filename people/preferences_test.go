package people_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"kaquan/db/dbtest"
	"kaquan/people"
)

func TestPreferencesAreRememberedAndOddOnesRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store := dbtest.Open(t)
	s := people.New(store, people.Options{})
	anna := people.Person{ID: "a", Login: "anna", Role: people.Owner}
	bert := people.Person{ID: "b", Login: "bert", Role: people.Viewer}
	for _, p := range []people.Person{anna, bert} {
		if err := store.CreatePerson(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name  people.Preference
		value string
		ok    bool
	}{
		{people.PreferTheme, "dark", true},
		{people.PreferTheme, "light", true},
		{people.PreferTheme, "pink", false},
		{people.PreferDensity, "compact", true},
		{people.PreferLanguage, "en", true},
		{people.PreferLanguage, "fr", false},
		{people.PreferLanguage, "", true}, // forgets it
		{people.PreferAccount, "demo", true},
		{people.PreferAccount, strings.Repeat("x", 65), false},
		{"password", "secret", false},
	} {
		if err := s.Prefer(ctx, anna.ID, row.name, row.value); row.ok && err != nil || !row.ok && !errors.Is(err, people.ErrPreference) {
			t.Errorf("%s = %.10q: %v", row.name, row.value, err)
		}
	}
	got, err := s.Preferences(ctx, anna.ID)
	if want := (people.Preferences{Theme: "light", Density: "compact", Account: "demo"}); err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	if got, err := s.Preferences(ctx, bert.ID); err != nil || got != (people.Preferences{}) {
		t.Errorf("another person has %+v %v", got, err)
	}
}
