package campaigns

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultRetention is how many days after a campaign's end its answers are kept where
// neither the campaign nor the question says.
const DefaultRetention = 90

// forgetBatch is how many claims one write forgets, so that people who claim elsewhere
// never wait for long.
const forgetBatch = 500

// Over is when the campaign ended or will end: its last instant, or when staff ended it.
func (c *Campaign) Over() time.Time {
	if !c.EndedAt.IsZero() && c.EndedAt.Before(c.EndsAt) {
		return c.EndedAt
	}
	return c.EndsAt
}

// Kept is until when answers are kept. No keys stands for the answers whose question is
// gone.
type Kept struct {
	Until time.Time
	Days  int // after the campaign's end
	Keys  []string
}

// Keeping is what visitors were promised: until when the answer to each question is kept,
// the soonest first. The last moment is never later than that of the longest question.
func (c *Campaign) Keeping() []Kept {
	usual := cmp.Or(c.Texts.RetentionDay, DefaultRetention)
	byDays := map[int][]string{usual: nil}
	for _, field := range c.Form {
		days := cmp.Or(field.Retention, usual)
		byDays[days] = append(byDays[days], field.Key)
	}
	var list []Kept
	for days, keys := range byDays {
		list = append(list, Kept{Until: c.Over().In(c.Zone).AddDate(0, 0, days).UTC(), Days: days, Keys: keys})
	}
	slices.SortFunc(list, func(a, b Kept) int { return a.Days - b.Days })
	return list
}

// Due tells which answers of a campaign are past their time.
type Due struct {
	keys map[string]bool // of the form; false = kept for now
	rest bool            // the answers whose question is gone
	mark string
}

// Due is what has to go at now; some is false when nothing has to.
func (c *Campaign) Due(now time.Time) (d Due, some bool) {
	d.keys = map[string]bool{}
	usual := cmp.Or(c.Texts.RetentionDay, DefaultRetention)
	var gone []string
	for _, k := range c.Keeping() {
		over := c.Status != StatusDraft && !now.Before(k.Until)
		for _, key := range k.Keys {
			d.keys[key] = over
			if over {
				gone = append(gone, key)
			}
		}
		if over && k.Days == usual {
			d.rest = true
		}
	}
	slices.Sort(gone)
	d.mark = strconv.FormatInt(c.Over().UnixMilli(), 10) + " " + strconv.FormatBool(d.rest) + " " + strings.Join(gone, ",")
	return d, d.rest || len(gone) > 0
}

// Mark names what is due, so that a campaign is looked through once for each time that
// comes and again when somebody changed the times.
func (d *Due) Mark() string { return d.mark }

// Goes reports whether the answers under a key have to go.
func (d *Due) Goes(key string) bool {
	if due, asked := d.keys[key]; asked {
		return due
	}
	return d.rest
}

// Forget overwrites what has to go with nothing and reports whether there was any. The keys
// stay: pages say of them that the answer was deleted.
func (d *Due) Forget(a Answers) bool {
	changed := false
	for key, text := range a {
		if text != "" && d.Goes(key) {
			a[key], changed = "", true
		}
	}
	return changed
}

// Retention is what the store does with answers that are past their time.
type Retention interface {
	// Marks are the campaigns that may be over at now with what was forgotten of them.
	Marks(ctx context.Context, now time.Time) (map[ID]string, error)
	// ForgetAnswers goes through up to limit claims of c beyond after, by id, and overwrites
	// what is due, in one transaction that changes nothing once somebody edited c. next is 0
	// at the end. A repeat changes nothing.
	ForgetAnswers(ctx context.Context, c *Campaign, due Due, after ClaimID, limit int) (changed int, next ClaimID, err error)
	// NoteForgotten keeps what was forgotten; an empty mark only writes the audit, and a
	// nil audit only keeps the mark.
	NoteForgotten(ctx context.Context, c *Campaign, mark string, audit *Audit) error
	// Scrub drops older copies of rows that the database file still has beside it.
	Scrub(ctx context.Context) error
}

// Forget deletes the answers of every campaign that are past their time, question by
// question, and returns from how many claims something went. A repeat changes nothing.
func (s *Service) Forget(ctx context.Context) (claims int, err error) {
	now := s.now().UTC()
	marks, err := s.store.Marks(ctx, now)
	if err != nil {
		return 0, err
	}
	for id, mark := range marks {
		n, e := s.forget(ctx, id, mark, now)
		claims += n
		if e != nil {
			err = errors.Join(err, e)
			if ctx.Err() != nil {
				break
			}
		}
	}
	if claims > 0 {
		err = errors.Join(err, s.store.Scrub(ctx))
	}
	return claims, err
}

func (s *Service) forget(ctx context.Context, id ID, mark string, now time.Time) (claims int, err error) {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return 0, err
	}
	due, some := c.Due(now)
	if !some || due.Mark() == mark {
		return 0, nil
	}
	for after := ClaimID(0); ; {
		n, next, e := s.store.ForgetAnswers(ctx, c, due, after, forgetBatch)
		claims += n
		if err = e; err != nil || next == 0 {
			break
		}
		after = next
	}
	mark = due.Mark()
	if err != nil { // what went is recorded; the rest goes with the next run
		mark = ""
	}
	if mark == "" && claims == 0 {
		return 0, err
	}
	var audit *Audit
	if claims > 0 {
		a := s.audit(Actor{Name: "system"}, "campaign.forget", now, map[string]any{"claims": claims})
		audit = &a
	}
	return claims, errors.Join(err, s.store.NoteForgotten(context.WithoutCancel(ctx), c, mark, audit))
}
