package ui

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

// ErrQRUnreadable says that a code was drawn and did not read back as its text.
var ErrQRUnreadable = errors.New("the QR code does not read back as its text")

// maxQRPixels bounds a side of a picture.
const maxQRPixels = 4096

// QRPNG is a QR code of text as a black and white PNG with its quiet zone, at most pixels
// wide and high: every module has the same whole number of pixels, at least one. The text
// must be ASCII. The picture has been read back: what it says is text.
func QRPNG(text string, pixels int) ([]byte, error) {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return nil, fmt.Errorf("%w: only percent-encoded addresses scan everywhere", ErrQRUnreadable)
		}
	}
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	n := code.Bounds().Dx()
	scale := max(1, min(pixels, maxQRPixels)/(n+2*quietZone))
	side := (n + 2*quietZone) * scale
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range n * scale {
		for x := range n * scale {
			if isDark(code.At(x/scale, y/scale)) {
				picture.SetColorIndex(x+quietZone*scale, y+quietZone*scale, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, picture); err != nil {
		return nil, err
	}
	if read, err := ReadQRPNG(out.Bytes()); err != nil || read != text {
		return nil, fmt.Errorf("%w: %v", ErrQRUnreadable, err)
	}
	return out.Bytes(), nil
}

// LinkQR is the code of an address for screens and print. It has been read back: what it
// says is text.
func LinkQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, err
	}
	n := code.Bounds().Dx()
	grid := make([][]bool, n)
	for y := range n {
		grid[y] = make([]bool, n)
		for x := range n {
			grid[y][x] = isDark(code.At(x, y))
		}
	}
	if read, err := readQR(grid); err != nil || read != text {
		return QR{}, fmt.Errorf("%w: %v", ErrQRUnreadable, err)
	}
	return NewQR(text), nil
}

// SVG is the code as a file of its own.
func (q QR) SVG() string {
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="` + q.viewBox() + `" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/><path d="` + q.Path + `" fill="#000"/></svg>` + "\n"
}

// ReadQRPNG reads a picture that QRPNG could have drawn: square modules of one whole size,
// a clean quiet zone, error correction level M. It is no scanner for photographs.
func ReadQRPNG(content []byte) (string, error) {
	picture, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	side := picture.Bounds().Dx()
	if side != picture.Bounds().Dy() || side > maxQRPixels {
		return "", errors.New("not a square")
	}
	dark := func(x, y int) bool { return isDark(picture.At(picture.Bounds().Min.X+x, picture.Bounds().Min.Y+y)) }
	margin := 0
	for margin < side && !dark(margin, margin) {
		margin++
	}
	// The first dark corner belongs to a finder pattern, whose edge is seven modules long.
	edge := 0
	for margin+edge < side && dark(margin+edge, margin) {
		edge++
	}
	scale := edge / 7
	if scale == 0 || edge%7 != 0 || margin != quietZone*scale || side%scale != 0 {
		return "", errors.New("no finder pattern behind a quiet zone")
	}
	n := side/scale - 2*quietZone
	grid := make([][]bool, n)
	for y := range n {
		grid[y] = make([]bool, n)
		for x := range n {
			grid[y][x] = dark(margin+x*scale, margin+y*scale)
		}
	}
	for y := range side {
		for x := range side {
			mx, my := x/scale-quietZone, y/scale-quietZone
			inside := x >= margin && y >= margin && mx < n && my < n
			if dark(x, y) != (inside && grid[my][mx]) {
				return "", fmt.Errorf("pixel %d,%d is not of its module", x, y)
			}
		}
	}
	return readQR(grid)
}
