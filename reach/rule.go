package reach

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kaquan/fault"
	"kaquan/wechat"
)

// Trigger is the occasion of a rule.
type Trigger string

// The triggers.
const (
	OnKeyword Trigger = "keyword" // a text message
	OnFollow  Trigger = "follow"  // somebody follows the account
	OnScene   Trigger = "scene"   // somebody scans a scene code
	OnClick   Trigger = "click"   // somebody taps a menu button with a key
	OnElse    Trigger = "else"    // a message that no other rule answers
)

// Triggers are all of them, in the order of the editor.
var Triggers = []Trigger{OnKeyword, OnFollow, OnScene, OnClick, OnElse}

// HasWords reports whether rules of the trigger name what they wait for.
func (t Trigger) HasWords() bool { return t == OnKeyword || t == OnScene || t == OnClick }

// Kind is what a rule answers with.
type Kind string

// The kinds of answers.
const (
	SayText     Kind = "text"
	SayPicture  Kind = "picture"
	SayCampaign Kind = "campaign" // an article that opens the campaign
)

// Kinds are all of them, in the order of the editor.
var Kinds = []Kind{SayText, SayPicture, SayCampaign}

// LinkMark stands in a text where the campaign's link goes.
const LinkMark = "{link}"

// Limits of rules.
const (
	MaxRules    = 200 // of an account
	MaxWords    = 20  // of a rule
	MaxWord     = 64  // characters
	MaxPriority = 100
	maxName     = 40
)

// Rule is one answer and its occasion.
type Rule struct {
	ID       int64
	Account  string
	Name     string // for staff; "" = the first word
	Trigger  Trigger
	Contains bool     // keywords match inside of a message too
	Words    []string // keywords, scenes or menu keys
	Kind     Kind
	Text     string // of SayText; LinkMark becomes the link
	Campaign int64  // 0 = none
	Channel  string // travels in the link; "" = that of the scanned scene
	Title    string // of SayCampaign; "" = the campaign's own, as for the next two
	Detail   string
	Image    string // http(s) address
	Picture  int64  // of SayPicture
	Priority int    // higher goes first
	Enabled  bool
	Hits     int64
	LastHit  time.Time // UTC

	Media wechat.Media // of the picture, as stored; not written with the rule
}

// Label is what lists call the rule: its name, or what it waits for.
func (r *Rule) Label() string {
	if r.Name != "" || len(r.Words) == 0 {
		return r.Name
	}
	return strings.Join(r.Words, " / ")
}

// Campaign is what answers say about a campaign.
type Campaign struct {
	ID                   int64
	Name                 string // for staff
	Slug                 string
	Title, Detail, Image string
	Public               bool // visitors can open its page
}

// Errors of rules.
var (
	ErrRuleNotFound    = fault.New(fault.NotFound, "reach.error.rule_not_found")
	ErrPictureNotFound = fault.New(fault.NotFound, "reach.error.picture_not_found")
	ErrTooManyRules    = fault.New(fault.Invalid, "reach.error.too_many_rules", "max", MaxRules)
	errPicture         = fault.New(fault.Invalid, "reach.error.picture", "max", MaxPicture>>10).On("picture")
)

var channelPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,24}$`)

// problems checks everything that needs no look at the store. Fields: name, trigger, words,
// kind, text, campaign, channel, title, detail, image, picture, priority.
func (r *Rule) problems() fault.List {
	var list fault.List
	bad := func(field, key string, args ...any) {
		list = append(list, fault.New(fault.Invalid, key, args...).On(field))
	}
	line := func(field, text string, limit int) {
		switch {
		case utf8.RuneCountInString(text) > limit:
			bad(field, "reach.error.too_long", "max", limit, "count", utf8.RuneCountInString(text))
		case !printable(text):
			bad(field, "reach.error.characters")
		}
	}
	line("name", r.Name, maxName)
	switch {
	case !known(Triggers, r.Trigger):
		bad("trigger", "reach.error.choose")
	case r.Trigger.HasWords() && len(r.Words) == 0:
		bad("words", "reach.error.required")
	case len(r.Words) > MaxWords:
		bad("words", "reach.error.too_many_words", "max", MaxWords)
	}
	for _, word := range r.Words {
		n := utf8.RuneCountInString(word)
		if n > MaxWord || !printable(word) || r.Trigger == OnKeyword && fold(word) == "" {
			bad("words", "reach.error.word", "word", short(word), "max", MaxWord)
			break
		}
	}
	if r.Channel != "" && !channelPattern.MatchString(r.Channel) {
		bad("channel", "reach.error.channel")
	}
	if r.Priority < 0 || r.Priority > MaxPriority {
		bad("priority", "reach.error.priority", "max", MaxPriority)
	}
	switch r.Kind {
	case SayText:
		if strings.TrimSpace(r.Text) == "" {
			bad("text", "reach.error.required")
		}
		if strings.Contains(r.Text, LinkMark) && r.Campaign == 0 {
			bad("campaign", "reach.error.link_without_campaign")
		}
	case SayPicture:
		if r.Picture == 0 {
			bad("picture", "reach.error.required")
		}
	case SayCampaign:
		if r.Campaign == 0 {
			bad("campaign", "reach.error.required")
		}
		line("title", r.Title, wechat.MaxArticleTitle)
		line("detail", r.Detail, wechat.MaxArticleText)
	default:
		bad("kind", "reach.error.choose")
	}
	return list
}

// replyField is the field of the editor that a refused answer is about.
func replyField(code int) (field, key string) {
	switch code {
	case 45003:
		return "title", "reach.error.title"
	case 45004:
		return "detail", "reach.error.detail"
	case 45005:
		return "image", "reach.error.image"
	}
	return "text", "reach.error.text"
}

// SaveRule checks and stores a rule; 0 as id makes a new one. Problems come back as a
// fault.List on the editor's fields. Hits are not touched. Repeating an edit is safe.
func (s *Service) SaveRule(ctx context.Context, r Rule) (int64, error) {
	if !r.Trigger.HasWords() {
		r.Words = nil
	}
	r.Contains = r.Contains && r.Trigger == OnKeyword
	list := r.problems()
	if r.Campaign != 0 {
		c, err := s.store.ReachCampaign(ctx, r.Account, r.Campaign)
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			list = append(list, fault.New(fault.Invalid, "reach.error.campaign").On("campaign"))
		case err != nil:
			return 0, err
		case len(list) == 0 && r.Kind != SayPicture:
			if e := refusal(wechat.CheckReply(s.words(&r, c, strings.Repeat("c", 24)))); e != nil {
				list = append(list, e)
			}
		}
	} else if len(list) == 0 && r.Kind == SayText {
		if e := refusal(wechat.CheckReply(wechat.Text{Content: r.Text})); e != nil {
			list = append(list, e)
		}
	}
	if r.Picture != 0 && r.Kind == SayPicture {
		if _, err := s.store.ReplyPicture(ctx, r.Account, r.Picture); fault.CodeOf(err) == fault.NotFound {
			list = append(list, errPicture)
		} else if err != nil {
			return 0, err
		}
	}
	if err := list.OrNil(); err != nil {
		return 0, err
	}
	return s.store.SaveReplyRule(ctx, r, s.now().UTC())
}

// Rules are an account's, in the order in which they are tried.
func (s *Service) Rules(ctx context.Context, account string) ([]Rule, error) {
	rules, err := s.store.ReplyRules(ctx, account)
	inOrder(rules)
	return rules, err
}

// Rule finds one; ErrRuleNotFound otherwise.
func (s *Service) Rule(ctx context.Context, account string, id int64) (Rule, error) {
	return s.store.ReplyRule(ctx, account, id)
}

// SwitchRule turns a rule on or off. A repeat is safe.
func (s *Service) SwitchRule(ctx context.Context, account string, id int64, on bool) error {
	return s.store.SwitchReplyRule(ctx, account, id, on)
}

// DeleteRule forgets a rule and the pictures that no rule uses. A repeat is safe.
func (s *Service) DeleteRule(ctx context.Context, account string, id int64) error {
	return s.store.DeleteReplyRule(ctx, account, id)
}

func refusal(err error) *fault.Error {
	if err == nil {
		return nil
	}
	code := 0
	if e := apiError(err); e != nil {
		code = e.Code
	}
	field, key := replyField(code)
	return fault.New(fault.Invalid, key, "max", wechat.MaxReplyText).On(field).Because(err)
}

func known[T comparable](all []T, one T) bool {
	for _, x := range all {
		if x == one {
			return true
		}
	}
	return false
}

// printable reports whether a line has nothing that hides or turns text.
func printable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return false
		}
	}
	return true
}

// short is a word as messages quote it.
func short(word string) string {
	if r := []rune(word); len(r) > 20 {
		return string(r[:20]) + "…"
	}
	return word
}
