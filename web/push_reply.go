package web

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"kaquan/wechat"
)

// Replier finds what to say to a message, nil for nothing. The visitor sees it as the
// answer when it comes within 2.5 seconds, and as a message of its own later; the context
// ends after ten seconds. A repeated message is not asked about again.
type Replier interface {
	Reply(ctx context.Context, account string, e wechat.Event) (wechat.Reply, error)
}

const (
	replyPatience = 2500 * time.Millisecond
	replyLimit    = 10 * time.Second
	replyWorkers  = 4
	replyQueue    = 256
	// replySpan is longer than the retries of WeChat, which come within some 15 seconds.
	replySpan   = time.Minute
	replyMemory = 5000
)

// talk is one message on its way to a reply.
type talk struct {
	account *wechat.Account
	event   wechat.Event
	done    chan struct{} // closed when reply is there
	reply   wechat.Reply

	mu       sync.Mutex
	finished bool
	late     bool // nobody waits any more: the reply goes out by itself
}

// chat asks the replier, outside of the requests that wait for it.
type chat struct {
	replier  Replier
	log      *slog.Logger
	now      func() time.Time
	patience time.Duration
	queue    chan *talk

	mu         sync.Mutex
	turned     time.Time
	young, old map[string]*talk // by dedupe key: a repeat gets the same reply
}

func newChat(r Replier, now func() time.Time, log *slog.Logger) *chat {
	return &chat{replier: r, log: log, now: now, patience: replyPatience, queue: make(chan *talk, replyQueue), young: map[string]*talk{}}
}

// Work asks for replies until ctx ends, and returns when the last one is done.
func (s *Server) Work(ctx context.Context) {
	var all sync.WaitGroup
	for range replyWorkers {
		all.Go(func() { s.chat.work(ctx) })
	}
	all.Wait()
}

// replyTo is the answer to a message, "success" when there is nothing to say.
func (s *Server) replyTo(ctx context.Context, account *wechat.Account, e wechat.Event, repeated bool) []byte {
	if s.Replier == nil || !e.Answerable() {
		return []byte(wechat.NoReply)
	}
	answer, err := wechat.RenderReply(e.FromUser, e.ToUser, s.Now(), s.chat.ask(ctx, account, e, repeated))
	if err != nil {
		s.Log.Error("reply not sent", "account", account.Credentials().Account, "err", err)
		return []byte(wechat.NoReply)
	}
	return answer
}

// ask waits for the reply to a message as long as there is time.
func (h *chat) ask(ctx context.Context, account *wechat.Account, e wechat.Event, repeated bool) wechat.Reply {
	t := h.find(account, e, repeated)
	if t == nil {
		return nil
	}
	timer := time.NewTimer(h.patience)
	defer timer.Stop()
	select {
	case <-t.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.finished {
		t.late = true
	}
	if t.late {
		return nil
	}
	return t.reply
}

// find is the talk about a message: a new one in the queue, or the one that a repeat
// belongs to. nil for repeats of what is forgotten, and when the queue is full.
func (h *chat) find(account *wechat.Account, e wechat.Event, repeated bool) *talk {
	key := e.DedupeKey(account.Credentials().Account)
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.turned) > replySpan || len(h.young) >= replyMemory {
		h.old, h.young, h.turned = h.young, map[string]*talk{}, now
	}
	if t := h.young[key]; t != nil {
		return t
	}
	if t := h.old[key]; t != nil || repeated {
		return t
	}
	t := &talk{account: account, event: e, done: make(chan struct{})}
	select {
	case h.queue <- t:
		h.young[key] = t
		return t
	default:
		h.log.Warn("too many messages wait for a reply", "account", account.Credentials().Account)
		return nil
	}
}

func (h *chat) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-h.queue:
			if err := h.answer(ctx, t); err != nil && ctx.Err() == nil {
				h.log.Error("reply", "account", t.account.Credentials().Account, "err", err)
			}
		}
	}
}

// answer finds the reply, and sends it itself when nobody waits for it any more.
func (h *chat) answer(ctx context.Context, t *talk) (err error) {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		t.finish(nil)
	}()
	reply, err := h.replier.Reply(ctx, t.account.Credentials().Account, t.event)
	if err != nil {
		return err
	}
	if late := t.finish(reply); !late || reply == nil {
		return nil
	}
	return t.account.SendCustom(ctx, wechat.OpenID(t.event.FromUser), reply)
}

// finish hands the reply to whoever waits; late reports that nobody does. A repeat changes
// nothing.
func (t *talk) finish(reply wechat.Reply) (late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.finished {
		t.finished, t.reply = true, reply
		close(t.done)
	}
	return t.late
}
