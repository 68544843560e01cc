// Package e2e runs the real program as its users do: the built binary, its sandbox and
// a headless Chromium that clicks.
//
// It may import everything and nobody imports it. A new story is a test in a file named
// for what it tells; harness_test.go starts the program, browser_test.go drives the
// browser.
package e2e
