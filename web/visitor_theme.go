package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// theme is the campaign's colour as custom properties. Its address carries the campaign's
// version, so it may be kept.
func (v *visitors) theme(c *fiber.Ctx) error {
	campaign, err := v.Campaigns.BySlug(c.UserContext(), slugOf(c))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "public, max-age=86400")
	return c.SendString(themeOf(campaign.Texts.Colour))
}

// colour is red, green and blue from 0 to 1.
type colour [3]float64

var (
	white        = colour{1, 1, 1}
	ink          = colour{} // black: for any colour either it or white reaches 4.5 to 1
	darkPaper    = colour{0.12, 0.12, 0.12}
	defaultTheme = colour{0.03, 0.47, 0.29}
)

// themeOf chooses the words' colour by contrast and shifts the theme where it would not be
// seen: accents on paper reach 4.5 to 1, in the dark theme too.
func themeOf(text string) string {
	base, ok := parseColour(text)
	if !ok {
		base = defaultTheme
	}
	light := palette(base, white)
	dark := palette(base.towards(white, darkPaper, 3), darkPaper)
	return ":root{" + light + "}\n@media (prefers-color-scheme:dark){:root{" + dark + "}}\n"
}

func palette(base, paper colour) string {
	on, deep := white, base.mix(colour{}, 0.22)
	if contrast(base, white) < 4.5 {
		on, deep = ink, base.mix(white, 0.18)
	}
	accent := base.towards(colour{}, paper, 4.5)
	if paper == darkPaper {
		accent = base.towards(white, paper, 4.5)
	}
	return fmt.Sprintf("--kq-theme:%s;--kq-deep:%s;--kq-on:%s;--kq-accent:%s", base, deep, on, accent)
}

func parseColour(text string) (colour, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(text) != 7 {
		return colour{}, false
	}
	return colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}, true
}

func (a colour) String() string {
	part := func(x float64) int { return int(math.Round(x * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(a[0]), part(a[1]), part(a[2]))
}

// mix is a with a share of b in it.
func (a colour) mix(b colour, share float64) colour {
	for i := range a {
		a[i] += (b[i] - a[i]) * share
	}
	return a
}

// towards shifts a to b until it stands out from paper.
func (a colour) towards(b, paper colour, wanted float64) colour {
	for range 20 {
		if contrast(a, paper) >= wanted {
			break
		}
		a = a.mix(b, 0.1)
	}
	return a
}

// contrast is the ratio of WCAG 2: from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (a colour) luminance() float64 {
	linear := func(x float64) float64 {
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(a[0]) + 0.7152*linear(a[1]) + 0.0722*linear(a[2])
}
