package config

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Secret is a setting that is never shown: printing, logging and encoding it give dots.
type Secret string

const dots = "••••"

// Format prints dots for every verb, nothing for an empty secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.masked())) }

// LogValue is the masked form for structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.masked()) }

// MarshalText is the masked form for files and answers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.masked()), nil }

func (s Secret) masked() string {
	if s == "" {
		return ""
	}
	return dots
}

const shortestSecret = 16

// check accepts no secret, or one that fits in a header and cannot be guessed by trying.
func (s Secret) check() error {
	switch {
	case s == "":
		return nil
	case len(s) < shortestSecret:
		return fmt.Errorf("must have at least %d characters", shortestSecret)
	case strings.IndexFunc(string(s), func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return errors.New("must be visible ASCII without blanks")
	}
	return nil
}
