package redemption

import (
	"context"
	"time"

	"kaquan/campaigns"
	"kaquan/stores"
	"kaquan/wechat"
)

// Store is what the room needs from the database. Every method that writes is one
// transaction.
type Store interface {
	// PassKeys lists the signing keys, the newest first.
	PassKeys(ctx context.Context) ([]Key, error)
	// AddPassKey stores a key; first stores it only where there is none yet.
	AddPassKey(ctx context.Context, k Key, first bool) error

	CampaignByID(ctx context.Context, id campaigns.ID) (*campaigns.Campaign, error)
	ClaimByID(ctx context.Context, id campaigns.ClaimID) (*campaigns.Claim, error)
	// ClaimByCode finds the claim of an account that has a code; campaigns.ErrNotFound.
	ClaimByCode(ctx context.Context, account campaigns.AccountID, code campaigns.CardCode) (*campaigns.Claim, error)

	// Redeem books a redemption, the claim's event and the movement of goods (nil = none),
	// all or nothing. The claim must be confirmed: ErrRefused otherwise. The same key gives
	// the first redemption again; ErrKeyReused when it was of another card.
	Redeem(ctx context.Context, r Redemption, move *stores.Move) (Redemption, error)
	// Begin books a pending redemption, under the same rules.
	Begin(ctx context.Context, r Redemption) (Redemption, error)
	// Finish makes a pending redemption done with the claim's event and the movement. A
	// repeat is safe.
	Finish(ctx context.Context, id ID, at time.Time, move *stores.Move) (Redemption, error)
	// Fail gives a pending redemption up; reason is a short code. A repeat is safe.
	Fail(ctx context.Context, id ID, reason string) error
	// Waiting lists pending redemptions, the oldest first.
	Waiting(ctx context.Context, limit int) ([]Redemption, error)
	// Undo takes a redemption back that was booked after earliest: the claim is confirmed
	// again and the goods are back. ErrTooLate, ErrUndone, ErrNoUndo, ErrNotFound.
	Undo(ctx context.Context, id ID, by stores.Actor, now, earliest time.Time) (Redemption, error)

	Redemption(ctx context.Context, id ID) (Row, error)
	// RedemptionOf is the redemption of a claim that is pending or done; ErrNotFound.
	RedemptionOf(ctx context.Context, claim campaigns.ClaimID) (Redemption, error)
	// Redemptions lists by filter, the newest first.
	Redemptions(ctx context.Context, f Filter) ([]Row, error)
	// RedemptionTotals sums the filtered redemptions up by place, person and campaign.
	RedemptionTotals(ctx context.Context, f Filter) ([]Total, error)

	// AddConflict stores a task; the same key stores it once.
	AddConflict(ctx context.Context, c Conflict) error
	// Conflicts lists tasks, the newest first: of a place, or (0) of all.
	Conflicts(ctx context.Context, account campaigns.AccountID, place stores.PlaceID, open bool, limit int) ([]Conflict, error)
	// ResolveConflict closes a task; ErrNotFound. A repeat is safe.
	ResolveConflict(ctx context.Context, id int64, by stores.Actor, note string, now time.Time) error
}

// Cards is what the room needs from WeChat; the hub is adapted to it in cli.
type Cards interface {
	// Check asks for the state of a card in a wallet (protocol 4.7).
	Check(ctx context.Context, account campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) (wechat.CodeInfo, error)
	// Consume redeems a card for good (protocol 4.8).
	Consume(ctx context.Context, account campaigns.AccountID, card wechat.CardID, code campaigns.CardCode) error
}
