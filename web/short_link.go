package web

import (
	"github.com/gofiber/fiber/v2"
)

// shortLink answers GET /q/{short}: to the campaign's page, with the channel as long as it
// is turned on. The scan is counted; nothing about who scanned is kept. The answer is not
// kept either, so that a printed code can be turned off and every scan is seen.
func (v *visitors) shortLink(c *fiber.Ctx) error {
	slug, channel, err := v.Campaigns.ShortLink(c.UserContext(), c.Params("short"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect(pagePath(slug, channel), fiber.StatusFound)
}

// scannedMark tells the full link of a printed code from one that was shared.
const scannedMark = "s"

// countScan counts an opened page that came from a printed code with the full link.
func (v *visitors) countScan(c *fiber.Ctx) error {
	if channel := channelOf(c.Query("ch")); channel != "" && c.Query(scannedMark) == "1" && !wantsMain(c) {
		if campaign, err := v.Campaigns.BySlug(c.UserContext(), slugOf(c)); err == nil {
			v.Campaigns.Scanned(campaign.ID, v.Campaigns.LiveChannel(c.UserContext(), campaign.ID, channel))
		}
	}
	return c.Next()
}
