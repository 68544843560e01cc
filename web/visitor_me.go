package web

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/visitor"
	"kaquan/wechat"
)

// meRoutes are the page on which visitors see, export and erase what is stored about
// them. Exports and erasures search all messages of the account, so they are rare.
func (v *visitors) meRoutes() {
	v.searches = newLimiter(1.0/20, 6, v.Now)
	v.app.Get("/w/me", v.me)
	v.app.Get("/w/me/export", v.meClean)
	v.app.Get("/w/me/erase", v.meClean)
	v.app.Post("/w/me/export", v.sameOrigin, v.limit, v.meExport)
	v.app.Post("/w/me/erase", v.sameOrigin, v.limit, v.meErase)
}

// meVisit is one request of one visitor about their own data in one official account.
type meVisit struct {
	id      campaigns.AccountID
	brand   string
	account *wechat.Account
	session session // zero for strangers
}

func mePath(id campaigns.AccountID) string {
	if id == "" {
		return "/w/me"
	}
	return "/w/me?a=" + string(id)
}

// meClean leads from the address of a write, which a reload may ask for, to the page.
func (v *visitors) meClean(c *fiber.Ctx) error { return seeOther(c, mePath(accountOf(c))) }

// noAccount is a name that no account can have.
const noAccount campaigns.AccountID = "-"

// accountOf is the account that a link names, "" when it names none.
func accountOf(c *fiber.Ctx) campaigns.AccountID {
	id := c.Query("a")
	if len(id) > 40 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return noAccount
	}
	return campaigns.AccountID(id)
}

// meLoad finds the account: the one that the link names, else the visitor's, else the
// only one. ErrAccountNotFound when that does not tell.
func (v *visitors) meLoad(c *fiber.Ctx, id campaigns.AccountID) (*meVisit, error) {
	ctx := c.UserContext()
	x, known := v.session(c)
	switch {
	case id != "":
	case known:
		id = x.Account
	default:
		all, err := v.Accounts.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		if len(all) != 1 {
			return nil, campaigns.ErrAccountNotFound
		}
		id = all[0].ID
	}
	stored, err := v.Accounts.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	account, err := v.WeChat.Account(ctx, string(id))
	if err != nil {
		return nil, err
	}
	v.visitorPolicy(c, account)
	m := &meVisit{id: id, brand: stored.Name, account: account}
	if known && x.Account == id {
		m.session = x
	}
	return m, nil
}

// meLook is the page of a visit. A cookie of a visitor whose data is gone is worth nothing.
func (v *visitors) meLook(c *fiber.Ctx, m *meVisit) (visitor.Me, error) {
	page := visitor.Me{State: visitor.MeAsk, Account: m.id, Brand: m.brand, Link: v.PublicURL + mePath(m.id)}
	if m.session.Visitor != 0 {
		p, err := v.Campaigns.Profile(c.UserContext(), m.session.Visitor)
		switch {
		case errors.Is(err, campaigns.ErrVisitorNotFound):
			v.forget(c)
			m.session = session{}
		case err != nil:
			return page, err
		default:
			page.Profile = p
			if p.Consent() != nil {
				page.State = visitor.MeShown
			}
		}
	}
	token, err := v.csrf(m.session)
	page.CSRF = token
	return page, err
}

// forget drops everything that the browser keeps for us.
func (v *visitors) forget(c *fiber.Ctx) {
	for _, name := range []string{visitorCookie, roundCookie, seenCookie} {
		v.dropCookie(c, name)
	}
}

// me answers GET /w/me.
func (v *visitors) me(c *fiber.Ctx) error {
	id := accountOf(c)
	m, err := v.meLoad(c, id)
	if errors.Is(err, campaigns.ErrAccountNotFound) {
		return v.meWhich(c, c.Query("a") != "")
	}
	if err != nil {
		return err
	}
	page, err := v.meLook(c, m)
	if err != nil {
		return err
	}
	switch {
	case page.Profile == nil && c.Query("erased") == "1":
		page.State = visitor.MeErased
	case page.Profile == nil && placeOf(c, m.account.Credentials().Sandbox) == elsewhere:
		page.State = visitor.NotInWeChat
	}
	return render(c, fiber.StatusOK, visitor.MePage(page))
}

// meWhich offers the accounts where none was named, or one that is not there.
func (v *visitors) meWhich(c *fiber.Ctx, wrong bool) error {
	all, err := v.Accounts.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	page, status := visitor.Me{State: visitor.MeWhich, Others: all}, fiber.StatusOK
	if wrong {
		page.State, status = visitor.NotFound, fiber.StatusNotFound
	}
	return render(c, status, visitor.MePage(page))
}

// authoriseMe starts a round for the profile page: with the profile, which WeChat asks
// about, or plainly for the identity.
func (v *visitors) authoriseMe(c *fiber.Ctx) error {
	m, err := v.meLoad(c, accountOf(c))
	if errors.Is(err, campaigns.ErrAccountNotFound) {
		return v.meWhich(c, c.Query("a") != "")
	}
	if err != nil {
		return err
	}
	r := round{Account: m.id, Scope: wechat.ScopeUserInfo, Return: mePath(m.id)}
	if c.Query("plain") == "1" {
		r.Scope = wechat.ScopeBase
	}
	return v.send(c, m.account, r)
}

// meAsker is the profile page as the one that gets a visitor back from WeChat.
func (v *visitors) meAsker(c *fiber.Ctx, id campaigns.AccountID) (asker, error) {
	m, err := v.meLoad(c, id)
	if err != nil {
		return asker{}, err
	}
	return asker{m.account, m.session, func(state visitor.State, support string) error {
		page, err := v.meLook(c, m)
		if err != nil {
			return err
		}
		page.State, page.SupportCode = state, support
		if state == visitor.Snapshot {
			page.Profile = nil
		}
		return render(c, fiber.StatusOK, visitor.MePage(page))
	}}, nil
}

// meOwn is meLoad for writes. When ok is false the answer was given already: to somebody
// who erased their data and sends the form again, to strangers, and to a form whose token
// does not fit.
func (v *visitors) meOwn(c *fiber.Ctx) (m *meVisit, ok bool, err error) {
	m, err = v.meLoad(c, accountOf(c))
	if errors.Is(err, campaigns.ErrAccountNotFound) {
		return nil, false, v.meWhich(c, true)
	}
	if err != nil {
		return nil, false, err
	}
	token, genuine := v.token(c)
	if m.session.Visitor == 0 {
		if genuine && token.Visitor != 0 && token.Account == m.id {
			if _, err := v.Campaigns.Profile(c.UserContext(), token.Visitor); errors.Is(err, campaigns.ErrVisitorNotFound) {
				return nil, false, seeOther(c, mePath(m.id)+"&erased=1")
			}
		}
		return nil, false, seeOther(c, mePath(m.id))
	}
	if !genuine || token.Visitor != m.session.Visitor || token.Account != m.session.Account {
		page, err := v.meLook(c, m)
		if err != nil {
			return nil, false, err
		}
		page.Notice = i18n.T(c.UserContext(), errCrossOrigin.Key)
		return nil, false, render(c, fiber.StatusForbidden, visitor.MePage(page))
	}
	return m, true, nil
}

// meExport hands out everything that is stored, as a file or, where WeChat will not
// download one, as text.
func (v *visitors) meExport(c *fiber.Ctx) error {
	m, ok, err := v.meOwn(c)
	if !ok {
		return err
	}
	if !v.searches.allow(m.session.Visitor.String()) {
		return v.meAgain(c, m, fiber.StatusTooManyRequests, errTooMany.Key)
	}
	p, err := v.Campaigns.ExportProfile(c.UserContext(), m.session.Visitor)
	if errors.Is(err, campaigns.ErrVisitorNotFound) {
		v.forget(c)
		return seeOther(c, mePath(m.id))
	}
	if err != nil {
		return err
	}
	now := v.Now().UTC()
	data := exportOf(c.UserContext(), m, p, now)
	if data.Mini, err = v.miniData(c.UserContext(), m.session.Visitor); err != nil {
		return err
	}
	body, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if c.FormValue("show") == "1" {
		c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
		return c.Send(body)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSONCharsetUTF8)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="my-data-`+p.Alias()+"-"+now.Format("20060102")+`.json"`)
	return c.Send(body)
}

// meErase erases after the word was typed. Sent twice, it shows the same answer.
func (v *visitors) meErase(c *fiber.Ctx) error {
	m, ok, err := v.meOwn(c)
	if !ok {
		return err
	}
	if !v.searches.allow(m.session.Visitor.String()) {
		return v.meAgain(c, m, fiber.StatusTooManyRequests, errTooMany.Key)
	}
	typed := strings.ToUpper(strings.Trim(c.FormValue("confirm"), " 「」“”\"'\u3000\t"))
	if !slices.Contains(visitor.EraseWords, typed) {
		page, err := v.meLook(c, m)
		if err != nil {
			return err
		}
		page.EraseError = i18n.T(c.UserContext(), campaigns.ErrEraseWord.Key)
		return render(c, fiber.StatusUnprocessableEntity, visitor.MePage(page))
	}
	if err := v.Campaigns.Erase(c.UserContext(), m.session.Visitor); err != nil && !errors.Is(err, campaigns.ErrVisitorNotFound) {
		return err
	}
	v.forget(c)
	return seeOther(c, mePath(m.id)+"&erased=1")
}

// meAgain shows the page with a sentence above it.
func (v *visitors) meAgain(c *fiber.Ctx, m *meVisit, status int, key string) error {
	page, err := v.meLook(c, m)
	if err != nil {
		return err
	}
	page.Notice = i18n.T(c.UserContext(), key)
	return render(c, status, visitor.MePage(page))
}

// The export's keys say in both languages what a value is.
type (
	myData struct {
		Made     string      `json:"exported_at 导出时间"`
		Account  string      `json:"official_account 公众号"`
		Profile  myProfile   `json:"profile 资料"`
		Consents []myConsent `json:"consents 同意记录"`
		Claims   []myClaim   `json:"claims 领取记录"`
		Messages []myMessage `json:"messages_from_wechat 微信推送"`
		Mini     []myMini    `json:"mini_programs 小程序,omitempty"`
	}
	myProfile struct {
		ID        string `json:"visitor_id 访客编号"`
		OpenID    string `json:"openid 微信身份标识"`
		UnionID   string `json:"unionid 跨公众号标识"`
		Nickname  string `json:"nickname 昵称"`
		Avatar    string `json:"avatar 头像地址"`
		Region    string `json:"region 地区"`
		Sex       int    `json:"sex 性别 (0 unknown 未知 / 1 male 男 / 2 female 女)"`
		FirstSeen string `json:"first_seen 首次来访"`
		LastSeen  string `json:"last_seen 最近来访"`
	}
	myMini struct {
		App     string `json:"app_id 小程序"`
		OpenID  string `json:"openid 微信身份标识"`
		UnionID string `json:"unionid 跨公众号标识"`
		Phone   string `json:"phone 手机号"`
	}
	myConsent struct {
		To        string `json:"to 同意的内容"`
		Version   string `json:"version 规则版本"`
		At        string `json:"at 时间"`
		Withdrawn string `json:"withdrawn_at 失效时间,omitempty"`
	}
	myClaim struct {
		ID       string     `json:"claim_id 领取编号"`
		Campaign string     `json:"campaign 活动"`
		Link     string     `json:"link 链接"`
		State    string     `json:"state 状态"`
		Code     string     `json:"code 券码"`
		Channel  string     `json:"channel 渠道"`
		Reason   string     `json:"release_reason 释放原因,omitempty"`
		At       string     `json:"created_at 领取时间"`
		Answers  []myAnswer `json:"answers 填写的内容"`
		Events   []myEvent  `json:"history 经过"`
	}
	myAnswer struct {
		Key    string `json:"key 字段"`
		Label  string `json:"question 问题"`
		Answer string `json:"answer 回答"`
	}
	myEvent struct {
		Kind   string `json:"event 事件"`
		Source string `json:"source 来源"`
		At     string `json:"at 时间"`
		Detail string `json:"detail 说明,omitempty"`
	}
	myMessage struct {
		Event string `json:"event 事件"`
		At    string `json:"at 时间"`
		Raw   string `json:"text 原文"`
	}
)

func exportOf(ctx context.Context, m *meVisit, p *campaigns.Profile, now time.Time) myData {
	d := myData{
		Made: stamp(now), Account: m.brand, Consents: []myConsent{}, Claims: []myClaim{}, Messages: []myMessage{},
		Profile: myProfile{p.ID.String(), string(p.OpenID), p.UnionID, p.Nickname, p.Avatar, p.Region, int(p.Sex), stamp(p.FirstSeen), stamp(p.LastSeen)},
	}
	for _, c := range p.Consents {
		d.Consents = append(d.Consents, myConsent{c.Kind + ": " + c.What, c.Version, stamp(c.At), stamp(c.Withdrawn)})
	}
	for _, c := range p.Claims {
		if c.ConsentText != "" {
			d.Consents = append(d.Consents, myConsent{"form: " + c.CampaignName, c.ConsentText, stamp(c.CreatedAt), ""})
		}
		out := myClaim{
			ID: c.ID.String(), Campaign: c.CampaignName, Link: pagePath(c.Slug, ""), State: string(c.State), Code: string(c.Code), Channel: c.Channel,
			Reason: c.ReleaseReason, At: stamp(c.CreatedAt), Answers: []myAnswer{}, Events: []myEvent{},
		}
		left := map[string]string{}
		for key, text := range c.Answers {
			left[key] = text
		}
		for _, f := range c.Form {
			if text, ok := left[f.Key]; ok {
				if text == "" {
					text = i18n.T(ctx, "retention.gone")
				}
				out.Answers = append(out.Answers, myAnswer{f.Key, f.Label, text})
				delete(left, f.Key)
			}
		}
		for key, text := range left { // the question is gone, the answer is not
			out.Answers = append(out.Answers, myAnswer{key, "", text})
		}
		for _, e := range c.Events {
			out.Events = append(out.Events, myEvent{string(e.Kind), string(e.Source), stamp(e.At), e.Detail})
		}
		d.Claims = append(d.Claims, out)
	}
	for _, x := range p.Messages {
		d.Messages = append(d.Messages, myMessage{x.Event, stamp(x.At), string(x.Raw)})
	}
	return d
}

// miniData is what mini programs know about a visitor.
func (s *Server) miniData(ctx context.Context, id campaigns.VisitorID) ([]myMini, error) {
	if s.Mini == nil {
		return nil, nil
	}
	list, err := s.Mini.Identities(ctx, id)
	var data []myMini
	for i := range list {
		data = append(data, myMini{string(list[i].App), string(list[i].OpenID), list[i].UnionID, list[i].Phone})
	}
	return data, err
}

// stamp is a time as programs read it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
