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
		{"CreateTime", unix(now)},
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
	case s.flags[pushOff]:
		s.noteEvent(LevelInfo, "push", "开关起作用：没有推送 "+e.Name, "switch at work: "+e.Name+" was not pushed", "", e.ID)
		return
	case s.opt.CallbackURL == "":
		s.noteEvent(LevelInfo, "push", "没有填写推送地址："+e.Name, "no callback address for "+e.Name, "", e.ID)
		return
	}
	var wait time.Duration
	if s.flags[pushLate] {
		wait = s.delays.late
	}
	times := 1
	if s.flags[pushTwice] {
		times = 2
	}
	address, forged := s.opt.CallbackURL, s.flags[pushBadSignature]
	for range times {
		s.pushes.Go(func() { s.deliver(e, address, wait, forged) })
	}
}

// deliver posts an event and repeats it as protocol 6.4 says: at most three times, until
// the answer is "success" or empty.
func (s *Server) deliver(e *Event, address string, wait time.Duration, forged bool) {
	for try := 0; try <= maxRetries; try++ {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-s.ctx.Done():
				return
			}
		}
		err := s.post(e, address, forged)
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
func (s *Server) post(e *Event, address string, forged bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.delays.pushTimeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("the callback address cannot be read")
	}
	stamp, nonce := unix(s.opt.Now()), random(10, digits)
	parts := []string{s.opt.PushToken, stamp, nonce}
	if forged {
		parts[0] = "not the token"
	}
	slices.Sort(parts)
	query := "signature=" + sha1Hex(strings.Join(parts, "")) + "&timestamp=" + stamp + "&nonce=" + nonce + "&openid=" + e.openID
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&", "&") + query
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(e.Body))
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
