package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Who says what a bubble holds.
const (
	fromPerson  = "me"
	fromAccount = "account"
	fromSystem  = "system" // WeChat itself
)

const (
	maxBubbles = 100
	maxText    = 2048 // bytes of a text of the account
)

// bubble is one thing in the chat of a person with the account.
type bubble struct {
	ID    int64     `json:"id"`
	At    time.Time `json:"at"`
	From  string    `json:"from"`
	Kind  string    `json:"kind"` // text, image, news
	Text  string    `json:"text"` // of news the description
	Title string    `json:"title,omitempty"`
	Image string    `json:"image,omitempty"`
	Link  string    `json:"link,omitempty"`
}

// chat is what a person and the account have to do with each other.
type chat struct {
	following bool
	since     time.Time
	via       string // ADD_SCENE_…
	scene     *scene // that led the person here
	bubbles   []bubble
	unread    int
	windows   []*window
}

// window is a time in which the account may write, and how often (protocol 7.5).
type window struct {
	life  time.Duration
	until time.Time
	left  int
}

// Windows that a person opens.
const (
	messageWindow = 48 * time.Hour
	messageCount  = 5
	actionWindow  = time.Minute
	actionCount   = 3
)

// tell puts a bubble into a chat; the mutex is held.
func (s *Server) tell(p *persona, b bubble) {
	s.bubbleID++
	b.ID, b.At = s.bubbleID, s.opt.Now()
	p.chat.bubbles = append(p.chat.bubbles, b)
	if extra := len(p.chat.bubbles) - maxBubbles; extra > 0 {
		p.chat.bubbles = slices.Clone(p.chat.bubbles[extra:])
	}
	if b.From != fromPerson {
		p.chat.unread++
	}
	s.bump()
}

// opens gives the account a time to write in; the mutex is held. The windows of messages
// and of actions are apart, and a new one replaces the one before it.
func (s *Server) opens(p *persona, life time.Duration, count int) {
	now := s.opt.Now()
	p.chat.windows = slices.DeleteFunc(p.chat.windows, func(w *window) bool {
		return !now.Before(w.until) || w.life == life
	})
	p.chat.windows = append(p.chat.windows, &window{life, now.Add(life), count})
}

// inChat finds a person who can talk to the account.
func (s *Server) inChat(id string, follower bool) (*persona, error) {
	p := s.persona(id)
	switch {
	case p == nil:
		return nil, fmt.Errorf("sandbox: no persona is called %q", id)
	case p.kind == kindPC:
		return nil, errors.New("电脑上没有微信 · not in WeChat")
	case follower && !p.chat.following:
		return nil, errors.New("先关注公众号 · follow the account first")
	}
	return p, nil
}

// Follow lets a persona follow the account, as from its profile. Following twice is one.
func (s *Server) Follow(personaID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, false)
	if err != nil {
		return err
	}
	if !p.chat.following {
		s.follows(p, "ADD_SCENE_PROFILE_CARD", nil)
	}
	return nil
}

// follows makes a follower; the mutex is held.
func (s *Server) follows(p *persona, via string, from *scene) {
	c := &p.chat
	c.following, c.since, c.via, c.scene = true, s.opt.Now(), via, from
	s.opens(p, actionWindow, actionCount)
	s.note(LevelOK, "chat", p.name+" 关注了公众号", p.id+" follows the account", via)
	fields := pairs{{"EventKey", cdata("")}}
	if from != nil {
		fields = pairs{{"EventKey", cdata("qrscene_" + from.value())}, {"Ticket", cdata(from.ticket)}}
	}
	s.send(p, "subscribe", fields)
}

// Unfollow ends it; the chat is gone from the phone. Safe to repeat.
func (s *Server) Unfollow(personaID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, false)
	if err != nil || !p.chat.following {
		return err
	}
	p.chat = chat{}
	s.note(LevelInfo, "chat", p.name+" 取消关注", p.id+" unfollowed the account", "")
	s.send(p, "unsubscribe", pairs{{"EventKey", cdata("")}})
	return nil
}

// Say sends a text of a follower to the account. Texts are cut to 600 characters.
func (s *Server) Say(personaID, text string) error {
	text = strings.TrimSpace(strings.Map(wireRune, strings.ToValidUTF8(text, "")))
	if utf8.RuneCountInString(text) > 600 {
		text = string([]rune(text)[:600])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, true)
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("消息是空的 · the message is empty")
	}
	s.tell(p, bubble{From: fromPerson, Kind: "text", Text: text})
	s.opens(p, messageWindow, messageCount)
	s.sendMessage(p, "text", pairs{{"Content", cdata(text)}})
	return nil
}

// wireRune drops what XML cannot carry.
func wireRune(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
		return -1
	}
	return r
}

// SendPicture sends a picture of a follower to the account. Base is the sandbox's own
// address, such as http://127.0.0.1:8090, under which the account can fetch it.
func (s *Server) SendPicture(personaID, base string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, true)
	if err != nil {
		return err
	}
	pic := s.keep(sampleImage(p.hue))
	s.tell(p, bubble{From: fromPerson, Kind: "image", Image: pic.path()})
	s.opens(p, messageWindow, messageCount)
	s.sendMessage(p, "image", pairs{{"PicUrl", cdata(base + pic.path())}, {"MediaId", cdata(pic.id)}})
	return nil
}

// Read marks the bubbles of a persona as seen.
func (s *Server) Read(personaID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.inChat(personaID, false)
	if err == nil && p.chat.unread > 0 {
		p.chat.unread = 0
		s.bump()
	}
	return err
}

// Bubbles are the texts in the chat of a persona, oldest first: who said it, a colon and
// the text, or the title and link of an article, or the address of a picture.
func (s *Server) Bubbles(personaID string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []string{}
	if p := s.persona(personaID); p != nil {
		for _, b := range p.chat.bubbles {
			list = append(list, b.From+":"+map[string]string{"text": b.Text, "image": b.Image, "news": b.Title + " " + b.Link}[b.Kind])
		}
	}
	return list
}

type chatView struct {
	Name      string      `json:"name"`
	Following bool        `json:"following"`
	Unread    int         `json:"unread"`
	Bubbles   []bubble    `json:"bubbles"`
	Menu      []button    `json:"menu"`
	Scenes    []sceneView `json:"scenes"`
}

func (s *Server) chatView(p *persona) chatView {
	v := chatView{
		Name: s.opt.AccountName, Following: p.chat.following, Unread: p.chat.unread,
		Bubbles: append([]bubble{}, p.chat.bubbles...), Menu: append([]button{}, s.menu...), Scenes: []sceneView{},
	}
	for _, x := range slices.Backward(s.scenes[max(0, len(s.scenes)-shownScenes):]) {
		v.Scenes = append(v.Scenes, sceneView{x.ticket, x.value(), x.until.IsZero(), x.over(s.opt.Now()), x.scans})
	}
	return v
}
