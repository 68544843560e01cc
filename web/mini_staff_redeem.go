package web

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/mini"
	"kaquan/redemption"
	"kaquan/stores"
	"kaquan/views/staff"
	"kaquan/views/visitor"
)

var (
	errLookBad           = fault.New(fault.Invalid, "staff.look.bad").On("text")
	errRedemptionUnknown = fault.New(fault.NotFound, "redemption.unknown")
	errUndoLate          = fault.New(fault.Conflict, "redemption.undo_late")
	errRedemptionUndone  = fault.New(fault.Conflict, "redemption.undone")
)

// tillRefusals are the words for machines about a card that cannot be redeemed.
var tillRefusals = map[redemption.Verdict]*fault.Error{
	redemption.Used:       fault.New(fault.Conflict, "redemption.used"),
	redemption.Waits:      fault.New(fault.Conflict, "redemption.pending"),
	redemption.NotYet:     fault.New(fault.Conflict, "redemption.early"),
	redemption.Expired:    fault.New(fault.Conflict, "redemption.expired"),
	redemption.Gifting:    fault.New(fault.Conflict, "redemption.gifting"),
	redemption.Deleted:    fault.New(fault.Conflict, "redemption.deleted"),
	redemption.Voided:     fault.New(fault.Conflict, "redemption.voided"),
	redemption.Returned:   fault.New(fault.Conflict, "redemption.unclaimed"),
	redemption.OtherStore: fault.New(fault.Conflict, "redemption.elsewhere"),
	redemption.NoGoods:    fault.New(fault.Conflict, "redemption.no_gift"),
	redemption.Forged:     fault.New(fault.Invalid, "redemption.forged").On("text"),
	redemption.Unclear:    fault.New(fault.Conflict, "redemption.unclear"),
	redemption.Unknown:    errRedemptionUnknown,
}

type (
	miniLook struct {
		Kind    string        `json:"kind"`
		Card    *miniTillCard `json:"card,omitempty"`
		Goods   *miniGoods    `json:"goods,omitempty"`
		Place   *miniPlace    `json:"place,omitempty"`
		Text    string        `json:"text,omitempty"`
		Barcode *bool         `json:"barcode,omitempty"`
	}
	miniTillCard struct {
		Code       string      `json:"code"`
		Benefit    string      `json:"benefit"`
		Brand      string      `json:"brand"`
		Rules      string      `json:"rules"`
		Note       string      `json:"note"`
		Validity   string      `json:"validity"`
		Holder     string      `json:"holder"`
		ClaimedAt  string      `json:"claimed_at"`
		State      string      `json:"state"`
		Redeemable bool        `json:"redeemable"`
		CanUndo    bool        `json:"can_undo"`
		Reason     *miniReason `json:"reason"`
		Gift       *miniGift   `json:"gift"`
	}
	// miniReason is why a card cannot be redeemed; the last three are "" where they do not apply.
	miniReason struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		miniPrior
	}
	miniPrior struct {
		At    string `json:"at"`
		Place string `json:"place"`
		By    string `json:"by"`
	}
	miniGift struct {
		Goods    string `json:"goods"`
		Name     string `json:"name"`
		Unit     string `json:"unit,omitempty"`
		Quantity int64  `json:"quantity"`
		Stock    *int64 `json:"stock,omitempty"`
	}
	miniRedemption struct {
		ID        string    `json:"id"`
		Code      string    `json:"code"`
		Benefit   string    `json:"benefit"`
		Holder    string    `json:"holder"`
		State     string    `json:"state"`
		At        string    `json:"at"`
		Place     string    `json:"place"`
		By        string    `json:"by"`
		Mine      bool      `json:"mine"`
		Offline   bool      `json:"offline"`
		UndoUntil string    `json:"undo_until"`
		UndoneAt  string    `json:"undone_at"`
		Gift      *miniGift `json:"gift"`
	}
)

func aliasOf(id campaigns.VisitorID) string {
	if id == 0 {
		return ""
	}
	return (&campaigns.Visitor{ID: id}).Alias()
}

// priorOf tells when and where a used card was used, as far as that is known here.
func priorOf(v *redemption.View) miniPrior {
	switch {
	case v.Verdict != redemption.Used:
		return miniPrior{}
	case v.Prior != nil:
		return miniPrior{stamp(v.Prior.At), v.Prior.PlaceName, v.Prior.StaffName}
	case v.Claim != nil:
		return miniPrior{At: stamp(v.Claim.RedeemedAt)}
	}
	return miniPrior{}
}

// refusal is the error about a card that cannot be redeemed.
func (s *miniStaff) refusal(c *fiber.Ctx, v *redemption.View) error {
	e := tillRefusals[v.Verdict]
	if e == nil {
		return redemption.ErrRefused
	}
	return &miniDetail{err: e, message: staff.VerdictWords(c.UserContext(), v, s.Redemption.Now()), fields: priorOf(v)}
}

// linear are the types of codes on goods, as wx.scanCode names them.
var linear = []string{"EAN_13", "EAN_8", "UPC_A", "UPC_E", "ITF", "CODE_39", "CODE_93", "CODE_25", "CODABAR", "CODE_128", "barCode"}

// handleLook says what a scanned or typed text stands for. It changes nothing.
func (s *miniStaff) handleLook(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	text := in.text("text")
	if n := utf8.RuneCountInString(text); n == 0 || n > 256 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return errLookBad
	}
	card := func() (*miniLook, error) { return s.lookCard(c, who, text) }
	goods := func() (*miniLook, error) { return s.lookGoods(c, who, text) }
	steps := []func() (*miniLook, error){card, goods}
	if slices.Contains(linear, in.text("type")) {
		steps = []func() (*miniLook, error){goods, card}
	}
	for _, look := range steps {
		if found, err := look(); err != nil || found != nil {
			if err != nil {
				return err
			}
			return sendJSON(c, fiber.StatusOK, found)
		}
	}
	place, err := s.placeByCode(c, who.Staff.Account, text)
	switch {
	case err == nil:
		found := placeAnswer(&stores.PlaceRow{Place: *place})
		return sendJSON(c, fiber.StatusOK, miniLook{Kind: "place", Place: &found})
	case !errors.Is(err, stores.ErrPlaceNotFound):
		return err
	}
	barcode := who.Staff.Role.BooksStock() && stores.CheckBarcode(text) == nil
	return sendJSON(c, fiber.StatusOK, miniLook{Kind: "unknown", Text: text, Barcode: &barcode})
}

// lookCard is the card of a text, nil when there is none.
func (s *miniStaff) lookCard(c *fiber.Ctx, who *miniTill, text string) (*miniLook, error) {
	if !who.Staff.Role.Redeems() {
		return nil, nil
	}
	member := who.Staff.ID.String()
	if s.strangers.spent(member) {
		return nil, tooMany(c, "6")
	}
	v, err := s.Redemption.Look(c.UserContext(), &who.Till, text)
	switch {
	case fault.CodeOf(err) == fault.Invalid: // it cannot be a code
		return nil, nil
	case err != nil:
		return nil, err
	case v.Verdict == redemption.Forged:
		s.strangers.allow(member)
		return nil, s.refusal(c, &v)
	case v.Claim == nil:
		s.strangers.allow(member)
		return nil, nil
	}
	card, err := s.cardAnswer(c, who, &v)
	return &miniLook{Kind: "card", Card: card}, err
}

func (s *miniStaff) cardAnswer(c *fiber.Ctx, who *miniTill, v *redemption.View) (*miniTillCard, error) {
	ctx := c.UserContext()
	face := faceOf(ctx, &visitor.Page{Campaign: v.Campaign, Now: s.Redemption.Now()})
	a := &miniTillCard{
		Code: string(v.Claim.Code), Benefit: face.Benefit, Brand: face.Brand, Rules: face.Terms, Note: v.Campaign.Redeeming.Note, Validity: face.Validity,
		Holder: aliasOf(v.Claim.Visitor), ClaimedAt: stamp(v.Claim.ConfirmedAt), State: string(v.Claim.State),
		Redeemable: v.Verdict == redemption.Good, CanUndo: v.CanUndo,
	}
	if e := tillRefusals[v.Verdict]; e != nil && !a.Redeemable {
		a.Reason = &miniReason{e.Key, staff.VerdictWords(ctx, v, s.Redemption.Now()), priorOf(v)}
	}
	if goods := stores.ParseID[stores.GoodsID](v.Campaign.Redeeming.Goods); goods != 0 && v.GoodsName != "" {
		stock, err := s.Stores.Level(ctx, who.Place.ID, goods)
		if err != nil {
			return nil, err
		}
		a.Gift = &miniGift{Goods: goods.String(), Name: v.GoodsName, Unit: v.Unit, Quantity: v.Quantity, Stock: &stock}
	}
	return a, nil
}

// lookGoods is the article of a barcode, nil when there is none.
func (s *miniStaff) lookGoods(c *fiber.Ctx, who *miniTill, text string) (*miniLook, error) {
	if !who.Staff.Role.BooksStock() {
		return nil, nil
	}
	g, err := s.Stores.GoodsByBarcode(c.UserContext(), who.Staff.Account, text)
	if errors.Is(err, stores.ErrGoodsNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	goods, err := s.goodsAnswer(c, &g, who.Place.ID)
	return &miniLook{Kind: "goods", Goods: goods}, err
}

func (s *miniStaff) redemptionAnswer(who *miniTill, r *redemption.Row) miniRedemption {
	a := miniRedemption{
		ID: strconv.FormatInt(int64(r.ID), 10), Code: string(r.Code), Benefit: cmp.Or(r.Benefit, r.CampaignName), Holder: aliasOf(r.Visitor), State: string(r.State),
		At: stamp(r.At), Place: r.PlaceName, By: r.StaffName, Mine: r.Staff == who.Staff.ID, Offline: r.Offline, UndoneAt: stamp(r.UndoneAt),
	}
	if r.CanUndo(s.Redemption.Now()) && r.Place == who.Place.ID && (a.Mine || who.Staff.Role.Manages()) {
		a.UndoUntil = stamp(r.BookedAt.Add(redemption.UndoTime))
	}
	if r.Goods != 0 {
		a.Gift = &miniGift{Goods: r.Goods.String(), Name: r.GoodsName, Quantity: r.Quantity}
	}
	return a
}

type miniRedemptionAnswer struct {
	Redemption miniRedemption `json:"redemption"`
}

// sendRedemption answers with a redemption as it stands; one that waits for WeChat's word
// is 202 until somebody asks again.
func (s *miniStaff) sendRedemption(c *fiber.Ctx, who *miniTill, id redemption.ID, status int) error {
	row, err := s.Redemption.Redemption(c.UserContext(), id)
	if err != nil {
		return err
	}
	if row.State == redemption.Pending {
		status = fiber.StatusAccepted
	}
	return sendJSON(c, status, miniRedemptionAnswer{s.redemptionAnswer(who, &row)})
}

// handleRedeem uses a card up.
func (s *miniStaff) handleRedeem(c *fiber.Ctx, who *miniTill) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	key, err := who.key(c, &in)
	if err != nil {
		return err
	}
	text := in.text("code")
	if !in.yes("offline") {
		return s.redeem(c, who, text, key)
	}
	at, err := time.Parse(time.RFC3339, in.text("at"))
	if err != nil {
		at = s.Redemption.Now()
	}
	return s.redeemLater(c, who, redemption.Offline{Text: text, At: at, Key: key})
}

func (s *miniStaff) redeem(c *fiber.Ctx, who *miniTill, text, key string) error {
	ctx, member := c.UserContext(), who.Staff.ID.String()
	if s.strangers.spent(member) {
		return tooMany(c, "6")
	}
	v, err := s.Redemption.Look(ctx, &who.Till, text)
	switch {
	case fault.CodeOf(err) == fault.Invalid:
		v = redemption.View{Verdict: redemption.Unknown}
	case err != nil:
		return err
	}
	if v.Claim == nil {
		s.strangers.allow(member)
		return s.refusal(c, &v)
	}
	r, v, err := s.Redemption.Redeem(ctx, &who.Till, redemption.Confirm{Claim: v.Claim.ID, Key: key})
	switch {
	case errors.Is(err, redemption.ErrRefused):
		return s.refusal(c, &v)
	case errors.Is(err, redemption.ErrKeyReused):
		return errStaffKeyReused.Because(err)
	case fault.CodeOf(err) == fault.Unavailable:
		return mini.ErrWeChat.Because(err)
	case err != nil:
		return err
	}
	return s.sendRedemption(c, who, r.ID, who.status(r.BookedAt))
}

// redeemLater brings in what was accepted without network. A pass of ours is booked with
// the till's time; a bare code, which the phone could not check, is booked as of now. What
// cannot be booked is a task for the manager as well.
func (s *miniStaff) redeemLater(c *fiber.Ctx, who *miniTill, o redemption.Offline) error {
	ctx := c.UserContext()
	if !strings.HasPrefix(o.Text, "KQ1.") {
		err := s.redeem(c, who, o.Text, o.Key)
		var refused *miniDetail
		if !errors.As(err, &refused) {
			return err
		}
		if _, e := s.Redemption.Sync(ctx, &who.Till, []redemption.Offline{o}); e != nil && fault.CodeOf(e) != fault.Invalid {
			return e
		}
		return err
	}
	list, err := s.Redemption.Sync(ctx, &who.Till, []redemption.Offline{o})
	switch {
	case errors.Is(err, redemption.ErrKeyReused):
		return errStaffKeyReused.Because(err)
	case fault.CodeOf(err) == fault.Invalid:
		return s.refusal(c, &redemption.View{Verdict: redemption.Unknown})
	case err != nil:
		return err
	}
	if one := &list[0]; one.Verdict == redemption.Good {
		return s.sendRedemption(c, who, one.Redemption.ID, who.status(one.Redemption.BookedAt))
	}
	v, err := s.Redemption.Look(ctx, &who.Till, o.Text)
	if err != nil {
		return err
	}
	v.Verdict = list[0].Verdict
	return s.refusal(c, &v)
}

// ownRedemption is the redemption of the path, of the member's place.
func (s *miniStaff) ownRedemption(c *fiber.Ctx, who *miniTill) (redemption.Row, error) {
	id, ok := whole(c.Params("id"))
	if !ok {
		return redemption.Row{}, errRedemptionUnknown
	}
	row, err := s.Redemption.Redemption(c.UserContext(), redemption.ID(id))
	if errors.Is(err, redemption.ErrNotFound) || err == nil && (string(row.Account) != string(who.Staff.Account) || row.Place != who.Place.ID || row.Staff != who.Staff.ID && !who.Staff.Role.Manages()) {
		return redemption.Row{}, errRedemptionUnknown
	}
	return row, err
}

// handleRedemption is one redemption: the phone asks while WeChat's word is missing.
func (s *miniStaff) handleRedemption(c *fiber.Ctx, who *miniTill) error {
	row, err := s.ownRedemption(c, who)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, miniRedemptionAnswer{s.redemptionAnswer(who, &row)})
}

// handleRedemptionUndo takes one back within its minutes.
func (s *miniStaff) handleRedemptionUndo(c *fiber.Ctx, who *miniTill) error {
	row, err := s.ownRedemption(c, who)
	if err != nil {
		return err
	}
	_, err = s.Redemption.Undo(c.UserContext(), &who.Till, row.ID)
	switch {
	case errors.Is(err, redemption.ErrTooLate):
		return errUndoLate
	case errors.Is(err, redemption.ErrUndone):
		return errRedemptionUndone
	case errors.Is(err, redemption.ErrNotAllowed):
		return errStaffForbidden
	case err != nil:
		return err
	}
	return s.sendRedemption(c, who, row.ID, fiber.StatusOK)
}
