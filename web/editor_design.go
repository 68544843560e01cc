package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readDesign(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Design = admin.DesignStep{
		Intro: typed(c, "intro"), Colour: typed(c, "colour"), Ink: typed(c, "ink"), Background: typed(c, "background"), Cover: typed(c, "cover"),
		Layout: typed(c, "layout"), ShowStock: c.FormValue("show_stock") != "",
	}
}

// draftDesign leaves the words of states alone: the preview changes those.
func draftDesign(f *admin.CampaignForm, d *campaigns.Draft, _ *fault.List) {
	d.Texts.Intro, d.Texts.Colour, d.Texts.ShowStock = f.Design.Intro, f.Design.Colour, f.Design.ShowStock
	d.Design.Ink, d.Design.Background = campaigns.Ink(f.Design.Ink), f.Design.Background
	d.Design.Cover, d.Design.Layout = f.Design.Cover, campaigns.CoverLayout(f.Design.Layout)
}

func fillDesign(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Design = admin.DesignStep{
		Intro: d.Texts.Intro, Colour: d.Texts.Colour, Ink: string(d.Design.Ink), Background: d.Design.Background, Cover: d.Design.Cover,
		Layout: string(d.Design.Layout), ShowStock: d.Texts.ShowStock,
	}
}

// pressDesign takes the cover away, takes a proposed colour, or only looks at the colours again.
func pressDesign(f *admin.CampaignForm, op string) bool {
	field, colour, _ := strings.Cut(op, "-")
	switch {
	case op == "contrast":
	case op == "cover-drop":
		f.Design.Cover = ""
	case field == "colour" && colour != "":
		f.Design.Colour = colour
	case field == "background" && colour != "":
		f.Design.Background = colour
	default:
		return false
	}
	return true
}
