package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxEvents  = 200
	maxRetries = 3
)

// Event is a message that was or will be pushed.
type Event struct {
	ID     int64
	At     time.Time
	Name   string // user_get_card, …
	Body   string // the XML
	openID string
}

// pairs are the elements of an event in their order; values are ready XML.
type pairs [][2]string

// cdata wraps a text, whatever it holds.
func cdata(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// send stores an event and starts its delivery; the mutex is held.
func (s *Server) send(p *persona, name string, fields pairs) {
	now := s.opt.Now()
	var b strings.Builder
	head := pairs{
		{"ToUserName", cdata(s.opt.OriginalID)},
		{"FromUserName", cdata(p.openID)},
		{"CreateTime", unix(s.wireTime())},
		{"MsgType", cdata("event")},
		{"Event", cdata(name)},
	}
	b.WriteString("<xml>")
	for _, f := range append(head, fields...) {
		b.WriteString("<" + f[0] + ">" + f[1] + "</" + f[0] + ">")
	}
	b.WriteString("</xml>")
	s.eventID++
	e := &Event{ID: s.eventID, At: now, Name: name, Body: b.String(), openID: p.openID}
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
	d := delivery{event: e, address: s.opt.CallbackURL, wait: wait, forged: s.acts(pushBadSignature), skewed: s.acts(clockSkew)}
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
	address        string
	wait           time.Duration
	forged, skewed bool
}

// deliver posts an event and repeats it as protocol 6.4 says: at most three times, until
// the answer is "success" or empty.
func (s *Server) deliver(d delivery) {
	e, wait := d.event, d.wait
	for try := 0; try <= maxRetries; try++ {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-s.ctx.Done():
				return
			}
		}
		err := s.post(d)
		if s.ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		if err == nil {
			s.noteEvent(LevelOK, "push", fmt.Sprintf("推送 %s 成功（第 %d 次）", e.Name, try+1), fmt.Sprintf("%s delivered, try %d", e.Name, try+1), e.Body, e.ID)
			s.mu.Unlock()
			return
		}
		s.noteEvent(LevelRefused, "push", fmt.Sprintf("推送 %s 失败（第 %d 次）", e.Name, try+1), fmt.Sprintf("%s failed, try %d", e.Name, try+1), err.Error(), e.ID)
		s.mu.Unlock()
		wait = s.delays.retry
	}
}

// post sends an event once; every try is signed anew.
func (s *Server) post(d delivery) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.delays.pushTimeout)
	defer cancel()
	u, err := url.Parse(d.address)
	if err != nil {
		return errors.New("the callback address cannot be read")
	}
	now := s.opt.Now()
	if d.skewed {
		now = now.Add(skew)
	}
	stamp, nonce := unix(now), random(10, digits)
	parts := []string{s.opt.PushToken, stamp, nonce}
	if d.forged {
		parts[0] = "not the token"
	}
	slices.Sort(parts)
	query := "signature=" + sha1Hex(strings.Join(parts, "")) + "&timestamp=" + stamp + "&nonce=" + nonce + "&openid=" + d.event.openID
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&", "&") + query
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(d.event.Body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", "Mozilla/4.0")
	res, err := s.client.Do(req)
	if err != nil {
		// The error text would repeat the address with its openid.
		if errors.Is(err, context.DeadlineExceeded) {
			return errors.New("no answer in time")
		}
		return errors.New("no connection")
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	switch {
	case err != nil:
		return errors.New("the answer broke off")
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %d", res.StatusCode)
	case len(body) > 0 && string(body) != "success":
		return fmt.Errorf("answered %.80q instead of success", body)
	}
	return nil
}
