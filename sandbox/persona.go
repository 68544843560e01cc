package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const personaCookie = "kq_persona"

// Kinds of personas.
const (
	kindNormal   = "normal"
	kindOwner    = "owner" // has every card once
	kindDeny     = "deny"
	kindSnapshot = "snapshot"
	kindPC       = "pc" // outside of WeChat
	kindVisitor  = "visitor"
)

// maxVisitors bounds the personas that the phone's button makes.
const maxVisitors = 40

// persona is a person with a phone.
type persona struct {
	id, name, en, kind string
	openID, virtual    string // the virtual one stands for the person on a snapshot page
	hue                int
	wallet             []*held
	chat               chat
	cookies            map[string]string // of the claim site, while another persona holds the phone
}

// held is a card in a wallet.
type held struct {
	code, encrypted string
	card            *Card
	owner           *persona
	outer           string
	at              time.Time
	status          string   // NORMAL, CONSUMED, …
	gift            *persona // to whom it is offered while it is GIFTING
}

func (s *Server) seedPersonas() {
	s.staff = s.born(&persona{id: "staff", name: "店员", en: "staff", kind: kindNormal})
	for i, p := range []*persona{
		{id: "lin", name: "小林", en: "normal", kind: kindNormal},
		{id: "mei", name: "阿美", en: "another one", kind: kindNormal},
		{id: "zhou", name: "老周", en: "has a card already", kind: kindOwner},
		{id: "ding", name: "丁叔", en: "refuses to authorise", kind: kindDeny},
		{id: "snap", name: "快照访客", en: "snapshot page", kind: kindSnapshot},
		{id: "pc", name: "电脑访客", en: "not in WeChat", kind: kindPC},
	} {
		p.hue = 145 + 52*i
		s.people = append(s.people, s.born(p))
		if p.kind == kindOwner {
			for _, c := range s.opt.Cards {
				s.give(p, s.cards[c.ID], "", "")
			}
		}
	}
}

// born gives a persona its openids: the same ones at every start, as real ones stay.
func (s *Server) born(p *persona) *persona {
	id := func(salt string) string {
		sum := sha256.Sum256([]byte(salt + "/" + s.opt.AppID + "/" + p.id))
		return "o" + base64.RawURLEncoding.EncodeToString(sum[:])[:27]
	}
	p.openID, p.virtual, p.cookies = id("person"), id("snapshot"), map[string]string{}
	return p
}

// newVisitor makes a persona whom the account has never seen.
func (s *Server) newVisitor() *persona {
	s.visitors++
	p := s.born(&persona{
		id: "v" + random(10, digits+"abcdefghijkmnpqrstuvwxyz"), name: "新访客 " + strconv.Itoa(s.visitors), en: "new visitor",
		kind: kindVisitor, hue: (s.visitors * 67) % 360,
	})
	s.people = append(s.people, p)
	count := 0
	for _, q := range s.people {
		if q.kind == kindVisitor {
			count++
		}
	}
	if count > maxVisitors {
		i := slices.IndexFunc(s.people, func(q *persona) bool { return q.kind == kindVisitor })
		s.forget(s.people[i])
		delete(s.share, s.people[i].id)
		s.people = slices.Delete(s.people, i, i+1)
	}
	return p
}

func (s *Server) persona(id string) *persona {
	for _, p := range s.people {
		if p.id == id {
			return p
		}
	}
	return nil
}

// personaOf is who holds the phone; the first one when the cookie names nobody.
func (s *Server) personaOf(r *http.Request) *persona {
	if c, err := r.Cookie(personaCookie); err == nil {
		if p := s.persona(c.Value); p != nil {
			return p
		}
	}
	return s.people[0]
}

// switchPersona hands the phone to another persona: its cookie, and the cookies of the
// claim site that belong to that phone.
func (s *Server) switchPersona(w http.ResponseWriter, r *http.Request, to *persona) {
	from := s.personaOf(r)
	set := func(name, value string) {
		c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
		if value == "" {
			c.MaxAge = -1
		}
		http.SetCookie(w, c)
	}
	set(personaCookie, to.id)
	if from == to {
		return
	}
	for _, name := range s.opt.VisitorCookies {
		delete(from.cookies, name)
		if c, err := r.Cookie(name); err == nil {
			from.cookies[name] = c.Value
		}
		set(name, to.cookies[name])
	}
	s.note(LevelInfo, "phone", "换人："+to.name, "the phone is now "+to.id, "")
}

// give puts a card from the stock into a wallet.
func (s *Server) give(p *persona, c *Card, code, outer string) *held {
	c.Stock--
	return s.hold(p, c, code, outer)
}

// hold puts a card into a wallet, with a new code where none is given.
func (s *Server) hold(p *persona, c *Card, code, outer string) *held {
	for code == "" || s.codes[code] != nil {
		code = random(12, digits)
	}
	h := &held{code: code, encrypted: base64.StdEncoding.EncodeToString([]byte(random(33, letters))), card: c, owner: p, outer: outer, at: s.opt.Now(), status: codeNormal}
	p.wallet = append(p.wallet, h)
	s.codes[h.code], s.secrets[h.encrypted] = h, h
	return h
}

// forget removes every card of a person who is gone, and takes back what was offered to
// them; their stock does not come back.
func (s *Server) forget(p *persona) {
	for code, h := range s.codes {
		switch p {
		case h.owner:
			delete(s.codes, code)
			delete(s.secrets, h.encrypted)
		case h.gift:
			h.status, h.gift = codeNormal, nil
		}
	}
}

// avatar draws a persona's picture.
func (s *Server) avatar(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.persona(r.PathValue("persona"))
	s.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl(%d 42%% 46%%)"/>`+
		`<text x="32" y="43" font-size="30" font-family="sans-serif" font-weight="600" text-anchor="middle" fill="#fff">%s</text></svg>`,
		p.hue%360, html.EscapeString(string([]rune(p.name)[:1])))
}
