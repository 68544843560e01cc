package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// decoder reads one format. What a file is, its first bytes say, never its name.
type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func decoderOf(content []byte) *decoder {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		return &decoder{jpeg.DecodeConfig, jpeg.Decode}
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		return &decoder{png.DecodeConfig, png.Decode}
	case len(content) > 12 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP":
		return &decoder{webp.DecodeConfig, webp.Decode}
	}
	return nil
}

// turn is how a picture must be turned to stand upright: the values 1 to 8 of EXIF's tag
// Orientation. From 5 on width and height change places.
type turn int

const upright turn = 1

func (t turn) size(p image.Point) image.Point {
	if t >= 5 {
		return image.Pt(p.Y, p.X)
	}
	return p
}

// source is where the pixel (x, y) of the upright picture is in the file's, which has size.
func (t turn) source(x, y int, size image.Point) (int, int) {
	r, b := size.X-1, size.Y-1
	switch t {
	case 2:
		return r - x, y
	case 3:
		return r - x, b - y
	case 4:
		return x, b - y
	case 5:
		return y, x
	case 6:
		return y, b - x
	case 7:
		return r - y, b - x
	case 8:
		return r - y, x
	}
	return x, y
}

// back is a part of the upright picture, which has size, in the file's pixels.
func (t turn) back(part image.Rectangle, size image.Point) image.Rectangle {
	raw := t.size(size) // changing places is its own inverse
	x0, y0 := t.source(part.Min.X, part.Min.Y, raw)
	x1, y1 := t.source(part.Max.X-1, part.Max.Y-1, raw)
	return image.Rect(min(x0, x1), min(y0, y1), max(x0, x1)+1, max(y0, y1)+1)
}

// apply turns a picture upright.
func (t turn) apply(src *image.NRGBA) *image.NRGBA {
	if t == upright {
		return src
	}
	size := src.Bounds().Size()
	dst := image.NewNRGBA(image.Rectangle{Max: t.size(size)})
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			sx, sy := t.source(x, y, size)
			dst.SetNRGBA(x, y, src.NRGBAAt(sx, sy))
		}
	}
	return dst
}

// orientation reads how a picture must be turned; upright when the file does not say.
func orientation(content []byte) turn {
	var exif []byte
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8")):
		exif = jpegExif(content[2:])
	case bytes.HasPrefix(content, []byte("\x89PNG")):
		exif = chunk(content[8:], "eXIf", binary.BigEndian, 4)
	default:
		exif = chunk(content[12:], "EXIF", binary.LittleEndian, 0)
	}
	return tiffOrientation(bytes.TrimPrefix(exif, []byte("Exif\x00\x00")))
}

// jpegExif is the content of the segment APP1 that holds EXIF.
func jpegExif(b []byte) []byte {
	for len(b) > 4 && b[0] == 0xff {
		marker, size := b[1], int(binary.BigEndian.Uint16(b[2:]))
		if marker == 0xda || size < 2 || size+2 > len(b) { // pixels follow
			return nil
		}
		if body := b[4 : size+2]; marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body
		}
		b = b[size+2:]
	}
	return nil
}

// chunk is the content of a named chunk of PNG (length first, four bytes behind) or RIFF
// (name first, padded to even).
func chunk(b []byte, name string, order binary.ByteOrder, behind int) []byte {
	for len(b) >= 8 {
		size, kind := int64(order.Uint32(b)), string(b[4:8])
		if behind == 0 {
			kind, size = string(b[:4]), int64(order.Uint32(b[4:]))
		}
		if size > int64(len(b)-8) {
			return nil
		}
		if kind == name {
			return b[8 : 8+size]
		}
		next := 8 + size + int64(behind)
		if behind == 0 {
			next += size & 1
		}
		if next > int64(len(b)) {
			return nil
		}
		b = b[next:]
	}
	return nil
}

// tiffOrientation is the tag 0x0112 of the first directory of a TIFF block.
func tiffOrientation(b []byte) turn {
	if len(b) < 8 {
		return upright
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(b[:2]) {
	case "MM":
		order = binary.BigEndian
	case "II":
	default:
		return upright
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return upright
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 0x0112 {
			if t := turn(order.Uint16(entries[8:])); t >= 1 && t <= 8 {
				return t
			}
			break
		}
		entries = entries[12:]
	}
	return upright
}
