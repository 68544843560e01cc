package admin

import (
	"context"
	"errors"
	"strconv"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/reach"
	"kaquan/wechat"
)

// Cards are an account's cards at WeChat, with the campaigns that give them out.
type Cards struct {
	Reach
	List reach.CardList
	Err  error // why there is no list
	Here map[wechat.CardID][]*campaigns.Campaign
	Keys map[wechat.CardID]string // of the forms, each good for one change
}

// noRight is what WeChat answers to accounts that may not use cards.
const noRight = 48001

// CardTrouble says in a sentence why cards could not be read.
func CardTrouble(ctx context.Context, err error) string {
	var e *wechat.APIError
	switch {
	case errors.As(err, &e) && e.Code == noRight:
		return i18n.T(ctx, "reach.cards.no_right")
	case errors.As(err, &e):
		return i18n.T(ctx, "reach.wechat_says", "sentence", i18n.T(ctx, e.Meaning()), "code", e.Code)
	}
	return i18n.T(ctx, wechat.Meaning(err))
}

var cardStates = map[wechat.CardStatus]string{
	wechat.CardInReview: "reach.card.review", wechat.CardRefused: "reach.card.refused", wechat.CardApproved: "reach.card.approved",
	wechat.CardDeleted: "reach.card.deleted", wechat.CardDispatched: "reach.card.dispatched",
}

// CardState is the state of a card in a word; WeChat may have more states than we know.
func CardState(ctx context.Context, s wechat.CardStatus) string {
	if key := cardStates[s]; key != "" {
		return i18n.T(ctx, key)
	}
	return string(s)
}

// CardLabel is how a choice names a card.
func CardLabel(ctx context.Context, c *reach.Card) string {
	if c.Err != nil {
		return i18n.T(ctx, "reach.cards.unread")
	}
	return i18n.T(ctx, "reach.cards.option", "title", c.Title, "state", CardState(ctx, c.Status), "left", i18n.Number(ctx, int64(c.Left)))
}

func cardColour(s wechat.CardStatus) string {
	switch {
	case s.Issuable():
		return "status-green"
	case s == wechat.CardRefused, s == wechat.CardDeleted:
		return "status-red"
	}
	return "status-yellow"
}

// short says by how many cards WeChat has fewer than a campaign still gives out, 0 for none.
func (m *Cards) short(c *reach.Card) int64 {
	var need int64
	for _, here := range m.Here[c.ID] {
		switch here.State(m.Now) {
		case campaigns.Ended, campaigns.Archived, campaigns.Unpublished:
		default:
			need += max(0, here.Stock.Total-here.Stock.Confirmed)
		}
	}
	return max(0, need-int64(c.Left))
}

func stockDialog(i int) string { return "stock-" + strconv.Itoa(i) }
