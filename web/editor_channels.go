package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
)

func readChannels(c *fiber.Ctx, f *admin.CampaignForm) {
	f.Channels = admin.ChannelsStep{Title: typed(c, "share_title"), Desc: typed(c, "share_desc"), Image: typed(c, "share_image")}
}

func draftChannels(f *admin.CampaignForm, d *campaigns.Draft, _ *fault.List) {
	d.Share = campaigns.Share{Title: f.Channels.Title, Desc: f.Channels.Desc, Image: f.Channels.Image}
}

func fillChannels(d *campaigns.Draft, f *admin.CampaignForm) {
	f.Channels = admin.ChannelsStep{Title: d.Share.Title, Desc: d.Share.Desc, Image: d.Share.Image}
}
