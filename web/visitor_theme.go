package web

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
)

// theme is the campaign's colours as custom properties. Its address carries the campaign's
// version, so it may be kept.
func (v *visitors) theme(c *fiber.Ctx) error {
	campaign, err := v.Campaigns.BySlug(c.UserContext(), slugOf(c))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/css; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "public, max-age=86400")
	return c.SendString(themeOf(campaign.Texts.Colour, campaign.Design))
}

// colour is red, green and blue from 0 to 1.
type colour = campaigns.Colour

var (
	white        = campaigns.White
	darkPaper    = colour{0.12, 0.12, 0.12}
	defaultTheme = campaigns.DefaultTheme
)

func parseColour(text string) (colour, bool) { return campaigns.ParseColour(text) }

func contrast(a, b colour) float64 { return campaigns.Contrast(a, b) }

// themeOf shifts the theme where it would not be seen: accents on paper reach 4.5 to 1, in the
// dark theme too. The words on it are of the design's ink in the light theme; in the dark one
// whatever reads better, since the theme is another colour there. A background belongs to the
// light theme alone.
func themeOf(text string, d campaigns.Design) string {
	base, ok := parseColour(text)
	if !ok {
		base = defaultTheme
	}
	light := palette(base, white, d.Ink)
	dark := palette(base.Towards(white, darkPaper, campaigns.LeastContrast), darkPaper, campaigns.InkAuto)
	if paper, ok := parseColour(d.Background); ok {
		light += ";--kq-paper:" + paper.String()
		dark += ";--kq-paper:var(--weui-BG-0)"
	}
	return ":root{" + light + "}\n@media (prefers-color-scheme:dark){:root{" + dark + "}}\n"
}

func palette(base, paper colour, ink campaigns.Ink) string {
	on := ink.On(base)
	deep := base.Mix(campaigns.Black, 0.22)
	if on == campaigns.Black {
		deep = base.Mix(white, 0.18)
	}
	accent := base.Towards(campaigns.Black, paper, campaigns.GoodContrast)
	if paper == darkPaper {
		accent = base.Towards(white, paper, campaigns.GoodContrast)
	}
	return fmt.Sprintf("--kq-theme:%s;--kq-deep:%s;--kq-on:%s;--kq-accent:%s", base, deep, on, accent)
}
