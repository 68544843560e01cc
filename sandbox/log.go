package sandbox

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Levels of an Entry.
const (
	LevelOK      = "ok"
	LevelInfo    = "info"
	LevelRefused = "refused"
)

const maxEntries = 500

// Entry is one thing that WeChat saw, with the reason where it refused.
type Entry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Level  string    `json:"level"`
	Area   string    `json:"area"` // token, ticket, oauth, jssdk, card, account, chat, push, phone, pay, mini
	Text   string    `json:"text"` // Chinese
	EN     string    `json:"en"`
	Detail string    `json:"detail,omitempty"` // exact strings, such as the one that was signed
	Event  int64     `json:"event,omitempty"`  // the Event it is about, which PushEvent can send again
}

// Log returns the last 500 entries, oldest first.
func (s *Server) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// note adds to the log; the mutex is held. Details stay out of the program's own log:
// they may hold tickets and openids.
func (s *Server) note(level, area, zh, en, detail string) {
	s.noteEvent(level, area, zh, en, detail, 0)
}

func (s *Server) noteEvent(level, area, zh, en, detail string, event int64) {
	s.entryID++
	s.entries = append(s.entries, Entry{ID: s.entryID, At: s.opt.Now(), Level: level, Area: area, Text: zh, EN: en, Detail: detail, Event: event})
	if extra := len(s.entries) - maxEntries; extra > 0 {
		s.entries = slices.Clone(s.entries[extra:])
	}
	grade := slog.LevelDebug
	if level == LevelRefused {
		grade = slog.LevelInfo
	}
	s.opt.Log.Log(context.Background(), grade, "sandbox", "area", area, "level", level, "text", en)
	s.bump()
}

// bump wakes the phones that listen; the mutex is held.
func (s *Server) bump() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}
