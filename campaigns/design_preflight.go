package campaigns

// design says how the page reads; a page without a picture is a page too.
func (f *findings) design(c *Campaign) {
	d := DraftOf(c)
	for _, check := range d.ColourChecks() {
		if !check.Passes() && check.Ratio >= LeastContrast { // below it the fields say so
			f.add(CheckWarn, "contrast_"+check.Field, check.Field, "ratio", check.Words(), "proposed", check.Proposed)
		}
	}
	if len(f.list) == 0 {
		key := "ok"
		if c.Design.Cover == "" {
			key = "no_cover"
		}
		f.add(CheckOK, key, "cover", "count", int64(len(c.Design.States)))
	}
}
