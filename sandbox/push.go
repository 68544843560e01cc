package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxEvents  = 200
	maxRetries = 3
)

// How pushes are written (protocol 6.2).
const (
	PushPlain     = "plain"     // XML
	PushMixed     = "mixed"     // XML, and the same encrypted inside of it
	PushEncrypted = "encrypted" // encrypted only
)

// Event is an event or a message of a person that was or will be pushed.
type Event struct {
	ID   int64
	At   time.Time
	Name string // user_get_card, subscribe, …; of a message its type: text, image
	Body string // the XML, before encryption

	person     *persona
	answerable bool // may be answered with a message of the account
	answered   bool // the person has seen what came back
}

// pairs are the elements of an event in their order; values are ready XML.
type pairs [][2]string

// cdata wraps a text, whatever it holds.
func cdata(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// answerable are the events that the account may answer with a message (protocol 6.4).
var answerable = []string{"subscribe", "SCAN", "CLICK"}

// send stores an event and starts its delivery; the mutex is held.
func (s *Server) send(p *persona, name string, fields pairs) {
	s.store(p, name, slices.Contains(answerable, name), append(pairs{{"MsgType", cdata("event")}, {"Event", cdata(name)}}, fields...))
}

// sendMessage stores a message that a person wrote to the account and starts its
// delivery; the mutex is held. Repetitions carry the same MsgId.
func (s *Server) sendMessage(p *persona, kind string, fields pairs) {
	s.messageID++
	id := strconv.FormatInt(24_000_000_000_000_000+s.opt.Now().Unix()*1000+s.messageID, 10)
	s.store(p, kind, true, append(append(pairs{{"MsgType", cdata(kind)}}, fields...), [2]string{"MsgId", id}))
}

func (s *Server) store(p *persona, name string, answerable bool, fields pairs) {
	var b strings.Builder
	head := pairs{
		{"ToUserName", cdata(s.opt.OriginalID)},
		{"FromUserName", cdata(p.openID)},
		{"CreateTime", unix(s.wireTime())},
	}
	b.WriteString("<xml>")
	for _, f := range append(head, fields...) {
		b.WriteString("<" + f[0] + ">" + f[1] + "</" + f[0] + ">")
	}
	b.WriteString("</xml>")
	s.eventID++
	e := &Event{ID: s.eventID, At: s.opt.Now(), Name: name, Body: b.String(), person: p, answerable: answerable}
	s.events = append(s.events, e)
	if extra := len(s.events) - maxEvents; extra > 0 {
		s.events = slices.Clone(s.events[extra:])
	}
	s.dispatch(e)
}

// Events returns the last 200 events, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Event, len(s.events))
	for i, e := range s.events {
		list[i] = *e
	}
	return list
}

// PushEvent sends a stored event again, the newest one for id 0. The body is the same as
// before, so the receiver must know it as a repetition.
func (s *Server) PushEvent(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range slices.Backward(s.events) {
		if id == 0 || e.ID == id {
			s.dispatch(e)
			return nil
		}
	}
	return fmt.Errorf("sandbox: no event %d is stored", id)
}

// dispatch starts the goroutines that deliver an event; the mutex is held.
func (s *Server) dispatch(e *Event) {
	switch {
	case s.closed:
		return
	case s.acts(pushOff):
		s.noteEvent(LevelInfo, "push", "开关起作用：没有推送 "+e.Name, "switch at work: "+e.Name+" was not pushed", "", e.ID)
		return
	case s.opt.CallbackURL == "":
		s.noteEvent(LevelInfo, "push", "没有填写推送地址："+e.Name, "no callback address for "+e.Name, "", e.ID)
		return
	}
	var wait time.Duration
	if s.acts(pushLate) {
		wait = s.delays.late
	}
	times := 1
	if s.acts(pushTripled) {
		times = 3
	}
	d := delivery{event: e, line: s.line(), wait: wait, forged: s.acts(pushBadSignature), skewed: s.acts(clockSkew)}
	before, after := s.place()
	s.pushes.Go(func() {
		if after != nil {
			defer close(after)
		}
		s.queue(before)
		var copies sync.WaitGroup
		for range times {
			copies.Go(func() { s.deliver(d) })
		}
		copies.Wait()
	})
}

// place puts an event into the order of deliveries; the mutex is held. With the switch
// on, every second event overtakes the one before it: the first waits for a channel, and
// the second closes it when it has arrived. Both are nil otherwise.
func (s *Server) place() (before <-chan struct{}, after chan<- struct{}) {
	if turn := s.turn; turn != nil {
		s.turn = nil
		return nil, turn
	}
	if !s.acts(pushReordered) {
		return nil, nil
	}
	s.turn = make(chan struct{})
	return s.turn, nil
}

// queue waits until the event behind this one has overtaken it. When none comes in time,
// it goes on alone.
func (s *Server) queue(before <-chan struct{}) {
	if before == nil {
		return
	}
	timer := time.NewTimer(s.delays.late)
	defer timer.Stop()
	select {
	case <-before:
		return
	case <-timer.C:
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	overtaken := s.turn != before
	if !overtaken {
		s.turn = nil
	}
	s.mu.Unlock()
	if overtaken {
		select {
		case <-before:
		case <-s.ctx.Done():
		}
	}
}

// wireTime is the time that pushes carry; the mutex is held.
func (s *Server) wireTime() time.Time {
	if s.acts(clockSkew) {
		return s.opt.Now().Add(skew)
	}
	return s.opt.Now()
}

// delivery is one event on its way, with what the switches do to it.
type delivery struct {
	event          *Event
	line           line
	wait           time.Duration
	forged, skewed bool
}

// line is how the callback is reached: what the console of the account holds.
type line struct {
	address, mode string
	crypt         *crypt // nil in plain mode
}

// line is taken when a delivery starts, so that its tries are alike; the mutex is held.
func (s *Server) line() line {
	return line{s.opt.CallbackURL, s.opt.PushMode, s.crypt}
}

// setPush is SetPush; the mutex is held.
func (s *Server) setPush(mode, key string) error {
	if mode == "" {
		mode = PushPlain
	}
	if !slices.Contains([]string{PushPlain, PushMixed, PushEncrypted}, mode) {
		return fmt.Errorf("sandbox: no push mode is called %q", mode)
	}
	var c *crypt
	if mode != PushPlain {
		var err error
		if c, err = newCrypt(s.opt.AppID, key); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	s.opt.PushMode, s.opt.AESKey, s.crypt = mode, key, c
	return nil
}

// SetPush changes how pushes are written and with which EncodingAESKey. It refuses unknown
// modes, and keys that are not 43 characters of base64 unless the mode is plain.
func (s *Server) SetPush(mode, aesKey string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.setPush(mode, aesKey); err != nil {
		return err
	}
	s.note(LevelInfo, "push", "推送方式："+s.opt.PushMode, "push mode: "+s.opt.PushMode, "")
	return nil
}

// faults that a callback shows.
var (
	errSlow    = errors.New("no answer in time")
	errNoLine  = errors.New("no connection")
	errAddress = errors.New("the callback address cannot be read")
)

// maxAnswer is the longest answer that is read.
const maxAnswer = 64 << 10

// deliver posts an event and repeats it as protocol 6.4 says: at most three times, until
// the answer is "success" or empty. What may be answered may also come back with a
// message; a malformed one is not asked for again, the person sees that it failed.
func (s *Server) deliver(d delivery) {
	e, wait := d.event, d.wait
	for try := 1; try <= maxRetries+1; try++ {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-s.ctx.Done():
				return
			}
		}
		body, err := s.post(d)
		if s.ctx.Err() != nil {
			return
		}
		var said *bubble
		arrived := err == nil
		if arrived && body != "" && body != "success" {
			err = fmt.Errorf("answered %.80q instead of success", body)
			if e.answerable {
				said, err = s.readReply(d, body)
			}
		}
		s.mu.Lock()
		if err == nil {
			s.noteEvent(LevelOK, "push", fmt.Sprintf("推送 %s 成功（第 %d 次）", e.Name, try), fmt.Sprintf("%s delivered, try %d", e.Name, try), e.Body, e.ID)
			if said != nil && !e.answered {
				e.answered = true
				s.tell(e.person, *said)
			}
			s.mu.Unlock()
			return
		}
		s.noteEvent(LevelRefused, "push", fmt.Sprintf("推送 %s 失败（第 %d 次）", e.Name, try), fmt.Sprintf("%s failed, try %d", e.Name, try), err.Error(), e.ID)
		over := e.answerable && (arrived || try > maxRetries)
		if over {
			s.broken(e, err)
		}
		s.mu.Unlock()
		if over {
			return
		}
		wait = s.delays.retry
	}
}

// broken is what a person sees when the account does not answer as it must; the mutex is held.
func (s *Server) broken(e *Event, err error) {
	s.noteEvent(LevelRefused, "push", "该公众号暂时无法提供服务，请稍后再试："+e.Name, "the account's answer to "+e.Name+" cannot be used", err.Error(), e.ID)
	if !e.answered {
		e.answered = true
		s.tell(e.person, bubble{From: fromSystem, Kind: "text", Text: "该公众号提供的服务出现故障，请稍后再试"})
	}
}

// envelope writes an event as the mode of the account asks, and what the query gains.
func (d *delivery) envelope(originalID, token, stamp, nonce string) (body, query string) {
	body = d.event.Body
	if d.line.crypt == nil {
		return body, ""
	}
	sealed := d.line.crypt.seal(random(16, letters), []byte(body))
	element := "<Encrypt>" + cdata(sealed) + "</Encrypt>"
	if d.line.mode == PushMixed {
		body = strings.TrimSuffix(body, "</xml>") + element + "</xml>"
	} else {
		body = "<xml><ToUserName>" + cdata(originalID) + "</ToUserName>" + element + "</xml>"
	}
	return body, "&encrypt_type=aes&msg_signature=" + pushSignature(token, stamp, nonce, sealed)
}

// post sends an event once and returns the answer's body; every try is signed anew.
func (s *Server) post(d delivery) (string, error) {
	now, token := s.opt.Now(), s.opt.PushToken
	if d.skewed {
		now = now.Add(skew)
	}
	if d.forged {
		token = "not the token"
	}
	stamp, nonce := unix(now), random(10, digits)
	body, more := d.envelope(s.opt.OriginalID, token, stamp, nonce)
	return s.call(http.MethodPost, d.line.address, "signature="+pushSignature(token, stamp, nonce)+"&timestamp="+stamp+"&nonce="+nonce+"&openid="+d.event.person.openID+more, body)
}

// call is one request to the callback.
func (s *Server) call(method, address, query, body string) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.delays.pushTimeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil {
		return "", errAddress
	}
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&", "&") + query
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return "", errAddress
	}
	if body != "" {
		req.Header.Set("Content-Type", "text/xml")
	}
	req.Header.Set("User-Agent", "Mozilla/4.0")
	res, err := s.client.Do(req)
	if err != nil {
		// The error text would repeat the address with its openid.
		if errors.Is(err, context.DeadlineExceeded) {
			return "", errSlow
		}
		return "", errNoLine
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", errSlow
	case err != nil:
		return "", errors.New("the answer broke off")
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("answered %d", res.StatusCode)
	case len(answer) > maxAnswer:
		return "", errors.New("the answer is too long")
	}
	return string(answer), nil
}

// CheckCallback asks the callback address to prove itself with an echostr, as the console
// does when the address is saved (protocol 6.1). The error says what is wrong, nil means
// that WeChat would take the address. Safe to repeat.
func (s *Server) CheckCallback() error {
	s.mu.Lock()
	address := s.opt.CallbackURL
	s.mu.Unlock()
	err := errors.New("no callback address is set")
	if address != "" {
		stamp, nonce, echo := unix(s.opt.Now()), random(10, digits), random(19, digits)
		var answer string
		answer, err = s.call(http.MethodGet, address, "signature="+pushSignature(s.opt.PushToken, stamp, nonce)+"&timestamp="+stamp+"&nonce="+nonce+"&echostr="+echo, "")
		if err == nil && answer != echo {
			err = fmt.Errorf("answered %.80q instead of the echostr", answer)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.note(LevelRefused, "push", "验证地址失败（Token 验证失败）", "the callback address did not prove itself", err.Error())
		return fmt.Errorf("sandbox: callback check: %w", err)
	}
	s.note(LevelOK, "push", "验证地址成功", "the callback address proved itself", address)
	return nil
}
