package doctor_test

import (
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/wechat"
)

const rid = "65a1b2c3-0badcafe-12345678"

func TestEveryAnswerOfWeChatHasItsSentence(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, path, body string
		check            doctor.Check
		level            doctor.Level
		words, place     string
		value            string
	}{
		{"not listed", stable, errcode(40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: "+rid), doctor.IPAllowList, doctor.Fail, "40164：服务器 IP 不在白名单", "IP白名单", "203.0.113.7"},
		{"not listed, the token", stable, errcode(40164, "invalid ip 203.0.113.7, not in whitelist"), doctor.AccessToken, doctor.Fail, "40164", "IP白名单", "203.0.113.7"},
		{"not listed, the ticket", stable, errcode(40164, "invalid ip 203.0.113.7, not in whitelist"), doctor.JSAPITicket, doctor.Fail, "没有可用的 access_token", "IP白名单", "203.0.113.7"},
		{"not confirmed", stable, errcode(89503, "ip 203.0.113.7 need confirm"), doctor.IPAllowList, doctor.Fail, "需要管理员确认", "管理员", "203.0.113.7"},
		{"refused", stable, errcode(89506, "203.0.113.7 rejected"), doctor.IPAllowList, doctor.Fail, "锁定 24 小时", "管理员", "203.0.113.7"},
		{"wrong secret", stable, errcode(40125, "invalid appsecret"), doctor.AccessToken, doctor.Fail, "AppSecret 不正确", "AppSecret", ""},
		{"wrong secret, the address", stable, errcode(40125, "invalid appsecret"), doctor.IPAllowList, doctor.Unknown, "其他原因", "", ""},
		{"wrong id", stable, errcode(40013, "invalid appid"), doctor.AccessToken, doctor.Fail, "AppID 不正确", "AppID", ""},
		{"frozen secret", stable, errcode(40243, "frozen"), doctor.AccessToken, doctor.Fail, "已被冻结", "AppSecret", ""},
		{"frozen account", stable, errcode(50007, "frozen"), doctor.AccessToken, doctor.Fail, "公众号已被冻结", "通知中心", ""},
		{"busy", stable, errcode(-1, "system error"), doctor.AccessToken, doctor.Fail, "系统繁忙", "故障公告", ""},
		{"garbage", stable, "<html>proxy</html>", doctor.AccessToken, doctor.Fail, "不是微信接口应有的内容", "代理", ""},
		{"quota", stable, errcode(45009, "reach max api daily quota limit"), doctor.Quota, doctor.Fail, "今日额度已用完", "清零", ""},
		{"too fast", stable, errcode(45011, "minute quota"), doctor.Quota, doctor.Warn, "每分钟调用太频繁", "清零", ""},
		{"unknown", stable, errcode(99999, "strange rid: "+rid), doctor.AccessToken, doctor.Fail, "未收录的错误码 99999", "rid", ""},
		{"known, without a short sentence", jsapi, errcode(40097, "invalid args"), doctor.JSAPITicket, doctor.Fail, "40097：invalid args", "刚才提交", ""},
		{"no right to cards", card, errcode(48001, "api unauthorized"), doctor.CardTicket, doctor.Warn, "没有这个接口的权限", "接口权限", ""},
		{"all is well, the token", "", "", doctor.AccessToken, doctor.OK, "剩余 1 小时 59 分", "", ""},
		{"all is well, the address", "", "", doctor.IPAllowList, doctor.OK, "获取令牌成功", "", ""},
		{"all is well, the quota", "", "", doctor.Quota, doctor.OK, "正常", "", ""},
		{"all is well, the clock", "", "", doctor.Clock, doctor.OK, "正常", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if row.path != "" {
				w.platform.answers(row.path, row.body)
			}
			f := w.run(w.service())[row.check]
			w.expect(f, row.level, row.words)
			if row.place != "" && !strings.Contains(w.zh(f.Place), row.place) {
				t.Errorf("the place is %s", w.zh(f.Place))
			}
			if f.Value != row.value {
				t.Errorf("the value is %q", f.Value)
			}
			if strings.Contains(row.body, rid) && f.RID != rid {
				t.Errorf("the rid is %q", f.RID)
			}
		})
	}
}

func TestNoConnectionIsSaidAsSuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.APIURL = "http://127.0.0.1:1"
	all := w.run(w.service())
	w.expect(all[doctor.AccessToken], doctor.Fail, "连不上微信")
	w.expect(all[doctor.Clock], doctor.Unknown, "无法比较")
}

func TestAFailingRenewalIsAWarningUntilTheValueEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	w.run(s)
	w.platform.answers(stable, errcode(40164, "invalid ip 203.0.113.7, not in whitelist"))
	f, err := s.Recheck(t.Context(), doctor.AccessToken, w.account.Account)
	if err != nil {
		t.Fatal(err)
	}
	w.expect(f, doctor.Warn, "40164")
	if said := w.zh(f.Impact); !strings.Contains(said, "约 1 小时 59 分后") {
		t.Errorf("the impact is %s", said)
	}
	w.wait(3 * time.Hour)
	f = w.run(s)[doctor.AccessToken]
	w.expect(f, doctor.Fail, "40164")
	if said := w.zh(f.Impact); !strings.Contains(said, "已经停止") || f.Count < 2 {
		t.Errorf("the impact is %s, %d times", said, f.Count)
	}
	w.platform.answers(stable, "")
	w.wait(time.Minute)
	f, err = s.Recheck(t.Context(), doctor.IPAllowList, w.account.Account)
	if err != nil || f.Level != doctor.OK {
		t.Errorf("after the change: %+v, %v", f, err)
	}
}

func TestARecheckAsksWeChatButNotWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	w.run(s)
	for range 5 {
		if _, err := s.Recheck(t.Context(), doctor.IPAllowList, w.account.Account); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.platform.called(stable); n != 2 {
		t.Errorf("%d fetches", n)
	}
	w.wait(11 * time.Second)
	if _, err := s.Recheck(t.Context(), doctor.AccessToken, w.account.Account); err != nil || w.platform.called(stable) != 3 {
		t.Errorf("%d fetches, %v", w.platform.called(stable), err)
	}
	if _, err := s.Recheck(t.Context(), "weather", w.account.Account); err == nil {
		t.Error("a check that is none was made")
	}
	if _, err := s.Recheck(t.Context(), doctor.Push, "nobody"); err == nil {
		t.Error("an account that is none was checked")
	}
}

func TestCardsThatAreNeededMakeTheirTicketsFailureWorse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := campaigns.New(campaigns.Options{Store: w.db})
	dbtest.Publish(t, service, dbtest.Draft(time.Now(), "cards", 10, campaigns.WeChatCard))
	w.platform.answers(card, errcode(48001, "api unauthorized"))
	f := w.run(w.service())[doctor.CardTicket]
	w.expect(f, doctor.Fail, "48001")
	if !strings.Contains(w.zh(f.Impact), "微信卡券的领取") {
		t.Errorf("the impact is %s", w.zh(f.Impact))
	}
}

func TestYoungTokensThatAreRefusedBetrayAnotherProgram(t *testing.T) {
	t.Parallel()
	now := time.Now()
	day := now.Truncate(24 * time.Hour).Add(12 * time.Hour) // 20:00 in Shanghai
	for _, row := range []struct {
		name    string
		refused int
		age     time.Duration
		level   doctor.Level
		words   string
	}{
		{"none", 0, time.Minute, doctor.OK, "正常"},
		{"two", 2, 30 * time.Minute, doctor.Warn, "今天 2 次"},
		{"six", 6, 30 * time.Minute, doctor.Fail, "今天 6 次"},
		{"old ones", 3, 110 * time.Minute, doctor.OK, "正常"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.later = day.Sub(now)
			w.options.Ask = false
			for i := range row.refused + 1 {
				f := wechat.Fetch{AppID: w.account.AppID, Kind: wechat.AccessToken, OK: true, Source: "stable_token", Reason: "rejected", At: day.Add(-time.Duration(row.refused-i) * row.age)}
				if i == 0 {
					f.Reason = "due"
				}
				if err := w.db.RecordFetch(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			f := w.run(w.service())[doctor.ForeignRefresher]
			w.expect(f, row.level, row.words)
			if row.level.Problem() && (f.Count != row.refused || !strings.Contains(w.zh(f.Fix), "stable_token")) {
				t.Errorf("%d times; %s", f.Count, w.zh(f.Fix))
			}
		})
	}
}

func TestManyFetchesWarnBeforeTheQuotaEnds(t *testing.T) {
	t.Parallel()
	for used, want := range map[int]struct {
		level doctor.Level
		words string
	}{
		90: {doctor.OK, "正常"}, 100: {doctor.Warn, "超过 50%"}, 165: {doctor.Warn, "超过 80%"}, 195: {doctor.Fail, "超过 95%"},
	} {
		t.Run(want.words, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.Ask, w.account.Sandbox = false, true // 200 a day
			for range used {
				f := wechat.Fetch{AppID: w.account.AppID, Kind: wechat.AccessToken, OK: true, Source: "token", Reason: "due", At: w.now()}
				if err := w.db.RecordFetch(t.Context(), f); err != nil {
					t.Fatal(err)
				}
			}
			w.expect(w.run(w.service())[doctor.Quota], want.level, want.words)
		})
	}
}

func TestTheClockIsComparedWithWeChats(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		ahead time.Duration
		level doctor.Level
		words string
	}{
		{20 * time.Second, doctor.OK, "正常"},
		{45 * time.Second, doctor.Warn, "慢"},
		{2 * time.Minute, doctor.Warn, "慢"},
		{-2 * time.Minute, doctor.Warn, "快"},
		{10 * time.Minute, doctor.Fail, "慢"},
	} {
		w := newWorld(t)
		w.platform.ahead = row.ahead
		w.expect(w.run(w.service())[doctor.Clock], row.level, row.words)
		w.options.Ask = false // now the date is asked for
		again := w.service()
		w.wait(2 * time.Hour)
		w.platform.mu.Lock()
		w.platform.ahead += 2 * time.Hour
		w.platform.mu.Unlock()
		w.expect(w.run(again)[doctor.Clock], row.level, row.words)
	}
}
