package campaigns

import (
	"context"
	"fmt"
	"strings"

	"kaquan/wechat"
)

// Among the guests of a rehearsal, one in so many stands where a rule refuses them.
const (
	strangerEvery = 20 // does not follow, and is not on the allow list
	blockedEvery  = 50
)

func guestID(n int) wechat.OpenID { return wechat.OpenID(fmt.Sprintf("oRehearsal%018d", n)) }

// stranger tells who follows nobody and is on no list.
func stranger(n int) bool { return n%strangerEvery == strangerEvery-1 }

// crowd tells who of the guests follows.
type crowd struct{}

// Follower implements Followers.
func (crowd) Follower(_ context.Context, _ AccountID, person wechat.OpenID) (wechat.Follower, error) {
	var n int
	_, err := fmt.Sscanf(strings.TrimPrefix(string(person), "oRehearsal"), "%d", &n)
	return wechat.Follower{OpenID: person, Subscribed: err == nil && !stranger(n)}, err
}

func guestCode(n int) string { return fmt.Sprintf("GUEST-%06d", n) }

// rule puts lists and a pool for the guests into the scratch store, in place of the real
// ones, whose rows nobody can read. Whoever is asked for an invitation has one.
func (p *performance) rule(d *Draft, guests int) error {
	r := &d.Rules
	list := func(id *ListID, name string, kind ListKind, value func(n int) string) error {
		if *id == "" {
			return nil
		}
		l, err := p.service.CreateList(p.ctx, Actor{}, d.Account, kind, name)
		if err != nil {
			return err
		}
		*id = l.ID
		var facts []Fact
		for n := range guests {
			if v := value(n); v != "" {
				facts = append(facts, Fact{kind, v})
			}
		}
		_, err = p.store.AddToList(p.ctx, l.ID, facts, p.now)
		return err
	}
	err := list(&r.AllowList, "allow", ListOpenID, func(n int) string {
		if stranger(n) {
			return ""
		}
		return string(guestID(n))
	})
	if err != nil {
		return err
	}
	err = list(&r.BlockList, "block", ListOpenID, func(n int) string {
		if n%blockedEvery != 0 {
			return ""
		}
		return string(guestID(n))
	})
	if err != nil {
		return err
	}
	if err := list(&r.Invitation.List, "codes", ListCode, guestCode); err != nil {
		return err
	}
	if d.Issuer != CodePool {
		return nil
	}
	pool, err := p.service.CreatePool(p.ctx, Actor{}, d.Account, "pool")
	if err != nil {
		return err
	}
	r.Pool = pool.ID
	// More codes than guests can take in all are of no use.
	codes := make([]string, min(d.Total, int64(guests*maxAttempts)))
	for i := range codes {
		codes[i] = fmt.Sprintf("REHEARSAL-%08d", i)
	}
	_, err = p.store.AddToPool(p.ctx, pool.ID, codes, p.now)
	return err
}

// tapOf is a guest's tap: through a channel that is allowed, with their invitation.
func (p *performance) tapOf(g *guest, answers map[string]string, consent bool) Tap {
	t := Tap{Slug: p.campaign.Slug, Visitor: g.visitor, Key: g.key(), Answers: answers, Consent: consent}
	r := &p.campaign.Rules
	if len(r.Channels) > 0 {
		t.Channel = r.Channels[0]
	}
	switch r.Invitation.Mode {
	case SharedInvitation:
		t.Invitation = r.Invitation.Code
	case ListInvitation:
		t.Invitation = guestCode(g.n)
	case NoInvitation:
	}
	return t
}
