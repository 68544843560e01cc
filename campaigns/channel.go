package campaigns

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kaquan/fault"
)

// Channel is a place where a campaign's code hangs: a poster, a shop, an article. Its code
// travels in the link, in the OAuth state and into the claim's row; events of WeChat find
// the claim by its ref, so a claim never changes its channel.
type Channel struct {
	Campaign  ID
	Code      string // ch in links: 1 to 40 of 0-9 A-Z a-z _ -, fixed for life
	Short     string // of /q/{short}: 8 letters that nobody guesses
	Name      string // at most 60 characters, once per campaign
	Note      string // at most 200 characters
	Cost      int64  // what the channel cost altogether, in fen
	Disabled  bool   // its links work without the channel
	CreatedAt time.Time
}

// ChannelStats is a channel with its numbers. Claims are the confirmed ones and beyond.
type ChannelStats struct {
	Channel
	Scans    int64
	LastScan time.Time // zero = never
	Claims   int64
}

// CostPerClaim is the cost of one claim in fen, rounded to the nearest; ok is false without
// claims.
func (s *ChannelStats) CostPerClaim() (fen int64, ok bool) { return CostPerClaim(s.Cost, s.Claims) }

// CostPerClaim divides a cost in fen by claims, rounded to the nearest fen, half a fen up.
func CostPerClaim(cost, claims int64) (fen int64, ok bool) {
	if claims <= 0 {
		return 0, false
	}
	return (2*cost + claims) / (2 * claims), true
}

// ClaimRate is claims per thousand scans; ok is false without scans. Shared links bring
// claims without a scan, so it can exceed 1000.
func (s *ChannelStats) ClaimRate() (permille int64, ok bool) {
	if s.Scans <= 0 {
		return 0, false
	}
	return (2*1000*s.Claims + s.Scans) / (2 * s.Scans), true
}

// Percent writes thousandths as a percentage: 125 is 12.5%.
func Percent(permille int64) string {
	return strconv.FormatInt(permille/10, 10) + "." + strconv.FormatInt(permille%10, 10) + "%"
}

// QuietAfter is how long a channel of a running campaign may stay without a scan.
const QuietAfter = 3 * 24 * time.Hour

// Quiet reports whether something may be wrong with a channel: the campaign runs and nobody
// has scanned it for QuietAfter.
func (s *ChannelStats) Quiet(c *Campaign, now time.Time) bool {
	if s.Disabled || c.State(now) != Running {
		return false
	}
	last := s.LastScan
	for _, t := range []time.Time{s.CreatedAt, c.StartsAt} {
		if t.After(last) {
			last = t
		}
	}
	return now.Sub(last) >= QuietAfter
}

// ChannelDraft is a channel as somebody typed it. An empty Code is drawn.
type ChannelDraft struct {
	Name, Code, Note string
	Cost             string // yuan, at most two decimals; "" = 0
	Row              int    // of the list that it stands in, from 1; 0 = typed alone
}

// Bounds of channels.
const (
	MaxChannels    = 5000 // of one campaign
	MaxChannelRows = 2000 // of one list
	maxChannelCost = 100_000_000_00
)

// Errors of channels.
var (
	ErrChannelNotFound = fault.New(fault.NotFound, "channels.error.not_found")
	ErrChannelUsed     = fault.New(fault.Conflict, "channels.error.used")
	ErrChannelCode     = fault.New(fault.Invalid, "channels.error.code_taken")
	ErrChannelName     = fault.New(fault.Invalid, "channels.error.name_taken")
	ErrChannelsFull    = fault.New(fault.Invalid, "channels.error.full", "max", MaxChannels)
)

var (
	channelPattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,40}$`)
	shortPattern   = regexp.MustCompile(`^[1-9A-HJ-NP-Za-km-z]{8}$`)
	yuanPattern    = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,2})?$`)
)

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// drawCode is 8 letters of base 58: about 47 bits.
func drawCode() string {
	var letters [8]byte
	for i := range letters {
		letters[i] = base58[randomBelow(uint64(len(base58)))]
	}
	return string(letters[:])
}

// ParseYuan reads an amount such as 1200, ¥1,200.5 or ２０元 as fen. ok is false for
// anything else, for less than nothing and for more than a hundred million yuan.
func ParseYuan(text string) (fen int64, ok bool) {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == '．':
			return '.'
		case strings.ContainsRune(" ,，¥￥元\u00a0", r):
			return -1
		}
		return r
	}, text)
	if !yuanPattern.MatchString(text) {
		return 0, false
	}
	whole, cents, _ := strings.Cut(text, ".")
	fen, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	return fen, err == nil && fen <= maxChannelCost
}

// channel checks a draft; problems stand on name, code, note and cost.
func (d ChannelDraft) channel() (Channel, fault.List) {
	var problems fault.List
	text := func(field, value string, limit int) string {
		clean := strings.TrimSpace(cleanLine(value))
		if n := len([]rune(clean)); n > limit {
			problems = append(problems, fault.New(fault.Invalid, "campaign.error.too_long", "max", limit, "count", n).On(field))
		}
		return clean
	}
	c := Channel{Name: text("name", d.Name, 60), Note: text("note", d.Note, 200), Code: strings.TrimSpace(d.Code)}
	if c.Name == "" {
		problems = append(problems, fault.New(fault.Invalid, "campaign.error.required").On("name"))
	}
	if c.Code != "" && !channelPattern.MatchString(c.Code) {
		problems = append(problems, fault.New(fault.Invalid, "channels.error.code").On("code"))
	}
	if cost := strings.TrimSpace(d.Cost); cost != "" {
		fen, ok := ParseYuan(cost)
		if !ok {
			problems = append(problems, fault.New(fault.Invalid, "channels.error.cost").On("cost"))
		}
		c.Cost = fen
	}
	return c, problems
}

// RowError is what is wrong with one row of a list.
type RowError struct {
	Row int
	*fault.Error
}

// RowErrors are all of them, in the order of the list.
type RowErrors []RowError

// Error joins the texts for the log.
func (e RowErrors) Error() string {
	return strconv.Itoa(len(e)) + " rows of a list of channels are wrong"
}

// Channels is what the store does with channels.
type Channels interface {
	// Channels lists a campaign's channels with their numbers, newest first.
	Channels(ctx context.Context, campaign ID) ([]ChannelStats, error)
	// Channel finds one. ErrChannelNotFound.
	Channel(ctx context.Context, campaign ID, code string) (ChannelStats, error)
	// ChannelByShort finds the channel of a short link and its campaign's slug.
	// ErrChannelNotFound.
	ChannelByShort(ctx context.Context, short string) (Channel, Slug, error)
	// AddChannels stores all or none. ErrChannelCode, ErrChannelName, ErrChannelsFull,
	// ErrCampaignNotFound.
	AddChannels(ctx context.Context, campaign ID, list []Channel, audit Audit) error
	// UpdateChannel writes name, note and cost. ErrChannelNotFound, ErrChannelName. A
	// repeat is safe.
	UpdateChannel(ctx context.Context, c Channel, audit Audit) error
	// SwitchChannel turns a channel off or on. ErrChannelNotFound. A repeat is safe.
	SwitchChannel(ctx context.Context, key ChannelKey, disabled bool, audit Audit) error
	// DeleteChannel removes a channel without any claim. ErrChannelUsed, ErrChannelNotFound.
	DeleteChannel(ctx context.Context, campaign ID, code string, audit Audit) error
	// DisabledChannels are those of all campaigns.
	DisabledChannels(ctx context.Context) ([]ChannelKey, error)
	// AddScans adds counts to the days of channels that exist; the rest is dropped.
	AddScans(ctx context.Context, list []DayScans) error
	// ScanDays are the newest days of a channel that had scans, newest first.
	ScanDays(ctx context.Context, key ChannelKey, limit int) ([]DayScans, error)
	// LooseChannels are the channels of claims that nobody registered, with their claims,
	// most first, at most limit.
	LooseChannels(ctx context.Context, campaign ID, limit int) ([]ChannelStats, error)
}

// ChannelKey names a channel.
type ChannelKey struct {
	Campaign ID
	Code     string
}

// DayScans counts a channel's scans on a day of the campaign's zone.
type DayScans struct {
	ChannelKey
	Day   string
	Scans int64
	Last  time.Time
}

// ChannelList lists a campaign's channels with their numbers, newest first.
func (s *Service) ChannelList(ctx context.Context, campaign ID) ([]ChannelStats, error) {
	return s.store.Channels(ctx, campaign)
}

// LooseChannels are channels that claims carry and nobody registered, at most 20.
func (s *Service) LooseChannels(ctx context.Context, campaign ID) ([]ChannelStats, error) {
	return s.store.LooseChannels(ctx, campaign, 20)
}

// Channel finds one channel. ErrChannelNotFound.
func (s *Service) Channel(ctx context.Context, campaign ID, code string) (ChannelStats, error) {
	if !channelPattern.MatchString(code) {
		return ChannelStats{}, ErrChannelNotFound
	}
	return s.store.Channel(ctx, campaign, code)
}

// ScanDays are the newest days with scans of a channel, newest first, at most limit.
func (s *Service) ScanDays(ctx context.Context, c *Channel, limit int) ([]DayScans, error) {
	return s.store.ScanDays(ctx, ChannelKey{c.Campaign, c.Code}, limit)
}

// AddChannel stores a typed channel. Problems come back on name, code, note and cost.
func (s *Service) AddChannel(ctx context.Context, actor Actor, campaign ID, d ChannelDraft) (Channel, error) {
	c, problems := d.channel()
	if len(problems) > 0 {
		return c, problems
	}
	now := s.now().UTC()
	c.finish(campaign, now)
	err := s.store.AddChannels(ctx, campaign, []Channel{c}, s.audit(actor, "channel.add", now, map[string]any{"channels": 1, "code": c.Code}))
	return c, onField(onField(err, ErrChannelCode, "code"), ErrChannelName, "name")
}

func (c *Channel) finish(campaign ID, now time.Time) {
	c.Campaign, c.Short, c.CreatedAt = campaign, drawCode(), now
	if c.Code == "" {
		c.Code = drawCode()
	}
}

// ImportChannels stores a list. What is there by name already is skipped, so that a list
// can be sent again; when a row is wrong nothing is stored and RowErrors says which.
func (s *Service) ImportChannels(ctx context.Context, actor Actor, campaign ID, drafts []ChannelDraft) (added, skipped int, err error) {
	if len(drafts) > MaxChannelRows {
		return 0, 0, fault.New(fault.Invalid, "channels.error.rows", "max", MaxChannelRows).On("rows")
	}
	there, err := s.store.Channels(ctx, campaign)
	if err != nil {
		return 0, 0, err
	}
	names, codes := map[string]int{}, map[string]int{}
	for i := range there {
		names[there[i].Name], codes[there[i].Code] = -1, -1
	}
	var (
		now   = s.now().UTC()
		list  []Channel
		wrong RowErrors
	)
	for _, d := range drafts {
		c, problems := d.channel()
		row, known := names[c.Name]
		switch {
		case len(problems) > 0:
		case known && row < 0:
			skipped++
			continue
		case known:
			problems = append(problems, fault.New(fault.Invalid, "channels.error.name_twice", "name", c.Name, "row", row).On("name"))
		}
		if row, known := codes[c.Code]; known && c.Code != "" && row < 0 {
			problems = append(problems, ErrChannelCode.On("code"))
		} else if known && c.Code != "" {
			problems = append(problems, fault.New(fault.Invalid, "channels.error.code_twice", "code", c.Code, "row", row).On("code"))
		}
		for _, p := range problems {
			wrong = append(wrong, RowError{d.Row, p})
		}
		names[c.Name] = d.Row
		if c.Code != "" {
			codes[c.Code] = d.Row
		}
		c.finish(campaign, now)
		list = append(list, c)
	}
	switch {
	case len(wrong) > 0:
		return 0, 0, wrong
	case len(list) == 0:
		return 0, skipped, nil
	}
	err = s.store.AddChannels(ctx, campaign, list, s.audit(actor, "channel.import", now, map[string]any{"channels": len(list), "skipped": skipped}))
	if err != nil {
		return 0, 0, onField(onField(err, ErrChannelCode, "rows"), ErrChannelName, "rows")
	}
	return len(list), skipped, nil
}

// EditChannel changes name, note and cost; the code stays.
func (s *Service) EditChannel(ctx context.Context, actor Actor, campaign ID, code string, d ChannelDraft) error {
	was, err := s.Channel(ctx, campaign, code)
	if err != nil {
		return err
	}
	d.Code = ""
	is, problems := d.channel()
	if len(problems) > 0 {
		return problems
	}
	is.Campaign, is.Code = campaign, code
	detail := map[string]any{"code": code, "name": []string{was.Name, is.Name}, "cost": []int64{was.Cost, is.Cost}}
	err = s.store.UpdateChannel(ctx, is, s.audit(actor, "channel.edit", s.now().UTC(), detail))
	return onField(err, ErrChannelName, "name")
}

// SwitchChannel turns a channel off, so that its links show the campaign without it, or on
// again. A repeat is safe.
func (s *Service) SwitchChannel(ctx context.Context, actor Actor, campaign ID, code string, disabled bool) error {
	c, err := s.Channel(ctx, campaign, code)
	if err != nil || c.Disabled == disabled {
		return err
	}
	action := "channel.enable"
	if disabled {
		action = "channel.disable"
	}
	defer s.channels.forget()
	return s.store.SwitchChannel(ctx, ChannelKey{campaign, code}, disabled, s.audit(actor, action, s.now().UTC(), map[string]any{"code": code}))
}

// DeleteChannel removes a channel that nobody has claimed through. ErrChannelUsed.
func (s *Service) DeleteChannel(ctx context.Context, actor Actor, campaign ID, code string) error {
	if !channelPattern.MatchString(code) {
		return ErrChannelNotFound
	}
	defer s.channels.forget()
	return s.store.DeleteChannel(ctx, campaign, code, s.audit(actor, "channel.delete", s.now().UTC(), map[string]any{"code": code}))
}

// ShortLink is where a short link leads: the campaign's slug and the channel, "" when it is
// turned off. It counts the scan. ErrChannelNotFound.
func (s *Service) ShortLink(ctx context.Context, short string) (Slug, string, error) {
	if !shortPattern.MatchString(short) {
		return "", "", ErrChannelNotFound
	}
	c, slug, err := s.store.ChannelByShort(ctx, short)
	if err != nil {
		return "", "", err
	}
	if c.Disabled {
		return slug, "", nil
	}
	s.channels.scanned(ChannelKey{c.Campaign, c.Code}, s.now().UTC())
	return slug, c.Code, nil
}

// Scanned counts a scan of a printed full link. Channels that do not exist count nothing.
func (s *Service) Scanned(campaign ID, code string) {
	if channelPattern.MatchString(code) {
		s.channels.scanned(ChannelKey{campaign, code}, s.now().UTC())
	}
}

// LiveChannel is code, or "" when that channel is turned off. Another process learns of a
// switch within channelMemory. When the store fails, the channel is believed.
func (s *Service) LiveChannel(ctx context.Context, campaign ID, code string) string {
	if code == "" {
		return ""
	}
	off, err := s.channels.off(ctx, s.now(), s.store)
	if err != nil {
		s.log.Warn("channels not read", "err", err)
	}
	if off[ChannelKey{campaign, code}] {
		return ""
	}
	return code
}

// FlushScans writes the scans counted since the last call. Those of a write that fails are
// kept for the next.
func (s *Service) FlushScans(ctx context.Context) error {
	counts := s.channels.take()
	if len(counts) == 0 {
		return nil
	}
	var list []DayScans
	for key, n := range counts {
		c, err := s.store.CampaignByID(ctx, key.Campaign)
		if err != nil {
			if fault.CodeOf(err) == fault.NotFound {
				continue
			}
			s.channels.giveBack(counts)
			return err
		}
		list = append(list, DayScans{ChannelKey: key, Day: c.Day(n.last), Scans: n.scans, Last: n.last})
	}
	if err := s.store.AddScans(ctx, list); err != nil {
		s.channels.giveBack(counts)
		return err
	}
	return nil
}

const (
	// channelMemory is how long the switched-off channels are remembered.
	channelMemory = 3 * time.Second
	// maxPendingScans bounds the channels counted between two writes, since anybody can name
	// any channel in a full link.
	maxPendingScans = 20_000
)

// channelBook counts scans between two writes and remembers which channels are off.
type channelBook struct {
	mu     sync.Mutex
	counts map[ChannelKey]pendingScans
	memory atomic.Pointer[offChannels]
}

type pendingScans struct {
	scans int64
	last  time.Time
}

type offChannels struct {
	read time.Time
	keys map[ChannelKey]bool
}

func (b *channelBook) scanned(key ChannelKey, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		b.counts = map[ChannelKey]pendingScans{}
	}
	n, known := b.counts[key]
	if !known && len(b.counts) >= maxPendingScans {
		return
	}
	b.counts[key] = pendingScans{n.scans + 1, now}
}

func (b *channelBook) take() map[ChannelKey]pendingScans {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := b.counts
	b.counts = nil
	return counts
}

func (b *channelBook) giveBack(counts map[ChannelKey]pendingScans) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, n := range b.counts {
		counts[key] = pendingScans{counts[key].scans + n.scans, n.last}
	}
	b.counts = counts
}

func (b *channelBook) forget() { b.memory.Store(nil) }

// off are the channels that are turned off. A failed read is tried again after
// channelMemory, with what was known before.
func (b *channelBook) off(ctx context.Context, now time.Time, store Store) (map[ChannelKey]bool, error) {
	known := b.memory.Load()
	if known != nil && now.Sub(known.read) < channelMemory && !now.Before(known.read) {
		return known.keys, nil
	}
	fresh := &offChannels{read: now}
	list, err := store.DisabledChannels(ctx)
	if err != nil {
		if known != nil {
			fresh.keys = known.keys
		}
	} else {
		fresh.keys = make(map[ChannelKey]bool, len(list))
		for _, key := range list {
			fresh.keys[key] = true
		}
	}
	b.memory.Store(fresh)
	return fresh.keys, err
}
