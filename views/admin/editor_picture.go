package admin

import (
	"github.com/a-h/templ"

	"kaquan/campaigns"
	"kaquan/media"
)

// upload is a field for an uploaded picture. Its file is NAME_file, the part that is kept is
// NAME_x, _y, _w and _h in pixels of the upright picture.
type upload struct {
	Name, Value string
	Op          string // of the button that sends it
	Drop        string // of the button that takes it away; "" = there is none
	Ratio       string // W:H of what is kept
	Hint        string
}

const maxPicture = media.MaxUpload >> 20

// PicturesPath takes the pictures of a campaign's editor.
func PicturesPath(c *campaigns.Campaign) string { return CampaignPath(c) + "/pictures" }

// lookAgain asks for the words about the colours when a field changes.
func lookAgain(f *CampaignForm) templ.Attributes {
	return templ.Attributes{
		"hx-post": f.action(), "hx-trigger": "change", "hx-include": "#editor", "hx-vals": `{"op":"contrast"}`,
		"hx-target": "#contrast", "hx-select": "#contrast", "hx-swap": "outerHTML",
	}
}

func colourAttrs(f *CampaignForm) templ.Attributes {
	a := lookAgain(f)
	a["autocapitalize"], a["spellcheck"], a["maxlength"], a["data-colour"] = "none", "false", "7", "1"
	return a
}
