package campaigns

import "kaquan/fault"

// The refusals of the claim path. Each is a state of the visitor's page and a reason
// that is counted; none is a failure of ours.
var (
	ErrNotFound        = fault.New(fault.NotFound, "claim.not_found")
	ErrNotOpen         = fault.New(fault.Conflict, "claim.not_open")
	ErrSoldOut         = fault.New(fault.Conflict, "claim.sold_out")
	ErrLimit           = fault.New(fault.Conflict, "claim.limit")
	ErrDayLimit        = fault.New(fault.Conflict, "claim.day_limit")
	ErrDayShare        = fault.New(fault.Conflict, "claim.day_share")
	ErrChannel         = fault.New(fault.Conflict, "claim.wrong_channel")
	ErrNeedFollow      = fault.New(fault.Conflict, "claim.need_follow")
	ErrFollowUnknown   = fault.New(fault.Conflict, "claim.follow_unknown")
	ErrNotOnList       = fault.New(fault.Conflict, "claim.not_on_list")
	ErrBlocked         = fault.New(fault.Conflict, "claim.blocked")
	ErrOncePhone       = fault.New(fault.Conflict, "claim.once_phone")
	ErrOncePlate       = fault.New(fault.Conflict, "claim.once_plate")
	ErrInvitation      = fault.New(fault.Invalid, "claim.invitation_wrong").On("invitation")
	ErrHoldOver        = fault.New(fault.Conflict, "claim.hold_over")
	ErrCodeTaken       = fault.New(fault.Conflict, "claim.code_taken") // the service draws again
	ErrForeignClaim    = fault.New(fault.NotFound, "claim.not_yours")
	ErrVisitorNotFound = fault.New(fault.NotFound, "claim.visitor_not_found")
)

// The refusals of the admin.
var (
	ErrCampaignNotFound = fault.New(fault.NotFound, "campaign.error.not_found")
	ErrEditConflict     = fault.New(fault.Conflict, "campaign.error.edit_conflict")
	ErrWrongState       = fault.New(fault.Conflict, "campaign.error.wrong_state")
	ErrStockBelowIssued = fault.New(fault.Conflict, "campaign.error.stock_below_issued")
	ErrSlugTaken        = fault.New(fault.Invalid, "campaign.error.slug_taken")
)
