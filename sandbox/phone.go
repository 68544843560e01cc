package sandbox

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"time"
)

// phone is the page with the phone. Its frame shows pages of other origins, so only the
// frame source is wide, and that of the pictures in the chat.
func (s *Server) phone(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	start, appID, p := s.opt.StartURL, s.opt.AppID, s.personaOf(r)
	s.mu.Unlock()
	if c, err := r.Cookie(personaCookie); err != nil || c.Value != p.id {
		http.SetCookie(w, &http.Cookie{Name: personaCookie, Value: p.id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	page(w, "phone.html", "; img-src 'self' data: http: https:; frame-src http: https:; frame-ancestors 'none'", map[string]any{"Start": start, "AppID": appID})
}

// asset is a script or a style sheet of the phone.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	kind := mime.TypeByExtension(path.Ext(r.PathValue("file")))
	body, err := fs.ReadFile(ui, "ui/"+r.PathValue("file"))
	if err != nil || path.Ext(r.PathValue("file")) == ".html" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}

type personaView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	EN   string `json:"en"`
	Kind string `json:"kind"`
}

type stateView struct {
	Version  int64         `json:"version"`
	Persona  string        `json:"persona"`
	Kind     string        `json:"kind"`
	Start    string        `json:"start"`
	Callback string        `json:"callback"`
	Mode     string        `json:"mode"`  // of pushes
	Modes    []string      `json:"modes"` // that can be chosen
	Chat     chatView      `json:"chat"`
	Personas []personaView `json:"personas"`
	Wallet   []cardView    `json:"wallet"`
	Gifts    []cardView    `json:"gifts"` // that others offer
	Cards    []cardView    `json:"cards"`
	Log      []Entry       `json:"log"`
	Switches []SwitchState `json:"switches"`
	Merchant string        `json:"merchant"`
	Orders   []PayOrder    `json:"orders"`
}

// shownEntries is how much of the log the phone gets.
const shownEntries = 150

// state is all that the phone page shows, newest first. Other sites cannot read it: it
// carries no CORS header.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.personaOf(r)
	out := stateView{
		Version: s.version, Persona: p.id, Kind: p.kind, Start: s.opt.StartURL, Callback: s.opt.CallbackURL,
		Mode: s.opt.PushMode, Modes: []string{PushPlain}, Chat: s.chatView(p), Gifts: []cardView{},
		Wallet: []cardView{}, Cards: s.stockLines(), Log: append([]Entry{}, s.entries[max(0, len(s.entries)-shownEntries):]...), Switches: s.switchStates(),
	}
	out.Merchant, out.Orders = s.payTab()
	for _, q := range s.people {
		out.Personas = append(out.Personas, personaView{q.id, q.name, q.en, q.kind})
	}
	if s.opt.AESKey != "" {
		out.Modes = append(out.Modes, PushMixed, PushEncrypted)
	}
	for _, h := range slices.Backward(p.wallet) {
		out.Wallet = append(out.Wallet, h.view())
	}
	for _, q := range s.people {
		for _, h := range q.wallet {
			if h.gift == p {
				v := h.view()
				v.From = q.name
				out.Gifts = append(out.Gifts, v)
			}
		}
	}
	s.mu.Unlock()
	slices.Reverse(out.Log)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(compact(out))
}

// stream tells the phone that something changed; it then asks for the state.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	beat := time.NewTicker(20 * time.Second)
	defer beat.Stop()
	for {
		s.mu.Lock()
		changed, version := s.changed, s.version
		s.mu.Unlock()
		if _, err := fmt.Fprintf(w, "data: %d\n\n", version); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// ownPage reports whether the phone's own page sent a request. Browsers say so; what says
// nothing is refused.
func ownPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	return r.Header.Get("Origin") == origin(r)
}

// control is every button of the phone page.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	if !ownPage(r) {
		http.Error(w, "only the phone page may do this", http.StatusForbidden)
		return
	}
	var in struct {
		Do, Name, Code, Text string
		On                   bool
		Chance               float64
		Event                int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "the body is not JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	who, key := s.personaOf(r).id, s.opt.AESKey
	s.mu.Unlock()
	var (
		err  error
		open string
	)
	switch in.Do {
	case "follow":
		err = s.Follow(who)
	case "unfollow":
		err = s.Unfollow(who)
	case "say":
		err = s.Say(who, in.Text)
	case "picture":
		err = s.SendPicture(who, origin(r))
	case "read":
		err = s.Read(who)
	case "press":
		open, err = s.Press(who, in.Name)
	case "scan":
		err = s.Scan(who, in.Code)
	case "gift":
		err = s.Gift(who, in.Code, in.Name)
	case "accept":
		err = s.AcceptGift(who, in.Code)
	case "return":
		err = s.ReturnGift(who, in.Code)
	case "consume":
		err = s.StaffConsume(who, in.Code)
	case "view":
		err = s.ViewCard(who, in.Code)
	case "review":
		err = s.ReviewCard(in.Name, in.On, in.Text)
	case "mode":
		err = s.SetPush(in.Name, key)
	case "check":
		err = s.CheckCallback()
	case "switch":
		err = s.SetSwitch(in.Name, in.On)
	case "chance":
		err = s.SetChance(in.Name, in.Chance)
	case "resend":
		err = s.PushEvent(in.Event)
	case "persona", "visitor":
		err = s.handOver(w, r, in.Do == "visitor", in.Name)
	case "delete":
		s.mu.Lock()
		s.dropCard(s.personaOf(r), in.Code)
		s.mu.Unlock()
	case "notify":
		err = s.NotifyAgain(in.Code)
	case "clear":
		s.mu.Lock()
		s.entries = nil
		s.bump()
		s.mu.Unlock()
	default:
		err = fmt.Errorf("sandbox: nothing is called %q", in.Do)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if open != "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(compact(map[string]string{"open": open}))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) handOver(w http.ResponseWriter, r *http.Request, fresh bool, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.persona(id)
	if fresh {
		to = s.newVisitor()
	}
	if to == nil {
		return fmt.Errorf("sandbox: no persona is called %q", id)
	}
	s.switchPersona(w, r, to)
	return nil
}
