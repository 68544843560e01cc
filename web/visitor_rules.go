package web

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/ui"
	"kaquan/views/visitor"
	"kaquan/wechat"
)

// notEligible are the refusals that the page explains in a sentence of their own.
var notEligible = []*fault.Error{campaigns.ErrChannel, campaigns.ErrNotOnList, campaigns.ErrOncePhone, campaigns.ErrOncePlate}

// refusedByRules reports whether a rule of the campaign is why.
func refusedByRules(err error) bool {
	return isOneOf(err, notEligible) != nil ||
		isOneOf(err, []*fault.Error{campaigns.ErrDayShare, campaigns.ErrNeedFollow, campaigns.ErrFollowUnknown, campaigns.ErrBlocked}) != nil
}

func isOneOf(err error, refusals []*fault.Error) *fault.Error {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return refusal
		}
	}
	return nil
}

// bar shows the refusal of a rule that is known before anything is typed, in place of a
// page that invites to claim.
func (s *Server) bar(ctx context.Context, p *visitor.Page) error {
	switch p.State {
	case visitor.Intro, visitor.Form, visitor.Ready:
	default:
		return nil
	}
	err := s.Campaigns.Barred(ctx, p.Campaign, p.Visitor, p.Channel)
	if err == nil || !refusedByRules(err) {
		return err
	}
	s.refuse(ctx, p, err)
	return nil
}

// refuse makes the page say why a rule refuses.
func (s *Server) refuse(ctx context.Context, p *visitor.Page, err error) {
	switch {
	case errors.Is(err, campaigns.ErrDayShare):
		p.State, p.ShareGone, p.NextShare = visitor.DayQuota, true, p.Campaign.NextRelease(p.Now)
	case errors.Is(err, campaigns.ErrNeedFollow), errors.Is(err, campaigns.ErrFollowUnknown):
		p.State = visitor.NeedFollow
		p.Follow, p.FollowQR = s.follow(ctx, p.Campaign)
		if errors.Is(err, campaigns.ErrFollowUnknown) {
			p.Notice = i18n.T(ctx, campaigns.ErrFollowUnknown.Key)
		}
	case errors.Is(err, campaigns.ErrBlocked):
		p.State, p.SupportCode = visitor.Blocked, supportCode()
		s.Log.Info("somebody on a block list", "support_code", p.SupportCode, "campaign", p.Campaign.ID.String(), "visitor", p.Visitor.String())
	default:
		p.State = visitor.NotEligible
		if refusal := isOneOf(err, notEligible); refusal != nil {
			p.Sentence = sentence(ctx, refusal)
		}
	}
}

const (
	followScene = "follow"
	followLife  = 7 * 24 * time.Hour // of the code at WeChat; ours is renewed a day before
	followPause = time.Minute        // after WeChat gave none
	followWait  = 2 * time.Second
	followSide  = 330 // pixels
)

// followCodes keeps the picture that leads to each account's profile.
type followCodes struct {
	mu   sync.Mutex
	kept map[campaigns.AccountID]followCode
}

type followCode struct {
	picture string // a data address; "" = WeChat gave none
	until   time.Time
}

// follow is the account's name, and a picture of its code as far as WeChat gives one: only a
// picture can be pressed and held in WeChat.
func (s *Server) follow(ctx context.Context, c *campaigns.Campaign) (name, picture string) {
	name = c.Texts.Brand
	if account, err := s.Accounts.Account(ctx, c.Account); err == nil {
		name = account.Name
	}
	now := s.Now()
	s.followCodes.mu.Lock()
	code, ok := s.followCodes.kept[c.Account]
	s.followCodes.mu.Unlock()
	if ok && now.Before(code.until) {
		return name, code.picture
	}
	code = followCode{until: now.Add(followPause)}
	if picture, err := s.followPicture(ctx, c.Account); err != nil {
		s.Log.Warn("no code to follow the account", "account", c.Account, "err", err)
	} else {
		code = followCode{picture, now.Add(followLife - 24*time.Hour)}
	}
	s.followCodes.mu.Lock()
	defer s.followCodes.mu.Unlock()
	if s.followCodes.kept == nil {
		s.followCodes.kept = map[campaigns.AccountID]followCode{}
	}
	s.followCodes.kept[c.Account] = code
	return name, code.picture
}

func (s *Server) followPicture(ctx context.Context, id campaigns.AccountID) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, followWait)
	defer cancel()
	account, err := s.WeChat.Account(ctx, string(id))
	if err != nil {
		return "", err
	}
	made, err := account.CreateQR(ctx, wechat.QRRequest{Scene: followScene, Temporary: true, Expires: followLife})
	if err != nil {
		return "", err
	}
	content, err := ui.QRPNG(made.URL, followSide)
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(content), err
}
