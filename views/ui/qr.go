package ui

import (
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QR is a QR code as one SVG path over square modules, with the quiet zone that scanners
// need.
type QR struct {
	Path string
	Size int // modules on a side, quiet zone included
}

const quietZone = 4

// NewQR encodes text; the zero QR when it is too long for a code.
func NewQR(text string) QR {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}
	}
	n := code.Bounds().Dx()
	var path strings.Builder
	for y := range n {
		for x := 0; x < n; x++ {
			start := x
			for x < n && isDark(code.At(x, y)) {
				x++
			}
			if x > start {
				path.WriteString("M" + strconv.Itoa(start+quietZone) + " " + strconv.Itoa(y+quietZone) + "h" + strconv.Itoa(x-start) + "v1h-" + strconv.Itoa(x-start) + "z")
			}
		}
	}
	return QR{Path: path.String(), Size: n + 2*quietZone}
}

func isDark(c interface{ RGBA() (r, g, b, a uint32) }) bool {
	r, _, _, _ := c.RGBA()
	return r < 0x8000
}

func (q QR) viewBox() string {
	n := strconv.Itoa(q.Size)
	return "0 0 " + n + " " + n
}
