package visitor

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"sync"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/wechat"
)

// Skeletons are documents that differ between visitors in a few values only, kept with
// gaps for those values. Document stays the one source of the markup: a skeleton is what
// it renders with a marker in each gap, cut at the markers.
type Skeletons struct {
	mu   sync.RWMutex
	kept map[skeletonKey]*skeleton
}

// maxSkeletons bounds the memory; a page is about 10 KB. A full set is thrown away: the
// pages that are asked for come back at once.
const maxSkeletons = 500

// skeletonKey is everything that a document of a kept state depends on, besides the gaps.
type skeletonKey struct {
	campaign campaigns.ID
	version  int64
	left     int64 // shown numbers; 0 where they are not shown
	day      int64 // dates are written without the year where it is clear
	language i18n.Language
	state    State
	channel  string
	link     string
	sdk      string
	app      wechat.AppID
	inside   bool
	signed   bool
	helped   bool
	more     bool
}

type skeleton struct {
	parts [][]byte
	gaps  []gap // one less than parts
}

type gap int

// The values that differ between visitors.
const (
	gapCSRF gap = iota
	gapKey
	gapHelp
	gapNow
	gapTimestamp
	gapNonce
	gapSignature
	gapURL
	gapCount
)

// markers stand in the gaps while a skeleton is made. The numbers lie far in the future.
var markers = [gapCount]string{"kq~gap~csrf", "kq~gap~key", "kq~gap~help", "7777777771000", "7777777772", "kq~gap~nonce", "kq~gap~sign", "kq~gap~url"}

// times is how often each marker must stand in the document: anything else means that a
// text of the campaign looks like one, and such a page is rendered whole.
func (k skeletonKey) times(counts [gapCount]int) bool {
	form := k.state == Form || k.state == Ready
	want := [gapCount]int{gapCSRF: 1, gapNow: 1}
	if form {
		want[gapCSRF], want[gapKey] = 2, 1
	}
	if k.helped {
		want[gapHelp] = 1
	}
	if k.signed {
		want[gapTimestamp], want[gapNonce], want[gapSignature], want[gapURL] = 1, 1, 1, 1
	}
	return counts == want
}

// Render writes Document(p), from a skeleton where the state allows it.
func (s *Skeletons) Render(ctx context.Context, w io.Writer, p Page) error {
	key, ok := p.skeletonKey(ctx)
	if !ok {
		return Document(p).Render(ctx, w)
	}
	s.mu.RLock()
	found := s.kept[key]
	s.mu.RUnlock()
	if found == nil {
		made, err := key.make(ctx, p)
		if err != nil {
			return err
		}
		if made == nil {
			return Document(p).Render(ctx, w)
		}
		s.mu.Lock()
		if s.kept == nil || len(s.kept) >= maxSkeletons {
			s.kept = make(map[skeletonKey]*skeleton)
		}
		s.kept[key] = made
		s.mu.Unlock()
		found = made
	}
	return found.write(w, p)
}

// skeletonKey tells whether the page is of a kind that many visitors see alike.
func (p Page) skeletonKey(ctx context.Context) (skeletonKey, bool) {
	switch p.State {
	case Intro, Form, Ready, NotInWeChat:
	default:
		return skeletonKey{}, false
	}
	if p.Campaign == nil || len(p.Cards) > 0 || len(p.Values) > 0 || len(p.Errors) > 0 || p.Consent || p.Notice != "" || p.Sentence != "" || p.SupportCode != "" {
		return skeletonKey{}, false
	}
	_, offset := p.Now.In(p.Campaign.Zone).Zone()
	k := skeletonKey{
		campaign: p.Campaign.ID, version: p.Campaign.Version, language: i18n.Lang(ctx), state: p.State, channel: p.Channel, link: p.Link,
		day: (p.Now.Unix() + int64(offset)) / (24 * 60 * 60), sdk: p.SDK, inside: p.Inside, signed: p.Config != nil, helped: p.Visitor != 0, more: p.More,
	}
	if p.Config != nil {
		k.app = p.Config.AppID
	}
	if p.Campaign.Texts.ShowStock || p.own().Names("left") {
		k.left = p.Campaign.Stock.Left()
	}
	return k, true
}

// make renders the document with markers and cuts it; nil when a marker is not where it
// should be.
func (k skeletonKey) make(ctx context.Context, p Page) (*skeleton, error) {
	now, err := strconv.ParseInt(markers[gapNow], 10, 64)
	if err != nil {
		return nil, err
	}
	p.CSRF, p.Key, p.clock = markers[gapCSRF], markers[gapKey], now
	if k.helped {
		p.SupportCode = markers[gapHelp]
	}
	if k.signed {
		stamp, err := strconv.ParseInt(markers[gapTimestamp], 10, 64)
		if err != nil {
			return nil, err
		}
		p.Config = &wechat.PageConfig{AppID: k.app, Timestamp: stamp, NonceStr: markers[gapNonce], Signature: markers[gapSignature], URL: markers[gapURL]}
	}
	var whole bytes.Buffer
	if err := Document(p).Render(ctx, &whole); err != nil {
		return nil, err
	}
	var (
		s      skeleton
		counts [gapCount]int
		rest   = whole.Bytes()
	)
	for {
		first, at := gapCount, len(rest)
		for g, marker := range markers {
			if i := bytes.Index(rest[:at], []byte(marker)); i >= 0 {
				first, at = gap(g), i
			}
		}
		s.parts = append(s.parts, rest[:at:at])
		if first == gapCount {
			break
		}
		counts[first]++
		s.gaps = append(s.gaps, first)
		rest = rest[at+len(markers[first]):]
	}
	if !k.times(counts) {
		return nil, nil
	}
	return &s, nil
}

func (s *skeleton) write(w io.Writer, p Page) error {
	for i, part := range s.parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
		if i == len(s.gaps) {
			break
		}
		if _, err := io.WriteString(w, p.value(s.gaps[i])); err != nil {
			return err
		}
	}
	return nil
}

// value is what fills a gap. Only letters, digits and signs that need no escaping occur
// in them, but for the address, which is escaped as JSON in a script.
func (p Page) value(g gap) string {
	switch g {
	case gapCSRF:
		return p.CSRF
	case gapKey:
		return p.Key
	case gapHelp:
		return p.help()
	case gapNow:
		return strconv.FormatInt(p.Now.UnixMilli(), 10)
	case gapTimestamp:
		return strconv.FormatInt(p.Config.Timestamp, 10)
	case gapNonce:
		return p.Config.NonceStr
	case gapSignature:
		return p.Config.Signature
	}
	quoted, err := json.Marshal(p.Config.URL)
	if err != nil || len(quoted) < 2 {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}
