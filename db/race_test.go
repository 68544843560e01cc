//go:build race

package db_test

import "flag"

// The race detector makes everything many times slower: property tests look at fewer
// cases with it, and at all of them without.
func init() { _ = flag.Set("rapid.checks", "20") }
