package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/people"
	"kaquan/redemption"
	"kaquan/stores"
)

var errAPIFilter = fault.New(fault.Invalid, "api.filter_bad")

// maxAPIRows is the largest page of a list.
const maxAPIRows = 200

type (
	apiRedemptions struct {
		Redemptions []apiRedemption `json:"redemptions"`
		Next        string          `json:"next"`
	}
	apiRedemption struct {
		ID           string           `json:"id"`
		State        redemption.State `json:"state"`
		Code         string           `json:"code"`
		Claim        string           `json:"claim"`
		Campaign     string           `json:"campaign"`
		CampaignName string           `json:"campaign_name"`
		Benefit      string           `json:"benefit"`
		Place        string           `json:"place"`
		PlaceName    string           `json:"place_name"`
		Staff        string           `json:"staff"`
		StaffName    string           `json:"staff_name"`
		Offline      bool             `json:"offline"`
		WeChat       bool             `json:"wechat"`
		At           string           `json:"at"`
		BookedAt     string           `json:"booked_at"`
		UndoneAt     string           `json:"undone_at,omitempty"`
		UndoneBy     string           `json:"undone_by,omitempty"`
		Goods        *apiGoods        `json:"goods,omitempty"`
	}
	apiGoods struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Quantity int64  `json:"quantity"`
	}
)

// redemptions lists what the staff redeemed, the newest first. A filter that makes no sense
// is refused: a program that mistypes one must not be given everything.
func (a *api) redemptions(c *fiber.Ctx, who *people.APIAccess) error {
	account, err := a.account(c, who, c.Query("account"))
	if err != nil {
		return err
	}
	if _, err := a.Accounts.Account(c.UserContext(), campaigns.AccountID(account)); err != nil {
		return err
	}
	f, err := apiRedemptionFilter(c, account)
	if err != nil {
		return err
	}
	page, err := a.Redemption.List(c.UserContext(), f)
	if err != nil {
		return err
	}
	answer := apiRedemptions{Redemptions: make([]apiRedemption, 0, len(page.Rows))}
	if page.Next != 0 {
		answer.Next = strconv.FormatInt(int64(page.Next), 10)
	}
	for i := range page.Rows {
		r := &page.Rows[i]
		one := apiRedemption{
			ID: strconv.FormatInt(int64(r.ID), 10), State: r.State, Code: string(r.Code), Claim: r.Claim.String(), Campaign: r.Campaign.String(),
			CampaignName: r.CampaignName, Benefit: r.Benefit, Place: r.Place.String(), PlaceName: r.PlaceName, Staff: r.Staff.String(), StaffName: r.StaffName,
			Offline: r.Offline, WeChat: r.WeChat, At: stamp(r.At), BookedAt: stamp(r.BookedAt), UndoneAt: stamp(r.UndoneAt), UndoneBy: r.UndoneBy,
		}
		if r.Goods != 0 {
			one.Goods = &apiGoods{r.Goods.String(), r.GoodsName, r.Quantity}
		}
		answer.Redemptions = append(answer.Redemptions, one)
	}
	return sendJSON(c, fiber.StatusOK, answer)
}

func apiRedemptionFilter(c *fiber.Ctx, account string) (f redemption.Filter, err error) {
	bad := func(field string) {
		if err == nil {
			err = fault.New(errAPIFilter.Code, errAPIFilter.Key, "field", field).On(field)
		}
	}
	f = redemption.Filter{Account: campaigns.AccountID(account), State: redemption.State(c.Query("state")), Code: campaigns.CardCode(c.Query("code"))}
	if text := c.Query("campaign"); text != "" {
		if f.Campaign = campaigns.ParseID[campaigns.ID](text); f.Campaign == 0 {
			bad("campaign")
		}
	}
	if text := c.Query("place"); text != "" {
		if f.Place = stores.ParseID[stores.PlaceID](text); f.Place == 0 {
			bad("place")
		}
	}
	if text := c.Query("staff"); text != "" {
		if f.Staff = stores.ParseID[stores.StaffID](text); f.Staff == 0 {
			bad("staff")
		}
	}
	if f.State != "" && !slices.Contains(redemption.States(), f.State) {
		bad("state")
	}
	if len(f.Code) > 32 {
		bad("code")
	}
	for name, to := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if text := c.Query(name); text != "" {
			var e error
			if *to, e = time.Parse(time.RFC3339, text); e != nil {
				bad(name)
			}
		}
	}
	if text := c.Query("cursor"); text != "" {
		n, e := strconv.ParseInt(text, 10, 64)
		if f.Before = redemption.ID(n); e != nil || n <= 0 {
			bad("cursor")
		}
	}
	if text := c.Query("limit"); text != "" {
		n, e := strconv.Atoi(text)
		if f.Limit = n; e != nil || n < 1 || n > maxAPIRows {
			bad("limit")
		}
	}
	return f, err
}
