package campaigns

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Colour is red, green and blue from 0 to 1.
type Colour [3]float64

// White, black, and the theme of a campaign that names none.
var (
	White        = Colour{1, 1, 1}
	Black        = Colour{}
	DefaultTheme = Colour{0.03, 0.47, 0.29}
)

// The contrast of WCAG 2.2 for words: what level AA asks of normal and of large type.
const (
	GoodContrast  = 4.5
	LeastContrast = 3.0
)

// ParseColour reads #rrggbb.
func ParseColour(text string) (Colour, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(text) != 7 || text[0] != '#' {
		return Colour{}, false
	}
	return Colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}, true
}

func (a Colour) String() string {
	part := func(x float64) int { return int(math.Round(x * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(a[0]), part(a[1]), part(a[2]))
}

// Mix is a with a share of b in it.
func (a Colour) Mix(b Colour, share float64) Colour {
	for i := range a {
		a[i] += (b[i] - a[i]) * share
	}
	return a
}

// Towards shifts a to b until it stands out from paper.
func (a Colour) Towards(b, paper Colour, wanted float64) Colour {
	for range 20 {
		if Contrast(a, paper) >= wanted {
			break
		}
		a = a.Mix(b, 0.1)
	}
	return a
}

// nearest is the colour next to a, on its way to b, of which look is at least GoodContrast.
func (a Colour) nearest(b Colour, look func(Colour) float64) Colour {
	const steps = 100
	for i := range steps + 1 {
		// What is proposed must pass as it is written, with whole numbers.
		c, _ := ParseColour(a.Mix(b, float64(i)/steps).String())
		if look(c) >= GoodContrast {
			return c
		}
	}
	return b
}

// Contrast is the ratio of WCAG 2: from 1 to 21.
func Contrast(a, b Colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (a Colour) luminance() float64 {
	linear := func(x float64) float64 {
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(a[0]) + 0.7152*linear(a[1]) + 0.0722*linear(a[2])
}
