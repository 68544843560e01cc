package views

// Problem is an error as a page may show it: a sentence, never the error's own text.
type Problem struct {
	Status      int
	Key         string         // the sentence in the catalogues
	Args        map[string]any // its placeholders
	SupportCode string         // "" unless the log has an entry under it
	Path        string         // where it happened, for "try again"
}
