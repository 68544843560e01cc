// Package dbtest opens real, migrated database files for tests and builds the few rows
// that most tests need. Only tests import it. A builder that two packages' tests share
// goes here; one that a single test needs stays in that test.
package dbtest
