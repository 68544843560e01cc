package campaigns

import "time"

// NewPatientRehearser makes one that a slow machine does not stop.
func NewPatientRehearser(open Scratch) *Rehearser {
	return &Rehearser{open: open, limit: time.Minute}
}

// NewHastyRehearser makes one that has no time at all.
func NewHastyRehearser(open Scratch) *Rehearser { return &Rehearser{open: open, limit: 1} }
