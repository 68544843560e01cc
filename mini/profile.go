package mini

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // a format that phones send
	"strings"
	"unicode"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/wechat"
)

// Limits on what people tell about themselves.
const (
	MaxNickname = 32        // characters as people count them
	MaxAvatar   = 512 << 10 // bytes as sent
	maxSide     = 4096      // pixels as sent
	avatarSide  = 256       // pixels as kept
)

// Me is a person as their own page shows them.
type Me struct {
	campaigns.Visitor
	Phone  string
	Joined bool
}

// Me reads the person behind a session; campaigns.ErrVisitorNotFound once erased.
func (s *Service) Me(ctx context.Context, session *Session) (Me, error) {
	v, err := s.campaigns.Visitor(ctx, session.Visitor)
	return Me{Visitor: v, Phone: session.Identity.Phone, Joined: Joined(v)}, err
}

// Identities are the visitor's in mini programs, for the page about their own data.
func (s *Service) Identities(ctx context.Context, visitor campaigns.VisitorID) ([]Identity, error) {
	return s.store.MiniIdentities(ctx, visitor)
}

// SetNickname stores a name that the person typed, "" for none. Errors: ErrNickname when
// the content check refuses it, a fault on "nickname" when it is too long, ErrWeChat.
func (s *Service) SetNickname(ctx context.Context, session *Session, typed string) error {
	name := CleanNickname(typed)
	if n := Characters(name); n > MaxNickname || len(name) > 32*MaxNickname {
		return fault.New(fault.Invalid, "mini.nickname.long", "max", MaxNickname, "count", n).On("nickname")
	}
	if name != "" {
		ok, err := s.check(ctx, session, name)
		if err != nil {
			return gatewayError(err)
		}
		if !ok {
			return ErrNickname
		}
	}
	return s.store.SetMiniNickname(ctx, session.Visitor, name)
}

// askWeChat is the content check of WeChat. A text that a person should look at passes:
// names are shown to staff alone.
func (s *Service) askWeChat(ctx context.Context, session *Session, text string) (bool, error) {
	account, err := s.wechat.Account(ctx, HubID(session.Account))
	if err != nil {
		return false, err
	}
	verdict, err := account.CheckProfileText(ctx, text, session.OpenID)
	return verdict != wechat.Risky, err
}

// CleanNickname drops what no honest name holds: control characters, marks that turn the
// direction of the text around it, bytes that are not UTF-8. Blanks become single ones;
// emoji with joiners stay whole.
func CleanNickname(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff, r == 0x200e, r == 0x200f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// Characters counts as people do: marks, skin tones and what a joiner adds belong to the
// character before, two regional letters are one flag.
func Characters(s string) int {
	n, joined, flag := 0, false, false
	for _, r := range s {
		letter := r >= 0x1f1e6 && r <= 0x1f1ff
		switch {
		case r == 0x200d:
			joined = true
			continue
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r), r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0020 && r <= 0xe007f:
			continue
		case joined && n > 0, letter && flag:
			flag = false
		default:
			n++
			flag = letter
		}
		joined = false
	}
	return n
}

// SetAvatar stores a picture, drawn anew so that nothing of the file but its colours is
// kept. No bytes remove it. Errors: ErrAvatarBad, ErrAvatarLarge.
func (s *Service) SetAvatar(ctx context.Context, session *Session, picture []byte) error {
	now := s.now().UTC()
	if len(picture) == 0 {
		return s.store.SetMiniAvatar(ctx, session.Visitor, "", "", nil, now)
	}
	select { // pictures unfold in memory, so few are open at once
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	drawn, err := redraw(picture)
	if err != nil {
		return err
	}
	name := string(NewToken())[:22]
	return s.store.SetMiniAvatar(ctx, session.Visitor, name, s.public+"/mini/v1/avatars/"+name, drawn, now)
}

// DecodeAvatar reads a picture that came as text; a data: address is fine.
func DecodeAvatar(text string) ([]byte, error) {
	if rest, ok := strings.CutPrefix(text, "data:"); ok {
		_, text, _ = strings.Cut(rest, ";base64,")
		if text == "" {
			return nil, ErrAvatarBad
		}
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrAvatarBad
	}
	return raw, nil
}

// Avatar is the JPEG behind a name; ErrAvatarNotFound otherwise.
func (s *Service) Avatar(ctx context.Context, name string) ([]byte, error) {
	if len(name) != 22 {
		return nil, ErrAvatarNotFound
	}
	return s.store.MiniAvatar(ctx, name)
}

// redraw makes a square JPEG of at most avatarSide pixels of any picture.
func redraw(raw []byte) ([]byte, error) {
	if len(raw) > MaxAvatar {
		return nil, ErrAvatarLarge
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(raw))
	switch {
	case err != nil || head.Width < 1 || head.Height < 1:
		return nil, ErrAvatarBad
	case head.Width > maxSide || head.Height > maxSide:
		return nil, ErrAvatarLarge
	}
	from, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, ErrAvatarBad.Because(err)
	}
	b := from.Bounds()
	side := min(b.Dx(), b.Dy())
	left, top := b.Min.X+(b.Dx()-side)/2, b.Min.Y+(b.Dy()-side)/2
	size := min(side, avatarSide)
	to := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			to.SetRGBA(x, y, mean(from, left+x*side/size, top+y*side/size, left+(x+1)*side/size, top+(y+1)*side/size))
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, to, &jpeg.Options{Quality: 85}); err != nil {
		return nil, errors.Join(ErrAvatarBad, err)
	}
	return out.Bytes(), nil
}

// mean is the colour of a rectangle on white paper.
func mean(from image.Image, x0, y0, x1, y1 int) color.RGBA {
	var r, g, b, n uint64
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			cr, cg, cb, ca := from.At(x, y).RGBA()
			paper := uint64(0xffff - ca)
			r, g, b, n = r+uint64(cr)+paper, g+uint64(cg)+paper, b+uint64(cb)+paper, n+1
		}
	}
	n *= 257
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255}
}
