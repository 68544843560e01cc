package ui

import "kaquan/campaigns"

var campaignColours = map[campaigns.State]string{
	campaigns.Running: "status-green", campaigns.Scheduled: "status-blue", campaigns.Paused: "status-orange",
	campaigns.Unpublished: "status-secondary", campaigns.Ended: "status-dark", campaigns.Archived: "status-secondary",
}

var claimColours = map[campaigns.ClaimState]string{
	campaigns.Held: "status-yellow", campaigns.Opened: "status-yellow", campaigns.Reported: "status-azure",
	campaigns.Confirmed: "status-green", campaigns.Redeemed: "status-blue", campaigns.Gifted: "status-purple",
	campaigns.Deleted: "status-secondary", campaigns.Expired: "status-secondary", campaigns.Voided: "status-red", campaigns.Released: "status-secondary",
}
