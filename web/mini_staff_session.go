package web

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/mini"
	"kaquan/stores"
)

var errNotBound = fault.New(fault.NotFound, "staff.not_bound")

type (
	miniPlaceName struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
	miniMember struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Role string `json:"role,omitempty"`
	}
	miniMay struct {
		Redeem  bool `json:"redeem"`
		Undo    bool `json:"undo"`
		Stock   bool `json:"stock"`
		Summary bool `json:"summary"`
	}
	miniShift struct {
		Token   string        `json:"token,omitempty"`
		Expires string        `json:"expires_at"`
		Staff   miniMember    `json:"staff"`
		Place   miniPlaceName `json:"place"`
		May     miniMay       `json:"may"`
	}
)

func placeName(p *stores.Place) miniPlaceName {
	return miniPlaceName{p.ID.String(), p.Name, string(p.Kind)}
}

func shiftAnswer(token string, x *stores.Session, m *stores.Staff, p *stores.Place) miniShift {
	return miniShift{
		Token: token, Expires: stamp(x.ExpiresAt), Staff: miniMember{m.ID.String(), m.Name, string(m.Role)}, Place: placeName(p),
		May: miniMay{Redeem: m.Role.Redeems(), Undo: m.Role.Redeems(), Stock: m.Role.BooksStock(), Summary: m.Role.Manages()},
	}
}

// handlePlace tells who works at a place, by its code.
func (s *miniStaff) handlePlace(c *fiber.Ctx, person *mini.Session) error {
	ctx := c.UserContext()
	if s.codes.spent(string(person.Hash)) {
		return tooMany(c, "120")
	}
	code, err := url.PathUnescape(c.Params("code"))
	if err != nil {
		return stores.ErrPlaceNotFound
	}
	p, err := s.placeByCode(c, stores.AccountID(person.Account), code)
	if err != nil {
		if errors.Is(err, stores.ErrPlaceNotFound) {
			s.codes.allow(string(person.Hash))
		}
		return err
	}
	list, err := s.Stores.StaffAt(ctx, p.ID)
	if err != nil {
		return err
	}
	names := make([]miniMember, 0, len(list))
	for i := range list {
		names = append(names, miniMember{ID: list[i].ID.String(), Name: list[i].Name})
	}
	return sendJSON(c, fiber.StatusOK, struct {
		miniPlaceName
		Staff []miniMember `json:"staff"`
	}{placeName(p), names})
}

// placeByCode finds a place of the account that is not disabled.
func (s *miniStaff) placeByCode(c *fiber.Ctx, account stores.AccountID, code string) (*stores.Place, error) {
	list, err := s.Stores.Places(c.UserContext(), account)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if !list[i].Disabled && strings.EqualFold(list[i].Code, strings.TrimSpace(code)) {
			return &list[i].Place, nil
		}
	}
	return nil, stores.ErrPlaceNotFound
}

// handleEnter signs in with place, name and PIN, or as who is bound to the person.
func (s *miniStaff) handleEnter(c *fiber.Ctx, person *mini.Session) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if in.yes("wechat") {
		return s.enterBound(c, person)
	}
	place, err := s.Stores.Place(ctx, stores.ParseID[stores.PlaceID](in.text("place")))
	if errors.Is(err, stores.ErrPlaceNotFound) || err == nil && string(place.Account) != string(person.Account) {
		return stores.ErrWrongPIN
	}
	if err != nil {
		return err
	}
	token, session, member, err := s.Stores.SignIn(ctx, stores.SignIn{
		Place: place.ID, Staff: stores.ParseID[stores.StaffID](in.text("staff")), PIN: in.text("pin"), IP: s.clientIP(c), Agent: c.Get(fiber.HeaderUserAgent),
	})
	if errors.Is(err, stores.ErrStaffNotFound) { // disabled meanwhile
		return stores.ErrWrongPIN
	}
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusCreated, shiftAnswer(token, &session, &member, &place))
}

// enterBound signs in the member who is bound to the person.
func (s *miniStaff) enterBound(c *fiber.Ctx, person *mini.Session) error {
	ctx := c.UserContext()
	token, session, member, err := s.Stores.SignInVisitor(ctx, stores.VisitorID(person.Visitor), s.clientIP(c), c.Get(fiber.HeaderUserAgent))
	if errors.Is(err, stores.ErrStaffNotFound) || err == nil && string(member.Account) != string(person.Account) {
		return errNotBound
	}
	if err != nil {
		return err
	}
	place, err := s.Stores.Place(ctx, member.Place)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusCreated, shiftAnswer(token, &session, &member, &place))
}

// handleBind makes the person's identity that of the member for whom a link was made.
func (s *miniStaff) handleBind(c *fiber.Ctx, person *mini.Session) error {
	ctx := c.UserContext()
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	token := in.text("token")
	if link, err := url.Parse(token); err == nil && link.Scheme != "" {
		token = lastPart(link.Path)
	}
	member, _, err := s.Stores.BindOf(ctx, token)
	if err == nil && string(member.Account) != string(person.Account) {
		err = stores.ErrBindUsed
	}
	if err == nil {
		_, err = s.Stores.Bind(ctx, token, stores.VisitorID(person.Visitor), s.clientIP(c))
	}
	if err != nil {
		return err
	}
	return s.enterBound(c, person)
}

// handleShift tells who is signed in.
func (s *miniStaff) handleShift(c *fiber.Ctx, who *miniTill) error {
	return sendJSON(c, fiber.StatusOK, shiftAnswer("", &who.session, &who.Staff, &who.Place))
}

// handleLeave signs out; also with a token that is over, so that a repeat is safe.
func (s *miniStaff) handleLeave(c *fiber.Ctx, _ *mini.Session) error {
	token := c.Get(staffHeader)
	if token == "" {
		return errStaffNone
	}
	if err := s.Stores.SignOut(c.UserContext(), token); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
