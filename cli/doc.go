// Package cli is the command line: one file per command, and app.go, which joins the
// rooms into a running program that a test can start and stop.
//
// It may import everything and nothing but main imports it. A new command is a struct
// with a Run method, listed in main.go.
package cli
