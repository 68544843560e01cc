package sandbox

import (
	"errors"
	"slices"
)

// States of a code (protocol 4.7).
const (
	codeNormal   = "NORMAL"
	codeConsumed = "CONSUMED"
	codeGifting  = "GIFTING"
	codeGifted   = "GIFT_SUCC"
	codeDeleted  = "DELETE"
	codeVoid     = "UNAVAILABLE"
)

var errNoCard = errors.New("没有这张卡券 · there is no such card")

// mine finds a card of a person in a state; the mutex is held.
func (s *Server) mine(personaID, code, status string) (*held, error) {
	p, h := s.persona(personaID), s.codes[code]
	if p == nil || h == nil || h.owner != p || h.status != status {
		return nil, errNoCard
	}
	return h, nil
}

// Gift is a persona who offers a card to another one. The other then takes it with
// AcceptGift or leaves it with ReturnGift.
func (s *Server) Gift(personaID, code, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.mine(personaID, code, codeNormal)
	if err != nil {
		return err
	}
	friend, err := s.inChat(to, false)
	switch {
	case err != nil:
		return err
	case friend == h.owner || len(friend.wallet) >= maxWallet:
		return errors.New("不能送给这个人 · this person cannot have it")
	case h.card.NoGift:
		return errors.New("这张卡券不能转赠 · this card cannot be given away")
	}
	h.status, h.gift = codeGifting, friend
	s.note(LevelInfo, "card", h.owner.name+" 把「"+h.card.Title+"」送给 "+friend.name, h.owner.id+" gives a card to "+friend.id, "code="+h.code)
	s.gifting(h, friend, "0")
	return nil
}

func (s *Server) gifting(h *held, friend *persona, back string) {
	s.send(h.owner, "user_gifting_card", pairs{
		{"CardId", cdata(h.card.ID)},
		{"UserCardCode", cdata(h.code)},
		{"IsReturnBack", back},
		{"FriendUserName", cdata(friend.openID)},
		{"IsChatRoom", "0"},
	})
}

// offered finds a card that waits for a person; the mutex is held.
func (s *Server) offered(personaID, code string) (*held, error) {
	p, h := s.persona(personaID), s.codes[code]
	if p == nil || h == nil || h.status != codeGifting || h.gift != p {
		return nil, errNoCard
	}
	return h, nil
}

// ReturnGift is a persona who does not want a card: it goes back to the giver.
func (s *Server) ReturnGift(personaID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.offered(personaID, code)
	if err != nil {
		return err
	}
	friend := h.gift
	h.status, h.gift = codeNormal, nil
	s.note(LevelInfo, "card", friend.name+" 没有收下，退回给 "+h.owner.name, "a gift went back to "+h.owner.id, "code="+h.code)
	s.gifting(h, friend, "1")
	return nil
}

// AcceptGift is a persona who takes a card that another one gives. The card gets a new
// code, except where the codes are the merchant's own.
func (s *Server) AcceptGift(personaID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.offered(personaID, code)
	if err != nil {
		return err
	}
	giver, friend, h := old.owner, old.gift, old
	giver.wallet = slices.DeleteFunc(giver.wallet, func(x *held) bool { return x == old })
	if old.card.UseCustomCode {
		h.owner, h.gift, h.status, h.at, h.outer = friend, nil, codeNormal, s.opt.Now(), ""
		friend.wallet = append(friend.wallet, h)
	} else {
		old.status, old.gift = codeGifted, nil
		h = s.hold(friend, old.card, "", "")
	}
	s.note(LevelOK, "card", friend.name+" 收下「"+h.card.Title+"」", friend.id+" took a gift", "code="+h.code+" old="+code)
	s.sendGot(h, giver, code)
	return nil
}

// sendGot tells the account that somebody has a card now, and from whom.
func (s *Server) sendGot(h *held, giver *persona, oldCode string) {
	byFriend, friend := "0", ""
	if giver != nil {
		byFriend, friend = "1", giver.openID
	}
	s.send(h.owner, "user_get_card", pairs{
		{"CardId", cdata(h.card.ID)},
		{"IsGiveByFriend", byFriend},
		{"UserCardCode", cdata(h.code)},
		{"FriendUserName", cdata(friend)},
		{"OuterId", "0"},
		{"OldUserCardCode", cdata(oldCode)},
		{"OuterStr", cdata(h.outer)},
		{"IsRestoreMemberCard", "0"},
		{"IsRecommendByFriend", "0"},
		{"SourceScene", cdata("SOURCE_SCENE_UNKNOW")},
	})
}

// StaffConsume is a person of the shop who redeems a card of a persona with the helper app.
func (s *Server) StaffConsume(personaID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.mine(personaID, code, codeNormal)
	if err != nil {
		return err
	}
	if h.card.Type == memberCard {
		return errors.New("会员卡不能核销 · a member card cannot be redeemed")
	}
	s.consume(h, "FROM_MOBILE_HELPER", "示例门店", s.staff.openID)
	return nil
}

// ViewCard is a persona who looks at a card; the account hears of it when the card says so.
func (s *Server) ViewCard(personaID, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.mine(personaID, code, codeNormal)
	if err != nil {
		return err
	}
	if h.card.PushOnView {
		s.send(h.owner, "user_view_card", pairs{{"CardId", cdata(h.card.ID)}, {"UserCardCode", cdata(h.code)}, {"OuterStr", cdata(h.outer)}})
	}
	return nil
}
