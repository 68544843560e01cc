// Package config is the typed settings of the program: flag over environment over file over default.
//
// It may import kaquan/fault only. A new setting is a field of Config with its flag, environment
// variable, toml key and default, a rule in Validate where it has one, and a line in the operator
// guide. What operators change while the program runs lives in the database, not here.
package config
