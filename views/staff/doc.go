// Package staff draws the pages at the till, /s/: signing in, scanning and confirming,
// the result, and the day. They stand on staff.css and staff.js alone, work without
// scripts, and are made for a phone in one hand.
//
// It imports what views may import. A page has a struct and a templ file of its noun; what
// is said about a verdict is in words.go.
package staff
