package campaigns

import (
	"context"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// ErrPushNotFound says that there is no such message in the inbox.
var ErrPushNotFound = fault.New(fault.NotFound, "events.not_found")

// ErrPushGone says that a message cannot be read again, as its text was erased.
var ErrPushGone = fault.New(fault.Conflict, "events.gone")

// Inbound is a message in the inbox.
type Inbound struct {
	ID         int64
	Account    AccountID
	Dedupe     string
	Event      string
	CardID     wechat.CardID
	Code       CardCode
	OldCode    CardCode
	Claim      ClaimID // 0 = none
	ClaimState ClaimState
	Result     PushResult
	Repeats    int
	At         time.Time // when WeChat says it happened
	Received   time.Time
	Repeated   time.Time     // the newest repeat
	Took       time.Duration // from the first byte to the commit
	Raw        []byte        // empty once the person's data was erased
}

// InboxFilter selects messages; zero values do not filter. Before is the keyset cursor.
type InboxFilter struct {
	Account  AccountID
	Event    string
	Result   PushResult // PushDuplicate selects what came more than once
	From, To time.Time  // received in [From, To)
	Search   string     // a code or an openid, exact
	Before   int64
	Limit    int
}

// InboxPage is one page; Next is the cursor of the following one, 0 at the end.
type InboxPage struct {
	Rows []Inbound
	Next int64
}

// Inbox is what the store does with messages of WeChat.
type Inbox interface {
	// RecordPush stores a message under its dedupe key and applies it to the claim found
	// by code, by ref, or by account, card and openid, in one transaction.
	RecordPush(ctx context.Context, p Push) (PushResult, error)
	// ReplayPush reads a stored message again. A repeat is safe. ErrPushNotFound, ErrPushGone.
	ReplayPush(ctx context.Context, id int64, mint Mint, audit Audit) (PushResult, error)
	// Messages is one page of the inbox, newest first, by keyset.
	Messages(ctx context.Context, f InboxFilter) (InboxPage, error)
	// MessageByID reads one; ErrPushNotFound otherwise.
	MessageByID(ctx context.Context, id int64) (Inbound, error)
	// PushTimes counts the messages of every hour that has some since a time.
	PushTimes(ctx context.Context, account AccountID, since time.Time) (map[time.Time]int, error)
	// LastPush is when an account last had a verified message; zero when never.
	LastPush(ctx context.Context, account string) (time.Time, error)
	// CardNotes are the notes on an account's cards, newest first.
	CardNotes(ctx context.Context, account AccountID) ([]CardNote, error)
}

// Messages is one page of the inbox.
func (s *Service) Messages(ctx context.Context, f InboxFilter) (InboxPage, error) {
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = PageSize
	}
	return s.store.Messages(ctx, f)
}

// Message reads one; ErrPushNotFound otherwise.
func (s *Service) Message(ctx context.Context, id int64) (Inbound, error) {
	return s.store.MessageByID(ctx, id)
}

// Reprocess reads a stored message again, as when the claim it is about was not there at
// first. What was applied already changes nothing.
func (s *Service) Reprocess(ctx context.Context, actor Actor, id int64) (PushResult, error) {
	return s.store.ReplayPush(ctx, id, s.mint, s.audit(actor, "events.reprocess", s.now().UTC(), nil))
}

// Activity is how many messages an account had in each of the last hours, the running one
// last. LastPush is when the newest came, zero when never.
func (s *Service) Activity(ctx context.Context, account AccountID, hours int) (counts []int, last time.Time, err error) {
	end := s.now().UTC().Truncate(time.Hour)
	since := end.Add(-time.Duration(hours-1) * time.Hour)
	times, err := s.store.PushTimes(ctx, account, since)
	if err != nil {
		return nil, last, err
	}
	counts = make([]int, hours)
	for hour, n := range times {
		if i := int(hour.Sub(since) / time.Hour); i >= 0 && i < hours {
			counts[i] = n
		}
	}
	last, err = s.store.LastPush(ctx, string(account))
	return counts, last, err
}

// CardNotes are what WeChat said last about the account's cards, newest first.
func (s *Service) CardNotes(ctx context.Context, account AccountID) ([]CardNote, error) {
	return s.store.CardNotes(ctx, account)
}
