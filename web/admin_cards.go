package web

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/reach"
	"kaquan/views/admin"
	"kaquan/wechat"
)

// handleCards lists the account's cards at WeChat with the campaigns that use them.
func (s *Server) handleCards(c *fiber.Ctx, who *signedIn) error {
	frame, err := s.reachOf(c, who, "cards", "reach.cards.title")
	if err != nil {
		return err
	}
	m := &admin.Cards{Reach: frame, Here: map[wechat.CardID][]*campaigns.Campaign{}, Keys: map[wechat.CardID]string{}}
	if m.Account == "" {
		return render(c, fiber.StatusOK, admin.CardsPage(m))
	}
	ctx, cancel := asking(c)
	defer cancel()
	if m.List, err = s.Reach.Cards(ctx, m.Account); err != nil {
		if !fromWeChat(err) {
			return err
		}
		m.Err = err
	}
	list, err := s.Campaigns.Campaigns(c.UserContext(), campaigns.CampaignFilter{Account: campaigns.AccountID(m.Account)})
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Issuer == campaigns.WeChatCard {
			m.Here[list[i].CardID] = append(m.Here[list[i].CardID], list[i])
		}
	}
	for i := range m.List.Cards {
		m.Keys[m.List.Cards[i].ID] = randomText(16)
	}
	return render(c, fiber.StatusOK, admin.CardsPage(m))
}

// handleCardOptions is the list below the editor's card id. Without it the id is typed.
func (s *Server) handleCardOptions(c *fiber.Ctx, _ *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	list, err := s.Reach.Cards(ctx, account)
	words := c.UserContext()
	switch {
	case err != nil && !fromWeChat(err):
		return err
	case err != nil:
		return render(c, fiber.StatusOK, admin.CardOptions(nil, admin.CardTrouble(words, err)))
	}
	note := i18n.T(words, "reach.cards.choose", "count", len(list.Cards))
	if len(list.Cards) == 0 {
		note = i18n.T(words, "reach.cards.none")
	}
	return render(c, fiber.StatusOK, admin.CardOptions(list.Cards, note))
}

var errStockUnsure = fault.New(fault.Invalid, "reach.error.stock_sure")

// handleCardStock changes the stock at WeChat once for each form.
func (s *Server) handleCardStock(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	back := forAccount("/admin/cards", account)
	if c.FormValue("sure") == "" {
		return s.told(c, errStockUnsure, back)
	}
	delta, _ := strconv.Atoi(strings.TrimPrefix(strings.ReplaceAll(typed(c, "delta"), ",", ""), "+")) // 0 is refused below
	change := reach.StockChange{Key: c.FormValue("key"), Account: account, Card: wechat.CardID(typed(c, "card")), Delta: delta, By: who.Person.Name}
	ctx, cancel := asking(c)
	defer cancel()
	outcome, first, err := s.Reach.ChangeStock(ctx, change)
	if first {
		// What happened at WeChat is recorded whatever it was.
		detail := map[string]any{"card": string(change.Card), "delta": delta, "outcome": string(outcome)}
		if err := s.record(c, who, "reach.stock", account, detail); err != nil {
			return err
		}
	}
	switch {
	case err != nil && outcome == reach.StockUnknown:
		s.Log.Warn("stock change without an answer", "account", account, "err", err)
		s.flash(c, "warning", "reach.done.stock_unknown")
	case err != nil:
		return s.told(c, err, back)
	case !first:
		s.flash(c, "warning", "reach.done.stock_again."+string(outcome))
	default:
		s.flash(c, "success", "reach.done.stock", "delta", i18n.Number(c.UserContext(), int64(delta)))
	}
	return seeOther(c, back)
}
