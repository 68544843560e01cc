package ui

// Errors are the messages of one form by field, in the reader's language. The field ""
// is the form as a whole.
type Errors map[string][]string

// Of returns the messages of a field.
func (e Errors) Of(field string) []string { return e[field] }

// Add puts a message at a field.
func (e Errors) Add(field, message string) { e[field] = append(e[field], message) }
