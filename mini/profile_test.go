package mini

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"unicode/utf8"

	"kaquan/fault"
)

func TestCharactersAreCountedAsPeopleDo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "李": 1, "ab": 2, "é": 1, "e\u0301": 1, "👍🏽": 1, "👨‍👩‍👧‍👦": 1, "🇨🇳": 1, "🇨🇳🇫🇷": 2, "❤️": 1, "1️⃣": 1, "🏴\U000e0067\U000e0062\U000e007f": 1, "\u200d": 0, "a\u200d": 1,
	} {
		if got := Characters(text); got != want {
			t.Errorf("%q has %d characters, want %d", text, got, want)
		}
	}
}

func FuzzNickname(f *testing.F) {
	for _, text := range []string{"小李", "\u202eabc", "👨‍👩‍👧‍👦", "\xff\xfe", "a\x00b\r\n", " \u3000 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		name := CleanNickname(typed)
		if !utf8.ValidString(name) || strings.ContainsAny(name, "\x00\r\n\t\u202e\u2066\ufeff") || strings.TrimSpace(name) != name || CleanNickname(name) != name {
			t.Errorf("%q became %q", typed, name)
		}
		if n := Characters(name); n < 0 || n > utf8.RuneCountInString(name) {
			t.Errorf("%q has %d characters", name, n)
		}
	})
}

func FuzzAvatar(f *testing.F) {
	var a, b bytes.Buffer
	if err := errors.Join(png.Encode(&a, image.NewNRGBA(image.Rect(0, 0, 3, 5))), jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 9, 4)), nil)); err != nil {
		f.Fatal(err)
	}
	f.Add(a.Bytes())
	f.Add(b.Bytes())
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if head, _, err := image.DecodeConfig(bytes.NewReader(raw)); err == nil && head.Width*head.Height > 1<<18 {
			t.Skip("large pictures are for the other tests")
		}
		drawn, err := redraw(raw)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("another error: %v", err)
			}
			return
		}
		head, err := jpeg.DecodeConfig(bytes.NewReader(drawn))
		if err != nil || head.Width != head.Height || head.Width < 1 || head.Width > avatarSide {
			t.Errorf("drawn as %d by %d, %v", head.Width, head.Height, err)
		}
	})
}

func TestPicturesKeepTheirMiddle(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 1}, {1, 4096}, {4096, 1}, {256, 256}, {257, 255}, {1000, 700}} {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))); err != nil {
			t.Fatal(err)
		}
		drawn, err := redraw(b.Bytes())
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		img, err := jpeg.Decode(bytes.NewReader(drawn))
		if want := min(size[0], size[1], avatarSide); err != nil || img.Bounds().Dx() != want || img.Bounds().Dy() != want {
			t.Fatalf("%v: %v, %v", size, img.Bounds(), err)
		}
		if r, g, _, _ := img.At(0, 0).RGBA(); r>>8 < 250 || g>>8 < 250 {
			t.Errorf("%v: nothing on paper is not white", size)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	token := NewToken()
	all := []any{
		token,
		Program{AppID: "wx1", Secret: "topsecret"},
		&Program{Secret: "topsecret"},
		Identity{OpenID: "oPerson", Phone: "13800138000"},
		Session{Identity: Identity{OpenID: "oPerson", Phone: "13800138000"}, Key: "topsecret"},
		&Session{Identity: Identity{OpenID: "oPerson"}, Key: "topsecret"},
	}
	for _, v := range all {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range []string{string(token), "topsecret", "oPerson", "13800138000"} {
				if strings.Contains(text, secret) {
					t.Errorf("%T prints %s", v, text)
				}
			}
		}
	}
}
