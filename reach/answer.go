package reach

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"kaquan/wechat"
)

// errNotReady: the picture is not at WeChat, or the campaign is not public.
var errNotReady = errors.New("reach: the answer is not ready")

// Reply is the answer to a push, nil for none. It asks the store but never WeChat, and
// counts hits and scans once however often WeChat delivers the push. A rule that cannot
// answer now (a campaign that is not public, a picture that is not uploaded) is passed over.
func (s *Service) Reply(ctx context.Context, account string, e wechat.Event) (wechat.Reply, error) {
	first := s.seen.add(e.DedupeKey(account))
	channel := ""
	if scene := e.Scene(); scene != "" && e.FromUser != "" {
		var err error
		if channel, err = s.scanned(ctx, account, scene, e); err != nil {
			s.log.Error("scan not counted", "account", account, "err", err)
		}
	}
	if !e.Answerable() {
		return nil, nil
	}
	rules, err := s.store.ReplyRules(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, r := range matching(rules, e) {
		reply, err := s.answer(ctx, &r, channel)
		if err != nil {
			s.log.Warn("rule passed over", "account", account, "rule", r.ID, "err", err)
			continue
		}
		if first {
			if err := s.store.HitReplyRule(ctx, r.ID, s.now().UTC()); err != nil {
				s.log.Error("hit not counted", "rule", r.ID, "err", err)
			}
		}
		return reply, nil
	}
	return nil, nil
}

// answer makes a rule's reply; channel is that of the scanned scene.
func (s *Service) answer(ctx context.Context, r *Rule, channel string) (wechat.Reply, error) {
	var (
		c   Campaign
		err error
	)
	if r.Campaign != 0 && (r.Kind == SayCampaign || strings.Contains(r.Text, LinkMark)) {
		if c, err = s.store.ReachCampaign(ctx, r.Account, r.Campaign); err != nil {
			return nil, err
		}
		if !c.Public {
			return nil, errNotReady
		}
	}
	if r.Kind == SayPicture && (r.Media.ID == "" || !s.now().Before(r.Media.EndsAt().Add(-time.Minute))) {
		return nil, errNotReady
	}
	if r.Channel != "" {
		channel = r.Channel
	}
	reply := s.words(r, c, channel)
	return reply, wechat.CheckReply(reply)
}

// words are a rule's answer about a campaign.
func (s *Service) words(r *Rule, c Campaign, channel string) wechat.Reply {
	switch r.Kind {
	case SayPicture:
		return wechat.Image{MediaID: r.Media.ID}
	case SayCampaign:
		first := func(texts ...string) string {
			for _, text := range texts {
				if text = strings.TrimSpace(text); text != "" {
					return text
				}
			}
			return ""
		}
		return wechat.News{
			Title: cut(first(r.Title, c.Title, c.Name), wechat.MaxArticleTitle), Description: cut(first(r.Detail, c.Detail), wechat.MaxArticleText),
			PicURL: first(r.Image, c.Image), URL: s.Link(c.Slug, channel),
		}
	}
	return wechat.Text{Content: strings.ReplaceAll(r.Text, LinkMark, s.Link(c.Slug, channel))}
}

// Link is the address of a campaign's page with its channel.
func (s *Service) Link(slug, channel string) string {
	link := s.public + "/c/" + url.PathEscape(slug)
	if channel != "" {
		link += "?ch=" + url.QueryEscape(channel)
	}
	return link
}

func cut(text string, limit int) string {
	if r := []rune(text); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return text
}
