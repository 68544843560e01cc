package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxSheetCards = 10
	maxWallet     = 500
	sheetLife     = 10 * time.Minute
	nonceLife     = 24 * time.Hour
)

// cardView is a card as the phone draws it.
type cardView struct {
	Code   string    `json:"code,omitempty"`
	CardID string    `json:"card"`
	Title  string    `json:"title"`
	Brand  string    `json:"brand"`
	Color  string    `json:"color"`
	At     time.Time `json:"at,omitzero"`
	Status string    `json:"status,omitempty"`
	Stock  int       `json:"stock"`

	Gift   bool   `json:"gift,omitempty"`   // may be given away
	Notify bool   `json:"notify,omitempty"` // looking at it is pushed
	From   string `json:"from,omitempty"`   // who offers it
	Review bool   `json:"review,omitempty"` // waits for its review
}

func (c *Card) view() cardView {
	return cardView{CardID: c.ID, Title: c.Title, Brand: c.Brand, Color: c.Color, Stock: c.Stock, Gift: !c.NoGift, Notify: c.PushOnView, Review: c.Status == statusWaiting}
}

func (h *held) view() cardView {
	v := h.card.view()
	v.Code, v.At, v.Status = h.code, h.at, h.status
	return v
}

// sheet is a wallet sheet that waits for a person.
type sheet struct {
	person *persona
	offers []*offer
	done   bool
}

type sheetView struct {
	ID    string     `json:"id"`
	Cards []cardView `json:"cards"`
}

// offer is one card of a sheet.
type offer struct {
	card  *Card
	ext   string
	code  string
	outer string
}

// objection is why the wallet refuses: what the page gets, what the person sees, what the log says.
type objection struct{ msg, toast, zh, en, detail string }

func badSign(zh, en, detail string) *objection {
	return &objection{"signature error", "签名错误", zh, en, detail}
}

// addCards is wx.addCard (protocol 3.1): check every card, then show the sheet.
func (s *Server) addCards(in *invocation) outcome {
	var args struct {
		List []struct {
			CardID string          `json:"card_id"`
			Ext    json.RawMessage `json:"card_ext"`
		} `json:"card_list"`
	}
	_ = json.Unmarshal(in.Args, &args)
	if len(args.List) == 0 || len(args.List) > maxSheetCards {
		return s.cardRefused(in.API, &objection{"invalid card list", "卡券参数错误", "cardList 为空或过长", "cardList is empty or too long", ""})
	}
	sh := &sheet{person: in.person}
	view := &sheetView{ID: random(24, letters[:62])}
	for _, item := range args.List {
		o, refused := s.checkCard(in.person, item.CardID, item.Ext)
		if refused != nil {
			return s.cardRefused(in.API, refused)
		}
		sh.offers = append(sh.offers, o)
		view.Cards = append(view.Cards, o.card.view())
	}
	if s.acts(walletCancel) {
		s.note(LevelInfo, "card", "开关起作用："+walletCancel, "switch at work: "+walletCancel, "")
		return reply(in.API, "cancel")
	}
	s.sheets.put(s.opt.Now(), view.ID, sh, s.opt.Now().Add(sheetLife))
	s.note(LevelOK, "card", in.person.name+" 看到添加卡券", in.person.id+" sees the wallet sheet", "")
	return outcome{Sheet: view}
}

func (s *Server) cardRefused(api string, n *objection) outcome {
	s.note(LevelRefused, "card", "addCard："+n.zh, "addCard: "+n.en, n.detail)
	out := reply(api, "fail "+n.msg)
	out.Toast = n.toast
	return out
}

// cardExt is the JSON inside the string; pointers tell absent from empty.
type cardExt struct {
	Code      *string `json:"code"`
	OpenID    *string `json:"openid"`
	Timestamp *string `json:"timestamp"`
	Nonce     *string `json:"nonce_str"`
	Signature *string `json:"signature"`
	Outer     string  `json:"outer_str"`
}

// checkCard checks one card of a call and uses its nonce up.
func (s *Server) checkCard(p *persona, cardID string, raw json.RawMessage) (*offer, *objection) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, badSign("cardExt 必须是字符串，不能是对象", "cardExt must be a string, not an object", string(raw))
	}
	var ext cardExt
	if err := json.Unmarshal([]byte(text), &ext); err != nil {
		return nil, badSign("cardExt 不是正确的 JSON，或字段不是字符串", "cardExt is not valid JSON, or a field is not a string", text)
	}
	card := s.cards[cardID]
	if card == nil {
		return nil, &objection{"invalid card id", "卡券不存在", "没有这张卡券", "unknown card", cardID}
	}
	if n := checkExt(card, p, ext, text); n != nil {
		return nil, n
	}
	if n := s.checkCardSign(cardID, ext); n != nil {
		return nil, n
	}
	s.remindStock(p, card)
	// A request may be made once, whatever the person then does with the sheet.
	// Timestamps are a person's own: many people take a card in one second.
	now, once := s.opt.Now(), []string{p.openID + "\n" + cardID + "\n" + *ext.Timestamp}
	if ext.Nonce != nil {
		once = append(once, "\n"+*ext.Nonce)
	}
	for _, value := range once {
		if _, used := s.nonces.get(now, value); used {
			return nil, badSign("nonce_str 或 timestamp 已经用过", "nonce_str or timestamp was used before", value)
		}
	}
	for _, value := range once {
		s.nonces.put(now, value, struct{}{}, now.Add(nonceLife))
	}
	o := &offer{card: card, ext: text, outer: ext.Outer}
	if ext.Code != nil {
		o.code = *ext.Code
	}
	return o, s.takeable(p, o)
}

// ownCode reports whether the merchant makes a code for each tap (protocol 4.3).
func (c *Card) ownCode() bool { return c.UseCustomCode && !c.Deposit }

// checkExt checks which fields a card needs and which it must not have.
func checkExt(card *Card, p *persona, ext cardExt, text string) *objection {
	switch {
	case ext.Timestamp == nil || *ext.Timestamp == "" || strings.Trim(*ext.Timestamp, digits) != "" || len(*ext.Timestamp) > 32:
		return badSign("timestamp 缺少或不是数字字符串", "timestamp is missing or not a string of digits", text)
	case ext.Signature == nil:
		return badSign("缺少 signature", "signature is missing", text)
	case ext.Nonce != nil && len(*ext.Nonce) > 32:
		return badSign("nonce_str 超过 32 位", "nonce_str is longer than 32", text)
	case card.ownCode() && (ext.Code == nil || *ext.Code == "" || len(*ext.Code) > 20):
		return badSign("自定义 code 的卡券必须带 code", "this card needs a code", text)
	case !card.ownCode() && ext.Code != nil:
		return badSign("这张卡券不能带 code", "this card must not carry a code", text)
	case card.BindOpenID && (ext.OpenID == nil || *ext.OpenID != p.openID):
		return badSign("openid 缺少或不是本人", "openid is missing or another person's", text)
	case !card.BindOpenID && ext.OpenID != nil:
		return badSign("这张卡券不能带 openid", "this card must not carry an openid", text)
	}
	return nil
}

// cardText is the string that a card signature covers: all values, sorted as bytes.
func cardText(ticket, cardID string, ext cardExt) string {
	values := []string{ticket, cardID}
	for _, v := range []*string{ext.Timestamp, ext.Nonce, ext.Code, ext.OpenID} {
		if v != nil {
			values = append(values, *v)
		}
	}
	slices.Sort(values)
	return strings.Join(values, "")
}

func (s *Server) checkCardSign(cardID string, ext cardExt) *objection {
	if s.acts(cardBadSignature) {
		return badSign("签名错误（开关）", "signature error (switch)", "")
	}
	live := s.liveTickets("wx_card")
	for _, t := range live {
		if sha1Hex(cardText(t.value, cardID, ext)) == *ext.Signature {
			return nil
		}
	}
	for _, t := range s.liveTickets("jsapi") {
		if sha1Hex(cardText(t.value, cardID, ext)) == *ext.Signature {
			return badSign("签名错误：用了 jsapi 的 ticket", "signature error: the jsapi ticket was used", "")
		}
	}
	if len(live) == 0 {
		return badSign("签名错误：没有有效的 wx_card ticket", "signature error: no wx_card ticket is valid now", "")
	}
	newest, without := live[len(live)-1].value, ext
	without.Nonce = nil
	if ext.Nonce != nil && sha1Hex(cardText(newest, cardID, without)) == *ext.Signature {
		return badSign("签名错误：没有签入 nonce_str", "signature error: nonce_str was not signed", cardText(newest, cardID, ext))
	}
	return badSign("签名错误", "signature error", cardText(newest, cardID, ext))
}

// takeable checks stock and limits; it runs before the sheet and again when a person adds.
func (s *Server) takeable(p *persona, o *offer) *objection {
	have := 0
	for _, h := range p.wallet {
		if h.card == o.card {
			have++
		}
	}
	switch {
	case o.card.Status != statusOK && o.card.Status != statusDispatch:
		return &objection{"invalid card status", "卡券不能领取", "40078 卡券还没有通过审核", "40078 the card is not approved", o.card.Status}
	case s.acts(stockEmpty) || o.card.Stock <= 0:
		return &objection{"out of stock", "卡券已领完", "45031 库存不足", "45031 out of stock", o.card.ID}
	case s.acts(limitReached) || o.card.LimitPerPerson > 0 && have >= o.card.LimitPerPerson || len(p.wallet) >= maxWallet:
		return &objection{"get limit reached", "已达到领取上限", "45033 " + p.name + " 已达到领取上限", "45033 the limit per person is reached", o.card.ID}
	case o.code != "" && s.codes[o.code] != nil:
		return &objection{"code used", "卡券已失效", "自定义 code 已被领取", "the custom code was taken before", o.code}
	}
	return nil
}

// answerSheet is the person's answer to a sheet.
func (s *Server) answerSheet(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID, Action string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, `{"error":"bad call"}`, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = w.Write(compact(s.finishSheet(s.personaOf(r), in.ID, in.Action == "add")))
}

// added is an item of the card_list that the SDK reads.
type added struct {
	CardID string `json:"card_id"`
	Ext    string `json:"card_ext"`
	OK     int    `json:"is_succ"`
	Code   string `json:"code"`
}

func (s *Server) finishSheet(p *persona, id string, add bool) outcome {
	const api = "batchAddCard"
	sh, ok := s.sheets.get(s.opt.Now(), id)
	if !ok || sh.done || sh.person != p {
		return reply(api, "fail the sheet is closed")
	}
	sh.done = true
	if !add {
		s.note(LevelInfo, "card", p.name+" 取消添加", p.id+" cancelled the sheet", "")
		return reply(api, "cancel")
	}
	for _, o := range sh.offers {
		if n := s.takeable(p, o); n != nil {
			return s.cardRefused(api, n)
		}
	}
	var list []added
	for _, o := range sh.offers {
		h := s.give(p, o.card, o.code, o.outer)
		list = append(list, added{o.card.ID, o.ext, 1, h.encrypted})
		s.note(LevelOK, "card", p.name+" 领到「"+o.card.Title+"」", p.id+" took a card", "code="+h.code+" outer_str="+h.outer)
		s.sendGot(h, nil, "")
	}
	out := reply(api, "ok")
	out.Reply["card_list"] = string(compact(list))
	return out
}

// viewCards is wx.openCard: the wallet with the cards asked for.
func (s *Server) viewCards(in *invocation) outcome {
	var args struct {
		List []struct {
			CardID string `json:"card_id"`
			Code   string `json:"code"`
		} `json:"card_list"`
	}
	_ = json.Unmarshal(in.Args, &args)
	var out outcome
	for _, item := range args.List {
		h := s.codes[item.Code]
		if h == nil || h.owner != in.person || h.card.ID != item.CardID {
			out := s.cardRefused(in.API, &objection{"invalid code", "卡券不存在", "openCard 的 code 不在卡包里", "openCard: the wallet has no such code", item.CardID})
			return out
		}
		out.Wallet = append(out.Wallet, h.view())
	}
	if len(out.Wallet) == 0 {
		return s.cardRefused(in.API, &objection{"invalid card list", "卡券参数错误", "openCard 的 cardList 为空", "openCard: cardList is empty", ""})
	}
	s.note(LevelOK, "card", in.person.name+" 打开卡包", in.person.id+" opened the wallet", "")
	return out
}

// dropCard is a person who deletes a card on the phone.
func (s *Server) dropCard(p *persona, code string) {
	h := s.codes[code]
	if h == nil || h.owner != p || !slices.Contains(p.wallet, h) {
		return
	}
	h.status, h.gift = codeDeleted, nil
	p.wallet = slices.DeleteFunc(p.wallet, func(x *held) bool { return x == h })
	s.note(LevelInfo, "card", p.name+" 删除「"+h.card.Title+"」", p.id+" deleted a card", "code="+h.code)
	s.send(p, "user_del_card", pairs{{"CardId", cdata(h.card.ID)}, {"UserCardCode", cdata(h.code)}})
}

// checkCardCall is what every interface of the cards checks first.
func (s *Server) checkCardCall(c *call) *refusal {
	if no := s.checkToken(c); no != nil {
		return no
	}
	if s.acts(cardDenied) {
		return noCardRight()
	}
	return nil
}

// decryptCode is POST /card/code/decrypt.
func (s *Server) decryptCode(c *call) (any, *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, no
	}
	var in struct {
		Code string `json:"encrypt_code"`
	}
	if no := c.json(&in); no != nil {
		return nil, no
	}
	h := s.secrets[in.Code]
	if h == nil {
		return nil, refuse(40056, "invalid serial code", "解不开这个 code", "this code cannot be decrypted")
	}
	return struct {
		okReply
		Value string `json:"code"`
	}{okReply{0, "ok"}, h.code}, nil
}

// findCode reads the body of a call about one code.
func (s *Server) findCode(c *call) (h *held, checkConsume bool, refused *refusal) {
	if no := s.checkCardCall(c); no != nil {
		return nil, false, no
	}
	in := struct {
		Code    string `json:"code"`
		CardID  string `json:"card_id"`
		Consume *bool  `json:"check_consume"`
	}{}
	if no := c.json(&in); no != nil {
		return nil, false, no
	}
	h = s.codes[in.Code]
	switch {
	case h == nil, in.CardID != "" && in.CardID != h.card.ID:
		return nil, false, refuse(40056, "invalid serial code", "没有人领过这个 code", "nobody took this code")
	case h.card.UseCustomCode && in.CardID == "":
		return nil, false, refuse(40053, "invalid card id", "自定义 code 必须带 card_id", "a custom code needs its card_id")
	}
	return h, in.Consume == nil || *in.Consume, nil
}

// getCode is POST /card/code/get (protocol 4.7).
func (s *Server) getCode(c *call) (any, *refusal) {
	h, check, no := s.findCode(c)
	if no != nil {
		return nil, no
	}
	usable := h.status == codeNormal
	if check && !usable {
		return nil, h.unusable()
	}
	type body struct {
		CardID string `json:"card_id"`
		Begin  int64  `json:"begin_time"`
		End    int64  `json:"end_time"`
	}
	return struct {
		okReply
		Card   body   `json:"card"`
		OpenID string `json:"openid"`
		Usable bool   `json:"can_consume"`
		Status string `json:"user_card_status"`
		Outer  string `json:"outer_str,omitempty"`
	}{okReply{0, "ok"}, body{h.card.ID, h.at.Unix(), h.at.AddDate(0, 1, 0).Unix()}, h.owner.openID, usable, h.status, h.outer}, nil
}

// consumeCode is POST /card/code/consume; the event tells that the API did it.
func (s *Server) consumeCode(c *call) (any, *refusal) {
	h, _, no := s.findCode(c)
	if no != nil {
		return nil, no
	}
	switch {
	case h.card.Type == memberCard:
		return nil, refuse(40071, "invalid card type", "会员卡不能核销", "a member card cannot be redeemed")
	case h.status != codeNormal:
		return nil, h.unusable()
	}
	s.consume(h, "FROM_API", "", "")
	type card struct {
		ID string `json:"card_id"`
	}
	return struct {
		okReply
		Card   card   `json:"card"`
		OpenID string `json:"openid"`
	}{okReply{0, "ok"}, card{h.card.ID}, h.owner.openID}, nil
}

// voidCode is POST /card/code/unavailable; no event tells of it.
func (s *Server) voidCode(c *call) (any, *refusal) {
	h, _, no := s.findCode(c)
	if no != nil {
		return nil, no
	}
	if h.status != codeNormal {
		return nil, h.unusable()
	}
	h.status = codeVoid
	s.note(LevelOK, "card", "作废「"+h.card.Title+"」", "a card was made void", "code="+h.code)
	return okReply{0, "ok"}, nil
}

// memberCard is the type of the cards that are never redeemed.
const memberCard = "MEMBER_CARD"

// unusable is why a code cannot be redeemed.
func (h *held) unusable() *refusal {
	if h.status == codeConsumed {
		return refuse(40099, "code has been consumed", "code 已核销", "the code is redeemed")
	}
	return refuse(40127, "invalid user-card status, may be deleted or gifting", "code 的状态是 "+h.status, "the state of the code is "+h.status)
}

// consume redeems a card; source, place and staff are what the event tells of it.
func (s *Server) consume(h *held, source, place, staff string) {
	h.status = codeConsumed
	s.note(LevelOK, "card", "核销「"+h.card.Title+"」", "a card was redeemed", "code="+h.code)
	s.send(h.owner, "user_consume_card", pairs{
		{"CardId", cdata(h.card.ID)},
		{"UserCardCode", cdata(h.code)},
		{"ConsumeSource", cdata(source)},
		{"LocationName", cdata(place)},
		{"StaffOpenId", cdata(staff)},
		{"VerifyCode", cdata("")},
		{"RemarkAmount", cdata("")},
		{"OuterStr", cdata(h.outer)},
	})
}

// stockLines are the account's cards in their order.
func (s *Server) stockLines() []cardView {
	list := make([]cardView, 0, len(s.opt.Cards))
	for _, c := range s.opt.Cards {
		list = append(list, s.cards[c.ID].view())
	}
	return list
}

// unix is a time as the wire writes it: whole seconds.
func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
