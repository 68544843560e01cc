package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// States of a card (protocol 4.7).
const (
	statusOK       = "CARD_STATUS_VERIFY_OK"
	statusWaiting  = "CARD_STATUS_NOT_VERIFY"
	statusRefused  = "CARD_STATUS_VERIFY_FAIL"
	statusDispatch = "CARD_STATUS_DISPATCH"
)

const (
	maxListed = 50
	maxStock  = 100_000_000
)

// listCards is POST /card/batchget.
func (s *Server) listCards(c *call) (any, *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Offset int      `json:"offset"`
		Count  int      `json:"count"`
		States []string `json:"status_list"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	if in.Offset < 0 || in.Count < 1 || in.Count > maxListed {
		return nil, refuse(40097, "invalid args", "offset 不能为负，count 应为 1–50", "offset must not be negative, count must be 1 to 50")
	}
	ids := []string{}
	for _, c := range s.opt.Cards {
		if len(in.States) == 0 || slices.Contains(in.States, s.cards[c.ID].Status) {
			ids = append(ids, c.ID)
		}
	}
	total, from := len(ids), min(in.Offset, len(ids))
	return struct {
		okReply
		IDs   []string `json:"card_id_list"`
		Total int      `json:"total_num"`
	}{okReply{0, "ok"}, ids[from:min(from+in.Count, total)], total}, nil
}

// namedCard is the card that a call names; errcodes 41012 and 45030.
func (s *Server) namedCard(id string) (*Card, *refusal) {
	if id == "" {
		return nil, refuse(41012, "missing card_id", "缺少 card_id", "card_id is missing")
	}
	if c := s.cards[id]; c != nil {
		return c, nil
	}
	return nil, refuse(45030, "no permission on this card_id", "这个 card_id 不是本公众号的", "the card_id is not of this account")
}

// showCard is POST /card/get.
func (s *Server) showCard(c *call) (any, *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, no
	}
	var in struct {
		ID string `json:"card_id"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	card, no := s.namedCard(in.ID)
	if no != nil {
		return nil, no
	}
	limit := card.LimitPerPerson
	if limit == 0 {
		limit = 50
	}
	now := s.opt.Now()
	base := map[string]any{
		"id": card.ID, "logo_url": "http://mmbiz.qpic.cn/sandbox/0", "code_type": "CODE_TYPE_QRCODE", "brand_name": card.Brand, "title": card.Title,
		"color": card.Color, "notice": "使用时向店员出示此券", "description": "沙箱里的卡券", "status": card.Status,
		"date_info": map[string]any{"type": "DATE_TYPE_FIX_TIME_RANGE", "begin_timestamp": now.AddDate(0, -1, 0).Unix(), "end_timestamp": now.AddDate(0, 1, 0).Unix()},
		"sku":       map[string]any{"quantity": card.Stock, "total_quantity": card.initial},
		"get_limit": limit,
		"use_limit": limit,
		"can_share": true,

		"can_give_friend": !card.NoGift, "use_custom_code": card.UseCustomCode, "bind_openid": card.BindOpenID, "need_push_on_view": card.PushOnView,
	}
	if card.Deposit {
		base["get_custom_code_mode"] = "GET_CUSTOM_CODE_MODE_DEPOSIT"
	}
	return struct {
		okReply
		Card map[string]any `json:"card"`
	}{okReply{0, "ok"}, map[string]any{"card_type": card.Type, strings.ToLower(card.Type): map[string]any{"base_info": base}}}, nil
}

// changeStock is POST /card/modifystock: one of the two values, above 0.
func (s *Server) changeStock(c *call) (any, *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, no
	}
	var in struct {
		ID   string `json:"card_id"`
		More int64  `json:"increase_stock_value"`
		Less int64  `json:"reduce_stock_value"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	card, no := s.namedCard(in.ID)
	switch {
	case no != nil:
		return nil, no
	case in.More < 0, in.Less < 0, (in.More == 0) == (in.Less == 0):
		return nil, refuse(40097, "invalid args", "increase 和 reduce 要填且只填一个正数", "give one of the two values, above 0")
	case in.Less > int64(card.Stock), in.More > maxStock-int64(card.Stock):
		return nil, refuse(40122, "invalid sku quantity", fmt.Sprintf("库存 %d，改不到这个数", card.Stock), "the stock cannot become this number")
	}
	change := int(in.More - in.Less)
	card.Stock += change
	card.initial += change
	s.note(LevelOK, "card", fmt.Sprintf("「%s」库存改为 %d", card.Title, card.Stock), fmt.Sprintf("the stock is %d now", card.Stock), card.ID)
	return fine, nil
}

// listHeld is POST /card/user/getcardlist: what a person has and can use.
func (s *Server) listHeld(c *call) (any, *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, no
	}
	var in struct {
		OpenID string `json:"openid"`
		CardID string `json:"card_id"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	p, no := s.byOpenID(in.OpenID)
	if no != nil {
		return nil, no
	}
	if in.CardID != "" {
		if _, no := s.namedCard(in.CardID); no != nil {
			return nil, no
		}
	}
	type line struct {
		Code   string `json:"code"`
		CardID string `json:"card_id"`
	}
	list := []line{}
	for _, h := range p.wallet {
		if h.status == codeNormal && (in.CardID == "" || in.CardID == h.card.ID) {
			list = append(list, line{h.code, h.card.ID})
		}
	}
	return struct {
		okReply
		List  []line `json:"card_list"`
		Share bool   `json:"has_share_card"`
	}{okReply{0, "ok"}, list, false}, nil
}

const (
	remindAbove = 200 // stock that a card once had
	remindAt    = 100
	remindEvery = 12 * time.Hour
)

// remindStock tells the account that a card runs out, when somebody wants to take it
// (protocol 6.6).
func (s *Server) remindStock(p *persona, c *Card) {
	now := s.opt.Now()
	if c.initial <= remindAbove || c.Stock > remindAt || !c.reminded.IsZero() && now.Sub(c.reminded) < remindEvery {
		return
	}
	c.reminded = now
	s.send(p, "card_sku_remind", pairs{{"CardId", cdata(c.ID)}, {"Detail", cdata(fmt.Sprintf("the card's quantity is equal to %d", c.Stock))}})
}

// ReviewCard ends the review of a card, and the account hears of it. The reason is for a
// refusal. Cards that are not in review are an error.
func (s *Server) ReviewCard(cardID string, passed bool, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cards[cardID]
	if c == nil || c.Status != statusWaiting {
		return fmt.Errorf("sandbox: %q is no card in review", cardID)
	}
	name := "card_pass_check"
	c.Status = statusOK
	if !passed {
		name, c.Status = "card_not_pass_check", statusRefused
	} else {
		reason = ""
	}
	s.note(LevelInfo, "card", "「"+c.Title+"」审核："+c.Status, "review of a card: "+c.Status, reason)
	s.send(s.staff, name, pairs{{"CardId", cdata(c.ID)}, {"RefuseReason", cdata(reason)}})
	return nil
}
