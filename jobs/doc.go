// Package jobs runs the program's background work: named tasks at a steady pace, each
// in its own goroutine, stopped and waited for together.
//
// It knows no campaign and imports nothing of ours; cli registers the tasks. A new kind
// of background work is a function registered there.
package jobs
