package campaigns

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// Tap is a visitor's wish to claim, as the page sends it.
type Tap struct {
	Slug    Slug
	Visitor VisitorID
	Key     string // minted with the page: any retry returns the same claim
	Channel string
	Answers map[string]string
	Consent bool
	// Invitation is the code that the visitor typed, where the campaign asks for one.
	Invitation string
}

// keyShape is what an idempotency key looks like: random text minted with the page.
var keyShape = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)

// ErrBadKey says that the page's key is not one of ours: the form was tampered with.
var ErrBadKey = fault.New(fault.Invalid, "claim.bad_key")

// ConsentVersion names the wording of the consent line; it is stored with each claim.
const ConsentVersion = "2026-11"

// Claim takes one unit of stock for the visitor, or returns the claim that the same key
// made before. Cards of ours are confirmed at once; for WeChat cards the claim is held
// until Campaign.Hold has passed. Errors: fault.List on the form's fields, ErrNotOpen,
// ErrSoldOut, ErrLimit, ErrDayLimit, ErrCampaignNotFound; where the rules say so also
// ErrDayShare, ErrChannel, ErrNeedFollow, ErrFollowUnknown, ErrNotOnList, ErrBlocked,
// ErrOncePhone, ErrOncePlate. A repeat is safe.
func (s *Service) Claim(ctx context.Context, t Tap) (*Claim, *Campaign, error) {
	c, err := s.BySlug(ctx, t.Slug)
	if err != nil {
		return nil, nil, err
	}
	now := s.now().UTC()
	if state := c.State(now); state != Running {
		if claim, err := s.store.ClaimByKey(ctx, c.ID, t.Visitor, t.Key); err == nil {
			return claim, c, nil
		}
		return nil, c, ErrNotOpen
	}
	if !keyShape.MatchString(t.Key) {
		return nil, c, ErrBadKey
	}
	t.Channel = shortCode(t.Channel)
	answers, err := c.Form.Check(t.Answers, t.Consent)
	invitation, problem := c.Rules.invited(t.Invitation)
	if problem != nil {
		err = append(fault.List(fault.All(err)), problem)
	}
	if err != nil {
		return nil, c, err
	}
	asks, err := s.admit(ctx, c, t, answers, invitation, now)
	if err != nil {
		if claim, other := s.store.ClaimByKey(ctx, c.ID, t.Visitor, t.Key); other == nil {
			return claim, c, nil
		}
		return nil, c, err
	}
	claim, err := s.hold(ctx, c, t, answers, asks, now)
	if slices.ContainsFunc(freedBySweeping, func(refusal *fault.Error) bool { return errors.Is(err, refusal) }) {
		switch swept, problem := s.sweepOwn(ctx, c, t.Visitor, now); {
		case problem != nil:
			return nil, c, problem
		case swept:
			claim, err = s.hold(ctx, c, t, answers, asks, now)
		}
	}
	if errors.Is(err, ErrInvitation) {
		err = fault.List{ErrInvitation}
	}
	return claim, c, err
}

// freedBySweeping are the refusals that a hold of the visitor's own may have caused.
var freedBySweeping = []*fault.Error{ErrLimit, ErrDayLimit, ErrSoldOut, ErrDayShare, ErrOncePhone, ErrOncePlate, ErrInvitation}

// hold takes a unit for a new claim.
func (s *Service) hold(ctx context.Context, c *Campaign, t Tap, answers Answers, asks *Conditions, now time.Time) (*Claim, error) {
	// A code drawn twice is refused by the store; a second draw is as good as certain.
	for draw := 1; ; draw++ {
		claim, events := s.newClaim(c, t, answers, now)
		claim.Asks = asks
		stored, err := s.store.Hold(ctx, claim, c.Limits, events)
		if !errors.Is(err, ErrCodeTaken) || draw == 3 {
			return stored, err
		}
	}
}

// sweepOwn returns the holds that are over when one of them is the visitor's own: until
// the sweeper comes, it would count against them.
func (s *Service) sweepOwn(ctx context.Context, c *Campaign, visitor VisitorID, now time.Time) (bool, error) {
	claims, err := s.store.ClaimsOf(ctx, c.ID, visitor)
	if err != nil || !slices.ContainsFunc(claims, func(own Claim) bool { return own.Overdue(now) }) {
		return false, err
	}
	_, err = s.Sweep(ctx)
	return err == nil, err
}

// newClaim is a claim as it is born: held, or confirmed when the card is our own.
func (s *Service) newClaim(c *Campaign, t Tap, answers Answers, now time.Time) (*Claim, []Event) {
	claim := &Claim{
		ID: ClaimID(s.ids.next(now)), Campaign: c.ID, Account: c.Account, Visitor: t.Visitor, Ref: NewRef(), Issuer: c.Issuer,
		State: Held, Key: t.Key, Channel: t.Channel, Answers: answers, Private: c.Form.Private(), Day: c.Day(now), HoldUntil: now.Add(c.Hold), CreatedAt: now,
	}
	if len(c.Form) > 0 {
		claim.ConsentText = ConsentVersion
	}
	events := []Event{{Kind: EventHeld, Source: FromPage, At: now}}
	switch {
	case c.Price.Fen > 0: // it is set aside until it is paid, and a little longer than its order
		claim.HoldUntil = now.Add(c.Price.PayTime() + closingTime)
	case c.ShowsCode():
		own := Event{Kind: EventConfirmed, Source: FromServer, At: now}
		if c.Issuer == OwnCode { // the store takes the codes of a pool
			own.Code = NewCode()
		}
		claim.Apply(own)
		events = append(events, own)
	}
	return claim, events
}

// Open signs the card for one tap and records that cardExt was handed out. The claim
// must be the visitor's and still held (ErrHoldOver). Every call signs afresh: WeChat
// refuses a nonce it has seen. The code and the openid, which some cards demand, are the
// same every time. Errors of the gateway come back as they are.
func (s *Service) Open(ctx context.Context, id ClaimID, visitor VisitorID) (cardExt string, claim *Claim, c *Campaign, err error) {
	claim, c, err = s.Mine(ctx, id, visitor)
	if err != nil {
		return "", nil, nil, err
	}
	now := s.now().UTC()
	if claim.State != Held && claim.State != Opened || claim.Overdue(now) {
		return "", claim, c, ErrHoldOver
	}
	person, err := s.store.VisitorByID(ctx, visitor)
	if err != nil {
		return "", claim, c, err
	}
	cardExt, err = s.gateway.SignCard(ctx, c.Account, wechat.CardRequest{
		CardID: c.CardID, Code: string(claim.Ref.OwnCode()), OpenID: person.atWeChat(), OuterStr: string(claim.Ref),
	})
	if err != nil {
		return "", claim, c, err
	}
	claim, err = s.store.Record(ctx, id, Event{Kind: EventOpened, Source: FromServer, At: now}, nil)
	return cardExt, claim, c, err
}

// Outcome is what the page says became of the wallet sheet: a hint, never proof.
type Outcome string

// The outcomes.
const (
	WalletAdded     Outcome = "added"
	WalletCancelled Outcome = "cancelled"
	WalletRefused   Outcome = "refused"
)

// SheetReport is what the page says about the wallet sheet.
type SheetReport struct {
	Outcome Outcome
	Detail  string // a short code of why, for a refusal
	Sealed  string // the encrypted code that addCard gave, for Added (protocol 3.1); "" = none
}

// Report records what the page says. Added makes the claim reported (it still waits for
// the platform; the encrypted code is kept for reconciling), cancelled is a note, refused
// returns the stock. Repeats are safe; ErrForeignClaim for somebody else's claim.
func (s *Service) Report(ctx context.Context, id ClaimID, visitor VisitorID, r SheetReport) (*Claim, error) {
	if _, _, err := s.Mine(ctx, id, visitor); err != nil {
		return nil, err
	}
	now := s.now().UTC()
	switch r.Outcome {
	case WalletAdded:
		return s.store.Record(ctx, id, Event{Kind: EventReported, Source: FromPage, At: now, Sealed: sealedCode(r.Sealed)}, nil)
	case WalletRefused:
		return s.store.Record(ctx, id, Event{Kind: EventReleased, Source: FromPage, At: now, Detail: ReasonWallet + ":" + shortCode(r.Detail)}, []ClaimState{Held, Opened})
	}
	return s.store.Record(ctx, id, Event{Kind: EventCancelled, Source: FromPage, At: now}, []ClaimState{Held, Opened})
}

// sealedCode is an encrypted code as it may be kept, "" for what cannot be one.
func sealedCode(s string) string {
	if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return s
}

// shortCode keeps what a code may hold of a text that came from a browser.
func shortCode(s string) string {
	var b []byte
	for i := 0; i < len(s) && len(b) < 40; i++ {
		if c := s[i]; c == '_' || c == '-' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b = append(b, c)
		}
	}
	return string(b)
}

// Mine is the visitor's own claim with its campaign; ErrForeignClaim otherwise.
func (s *Service) Mine(ctx context.Context, id ClaimID, visitor VisitorID) (*Claim, *Campaign, error) {
	claim, err := s.store.ClaimByID(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if claim.Visitor != visitor || visitor == 0 {
		return nil, nil, ErrForeignClaim
	}
	c, err := s.store.CampaignByID(ctx, claim.Campaign)
	return claim, c, err
}

// Standing is where one visitor stands in one campaign.
type Standing struct {
	Claims   []Claim // not released, newest first
	Total    int     // claims that count against the per-person limit
	Today    int     // of those, today's
	Current  *Claim  // the claim the page should show; nil = none yet
	LimitHit bool    // the per-person limit is used up
	DayHit   bool    // today's limit is used up
}

// Standing reads where the visitor stands; it changes nothing.
func (s *Service) Standing(ctx context.Context, c *Campaign, visitor VisitorID) (Standing, error) {
	var st Standing
	if visitor == 0 {
		return st, nil
	}
	// Also without a claim: whoever erased their data and came back has used up limits.
	total, today, some, err := s.store.Usage(ctx, c.ID, visitor, c.Day(s.now()))
	if err != nil {
		return st, err
	}
	st.Total, st.Today = total, today
	st.LimitHit = st.Total >= c.Limits.PerPerson
	st.DayHit = c.Limits.PerDay > 0 && st.Today >= c.Limits.PerDay
	if !some { // most visitors of a page, who need no second look
		return st, nil
	}
	if st.Claims, err = s.store.ClaimsOf(ctx, c.ID, visitor); err != nil {
		return st, err
	}
	if len(st.Claims) > 0 {
		st.Current = &st.Claims[0]
	}
	return st, nil
}

// Visit remembers a visitor that WeChat vouched for. Snapshot identities never get here.
func (s *Service) Visit(ctx context.Context, v Visitor) (Visitor, error) {
	now := s.now().UTC()
	v.ID, v.FirstSeen, v.LastSeen = VisitorID(s.ids.next(now)), now, now
	v.Nickname = cleanLine(v.Nickname)
	return s.store.TouchVisitor(ctx, v)
}

// Visitor finds a visitor by id.
func (s *Service) Visitor(ctx context.Context, id VisitorID) (Visitor, error) {
	return s.store.VisitorByID(ctx, id)
}

// Sweep returns the stock of holds that have expired, in batches, and says how many.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	const batch = 200
	total := 0
	for {
		n, err := s.store.ReleaseExpired(ctx, s.now().UTC(), batch)
		total += n
		if err != nil || n < batch {
			return total, err
		}
	}
}
