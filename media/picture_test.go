package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// quarters is a picture whose corners are red, green (right), blue (below) and white.
func quarters(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 0, 0, 255}
			switch {
			case x >= w/2 && y >= h/2:
				c = color.NRGBA{255, 255, 255, 255}
			case x >= w/2:
				c = color.NRGBA{0, 255, 0, 255}
			case y >= h/2:
				c = color.NRGBA{0, 0, 255, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an EXIF block with an orientation, and a place, behind the start of a JPEG.
func withExif(content []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	mark := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		mark = "MM"
	}
	tiff := []byte(mark)
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, orientation)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	body := append([]byte("Exif\x00\x00"), append(tiff, "GPS 31.2304N 121.4737E"...)...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return append(append(append([]byte{0xff, 0xd8}, segment...), body...), content[2:]...)
}

// claiming is a PNG whose head says another size than its pixels have.
func claiming(t *testing.T, w, h uint32) []byte {
	t.Helper()
	b := bytes.Clone(pngOf(t, quarters(200, 200)))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestHostileUploadsAreRefused(t *testing.T) {
	t.Parallel()
	good := jpegOf(t, quarters(400, 300))
	var animation bytes.Buffer
	if err := gif.Encode(&animation, quarters(200, 200), nil); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what, name string
		content    []byte
		crop       Crop
		want       error
	}{
		{what: "nothing", name: "a.jpg", want: ErrNone},
		{what: "a bomb: a head that claims 60000 x 60000", name: "a.png", content: claiming(t, 60000, 60000), want: ErrPixels},
		{what: "a bomb within the sides but not the area", name: "a.png", content: claiming(t, 7999, 7999), want: ErrPixels},
		{what: "a head that claims more than there is", name: "a.png", content: claiming(t, 3000, 3000), want: ErrDamaged},
		{what: "an SVG with a script", name: "a.svg", content: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), want: ErrKind},
		{what: "an SVG that is called a JPEG", name: "a.jpg", content: []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), want: ErrKind},
		{what: "a page", name: "a.png", content: []byte("<!doctype html><script>alert(1)</script>"), want: ErrKind},
		{what: "an archive", name: "a.png", content: []byte("PK\x03\x04aaaaaaaaaaaaaaaaaa"), want: ErrKind},
		{what: "a GIF", name: "a.gif", content: animation.Bytes(), want: ErrKind},
		{what: "a GIF that is called a PNG", name: "a.png", content: animation.Bytes(), want: ErrKind},
		{what: "a JPEG that is called a page", name: "a.html", content: good, want: ErrKind},
		{what: "half a JPEG", name: "a.jpg", content: good[:len(good)/2], want: ErrDamaged},
		{what: "the start of a JPEG", name: "a.jpg", content: good[:20], want: ErrDamaged},
		{what: "a broken WebP", name: "a.webp", content: []byte("RIFF\x10\x00\x00\x00WEBPVP8 aaaaaaaaaaaa"), want: ErrDamaged},
		{what: "more than 8 MB", name: "a.jpg", content: append(bytes.Clone(good), make([]byte, MaxUpload)...), want: ErrLarge},
		{what: "a name with a path", name: "../../etc/cron.d/a.jpg", content: good, want: ErrName},
		{what: "a name with another system's path", name: `..\a.jpg`, content: good, want: ErrName},
		{what: "a name that ends a string", name: "a.jpg\x00.html", content: good, want: ErrName},
		{what: "a crop outside", name: "a.jpg", content: good, crop: Crop{X: 500, Y: 0, W: 100, H: 100}, want: ErrCrop},
		{what: "a crop larger than the picture", name: "a.jpg", content: good, crop: Crop{W: 1 << 30, H: 1 << 30}, want: ErrCrop},
		{what: "a crop without a height", name: "a.jpg", content: good, crop: Crop{W: 200}, want: ErrCrop},
		{what: "a crop of a few pixels", name: "a.jpg", content: good, crop: Crop{W: 20, H: 20}, want: ErrSmall},
		{what: "a small picture", name: "a.png", content: pngOf(t, quarters(100, 100)), want: ErrSmall},
	} {
		if p, err := Make(Upload{Name: row.name, Content: row.content, Crop: row.crop}); !errors.Is(err, row.want) || p != nil {
			t.Errorf("%s: %v, want %v", row.what, err, row.want)
		}
	}
}

func TestNothingButThePixelsIsKept(t *testing.T) {
	t.Parallel()
	content := append(withExif(jpegOf(t, quarters(400, 300)), binary.LittleEndian, 1), "<script>alert(1)</script>PK\x03\x04"...)
	p, err := Make(Upload{Name: "照片 1.JPG", Content: content})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"GPS", "31.2304", "Exif", "script", "PK\x03\x04"} {
		if bytes.Contains(p.Content, []byte(part)) {
			t.Errorf("%q is still in the picture", part)
		}
	}
	if p.Kind != JPEG || p.Width != 400 || p.Height != 300 || !ValidName(p.Name()) {
		t.Errorf("%s %dx%d", p.Name(), p.Width, p.Height)
	}
	again, err := Make(Upload{Name: "b.jpg", Content: content})
	if err != nil || again.Digest != p.Digest {
		t.Errorf("the same picture has another name: %v", err)
	}
}

// looks is the corners of a picture as letters, row by row.
func looks(t *testing.T, p *Picture) string {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(p.Content))
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	var s strings.Builder
	for _, at := range []image.Point{{b.Dx() / 4, b.Dy() / 4}, {b.Dx() * 3 / 4, b.Dy() / 4}, {b.Dx() / 4, b.Dy() * 3 / 4}, {b.Dx() * 3 / 4, b.Dy() * 3 / 4}} {
		r, g, b, _ := img.At(at.X, at.Y).RGBA()
		switch {
		case r > 0xc000 && g > 0xc000 && b > 0xc000:
			s.WriteByte('w')
		case r > 0xc000:
			s.WriteByte('r')
		case g > 0xc000:
			s.WriteByte('g')
		case b > 0xc000:
			s.WriteByte('b')
		default:
			s.WriteByte('?')
		}
	}
	return s.String()
}

func TestPhotosStandUpright(t *testing.T) {
	t.Parallel()
	plain := jpegOf(t, quarters(480, 320))
	for orientation, want := range map[uint16]string{1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb", 9: "rgbw"} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			p, err := Make(Upload{Name: "a.jpg", Content: withExif(plain, order, orientation)})
			if err != nil {
				t.Fatal(err)
			}
			w, h := 480, 320
			if orientation >= 5 && orientation <= 8 {
				w, h = h, w
			}
			if got := looks(t, p); got != want || p.Width != w || p.Height != h {
				t.Errorf("orientation %d: %s %dx%d, want %s %dx%d", orientation, got, p.Width, p.Height, want, w, h)
			}
		}
	}
}

func TestTheChosenPartIsKept(t *testing.T) {
	t.Parallel()
	big := jpegOf(t, quarters(1600, 1200))
	for _, row := range []struct {
		what    string
		content []byte
		crop    Crop
		ratio   float64
		w, h    int
		looks   string
	}{
		{"everything, made smaller", big, Crop{}, 0, 1280, 960, "rgbw"},
		{"the middle of 16 to 9", big, Crop{}, 16.0 / 9, 1280, 720, "rgbw"},
		{"the middle of a square", big, Crop{}, 1, 1200, 1200, "rgbw"},
		{"the green corner", big, Crop{800, 0, 640, 360}, 16.0 / 9, 640, 360, "gggg"},
		{"one that hangs over the edge is cut", big, Crop{1400, 1000, 1000, 1000}, 0, 200, 200, "wwww"},
		{"a tall photo that was turned", withExif(big, binary.BigEndian, 6), Crop{}, 0, 1200, 1600, "brwg"},
		{"of a photo that was turned", withExif(big, binary.BigEndian, 6), Crop{0, 0, 600, 800}, 0, 600, 800, "bbbb"},
	} {
		p, err := Make(Upload{Name: "a.jpg", Content: row.content, Crop: row.crop, Ratio: row.ratio})
		if err != nil {
			t.Errorf("%s: %v", row.what, err)
			continue
		}
		if got := looks(t, p); p.Width != row.w || p.Height != row.h || got != row.looks {
			t.Errorf("%s: %dx%d %s, want %dx%d %s", row.what, p.Width, p.Height, got, row.w, row.h, row.looks)
		}
	}
}

func TestWhatOneCanSeeThroughStaysPNG(t *testing.T) {
	t.Parallel()
	glass := quarters(300, 300)
	glass.SetNRGBA(10, 10, color.NRGBA{0, 0, 0, 0})
	for _, row := range []struct {
		img  image.Image
		want Kind
	}{{glass, PNG}, {quarters(300, 300), JPEG}} {
		p, err := Make(Upload{Name: "a.png", Content: pngOf(t, row.img)})
		if err != nil || p.Kind != row.want {
			t.Errorf("%v %v, want %v", p, err, row.want)
		}
	}
}

func TestOrientationSurvivesAnything(t *testing.T) {
	t.Parallel()
	whole := withExif(jpegOf(t, quarters(200, 200)), binary.BigEndian, 6)
	for n := range min(len(whole), 200) {
		orientation(append([]byte("\xff\xd8"), whole[:n]...))
		orientation(append([]byte("\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIf"), whole[:n]...))
		orientation(append([]byte("RIFF\x10\x00\x00\x00WEBPEXIF"), whole[:n]...))
	}
}
