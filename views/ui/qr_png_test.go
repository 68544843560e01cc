package ui

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

func TestEveryQRPictureReadsBackAsItsText(t *testing.T) {
	t.Parallel()
	versions := map[int]bool{}
	for length := 7; length <= 213; length += 6 {
		text := "https://" + strings.Repeat("k/Q7-_%E5", 30)
		text = text[:length]
		content, err := QRPNG(text, 64+2*length)
		if err != nil {
			t.Fatalf("%d characters: %v", length, err)
		}
		if read, err := ReadQRPNG(content); err != nil || read != text {
			t.Fatalf("%d characters read as %q: %v", length, read, err)
		}
		config, err := png.DecodeConfig(bytes.NewReader(content))
		if err != nil || config.Width > max(64+2*length, NewQR(text).Size) {
			t.Errorf("%d characters are %d pixels wide (%v)", length, config.Width, err)
		}
		versions[NewQR(text).Size] = true
	}
	if len(versions) != 10 {
		t.Errorf("%d versions were tried, want 10", len(versions))
	}
}

func TestADamagedPictureIsNotOffered(t *testing.T) {
	t.Parallel()
	content, err := QRPNG("https://kq.example.com/q/7hJ2kPq9", 300)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	b := picture.Bounds()
	for name, spot := range map[string]image.Point{"in the quiet zone": {X: 3, Y: b.Dy() / 2}, "in the middle": {X: b.Dx()/2 + 1, Y: b.Dy() / 2}, "in the finder": {X: b.Dx() / 5, Y: b.Dy() / 5}} {
		copied := image.NewGray(b)
		for y := range b.Dy() {
			for x := range b.Dx() {
				copied.Set(x, y, picture.At(x, y))
			}
		}
		copied.SetGray(spot.X, spot.Y, color.Gray{Y: 255 - copied.GrayAt(spot.X, spot.Y).Y})
		var out bytes.Buffer
		if err := png.Encode(&out, copied); err != nil {
			t.Fatal(err)
		}
		if read, err := ReadQRPNG(out.Bytes()); err == nil {
			t.Errorf("a wrong pixel %s still reads as %q", name, read)
		}
	}
}

func TestOnlyPlainAddressesBecomeCodes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "https://例子.cn/q/1", "https://a b", "https://a\n", strings.Repeat("x", 4000)} {
		if _, err := QRPNG(text, 300); err == nil {
			t.Errorf("%.20q became a code", text)
		}
	}
}
