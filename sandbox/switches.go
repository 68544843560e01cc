package sandbox

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Names of the switches.
const (
	networkDown      = "network_down"
	slowAnswer       = "slow"
	noAnswer         = "timeout"
	garbageAnswer    = "garbage"
	systemBusy       = "busy"
	tokenKilled      = "token_killed"
	secretWrong      = "secret_wrong"
	ipBlocked        = "ip_blocked"
	quotaUsed        = "quota_used"
	rateLimited      = "rate_limited"
	foreignRefresher = "foreign_refresher"
	clockSkew        = "clock_skew"
	cardDenied       = "card_denied"
	accountDenied    = "account_denied"
	ticketWrongType  = "ticket_wrong_type"
	oauthSnapshot    = "oauth_snapshot"
	oauthDeny        = "oauth_deny"
	codeExpired      = "code_expired"
	userInfoDenied   = "userinfo_denied"
	scriptMissing    = "script_missing"
	jsBadSignature   = "js_bad_signature"
	cardBadSignature = "card_bad_signature"
	stockEmpty       = "stock_empty"
	limitReached     = "limit_reached"
	walletCancel     = "wallet_cancel"
	pushOff          = "push_off"
	pushLate         = "push_late"
	pushTripled      = "push_tripled"
	pushReordered    = "push_reordered"
	pushBadSignature = "push_bad_signature"
)

// SwitchState is one failure that can be switched on.
type SwitchState struct {
	Name  string `json:"name"`
	Group string `json:"group"` // heading, Chinese and English
	ZH    string `json:"zh"`
	EN    string `json:"en"`
	On    bool   `json:"on"`
	// Chance is the share of calls on which it acts while it is on, 1 for all of them.
	Chance float64 `json:"chance"`
	Once   bool    `json:"once"` // acts at the moment it is switched on and is off again
}

const (
	groupAPI   = "接口 API"
	groupOAuth = "网页授权 OAuth"
	groupCard  = "JS-SDK 与卡包 Wallet"
	groupPush  = "推送 Push"
)

var switches = slices.Concat(accountSwitches, miniSwitches, paySwitches)

var accountSwitches = []SwitchState{
	{Name: networkDown, Group: groupAPI, ZH: "断网：连接被切断", EN: "connections are dropped"},
	{Name: slowAnswer, Group: groupAPI, ZH: "慢：3 秒后才回答", EN: "answers take 3 seconds"},
	{Name: noAnswer, Group: groupAPI, ZH: "不回答：一直等到超时", EN: "no answer until the client gives up"},
	{Name: garbageAnswer, Group: groupAPI, ZH: "乱答：返回 HTML", EN: "answers are HTML"},
	{Name: systemBusy, Group: groupAPI, ZH: "系统繁忙 -1", EN: "system busy (-1)"},
	{Name: tokenKilled, Group: groupAPI, ZH: "作废现有 token", EN: "kill the tokens issued so far (40001)", Once: true},
	{Name: secretWrong, Group: groupAPI, ZH: "AppSecret 被重置", EN: "the AppSecret is wrong (40125)"},
	{Name: ipBlocked, Group: groupAPI, ZH: "IP 不在白名单", EN: "the IP is not allowed (40164)"},
	{Name: quotaUsed, Group: groupAPI, ZH: "今日次数用完", EN: "daily quota used up (45009)"},
	{Name: rateLimited, Group: groupAPI, ZH: "调用太快 45011", EN: "too many calls in a minute (45011)"},
	{Name: foreignRefresher, Group: groupAPI, ZH: "别的程序也在取普通 token", EN: "another program fetches classic tokens, ours die (40001)"},
	{Name: clockSkew, Group: groupAPI, ZH: "时钟快 11 分钟", EN: "the clock of WeChat is 11 minutes ahead"},
	{Name: accountDenied, Group: groupAPI, ZH: "没有菜单、二维码、消息等权限", EN: "no right to menus, codes and messages (48001)"},
	{Name: ticketWrongType, Group: groupAPI, ZH: "ticket 类型给反", EN: "tickets of the wrong type"},
	{Name: oauthSnapshot, Group: groupOAuth, ZH: "都当作快照页访客", EN: "everybody is a snapshot visitor"},
	{Name: oauthDeny, Group: groupOAuth, ZH: "都拒绝授权", EN: "everybody denies"},
	{Name: codeExpired, Group: groupOAuth, ZH: "code 已过期", EN: "codes have expired (42003)"},
	{Name: userInfoDenied, Group: groupOAuth, ZH: "不给用户资料", EN: "no profile data (48001)"},
	{Name: scriptMissing, Group: groupCard, ZH: "JS-SDK 加载失败", EN: "the SDK script does not load"},
	{Name: jsBadSignature, Group: groupCard, ZH: "wx.config 签名错误", EN: "wx.config: invalid signature"},
	{Name: cardDenied, Group: groupCard, ZH: "没有卡券权限", EN: "no right to cards (48001)"},
	{Name: cardBadSignature, Group: groupCard, ZH: "卡券签名错误", EN: "addCard: signature error"},
	{Name: stockEmpty, Group: groupCard, ZH: "卡券已领完", EN: "cards are out of stock"},
	{Name: limitReached, Group: groupCard, ZH: "已达到领取上限", EN: "the limit per person is reached"},
	{Name: walletCancel, Group: groupCard, ZH: "都取消添加", EN: "everybody cancels the sheet"},
	{Name: pushOff, Group: groupPush, ZH: "不推送", EN: "events are lost"},
	{Name: pushLate, Group: groupPush, ZH: "推送晚到 10 秒", EN: "events come 10 seconds late"},
	{Name: pushTripled, Group: groupPush, ZH: "推送三遍", EN: "events come three times"},
	{Name: pushReordered, Group: groupPush, ZH: "顺序颠倒：后一条先到", EN: "every second event overtakes the first"},
	{Name: pushBadSignature, Group: groupPush, ZH: "推送签名错误", EN: "pushes carry a wrong signature"},
}

// skew is how far WeChat's clock is ahead with clockSkew: a minute more than the ten that
// a push may be away from the clock of its receiver.
const skew = 11 * time.Minute

// forever is longer than any client waits.
const forever = 24 * time.Hour

// SetSwitch turns a failure on, for every call, or off. Unknown names are an error.
func (s *Server) SetSwitch(name string, on bool) error {
	if !on {
		return s.SetChance(name, 0)
	}
	return s.SetChance(name, 1)
}

// SetChance makes a failure happen on a share of the calls: 0 is off, 1 is always. It
// refuses unknown names and other numbers, and any share in between for a switch that
// acts once.
func (s *Server) SetChance(name string, share float64) error {
	if math.IsNaN(share) || share < 0 || share > 1 {
		return fmt.Errorf("sandbox: %v is no share between 0 and 1", share)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sw := range switches {
		if sw.Name != name {
			continue
		}
		if sw.Once && share != 0 && share != 1 {
			return fmt.Errorf("sandbox: %s acts once, so it takes no share", name)
		}
		state := "关"
		switch {
		case share == 1:
			state = "开"
		case share > 0:
			state = fmt.Sprintf("%.0f%%", share*100)
		}
		s.note(LevelInfo, "phone", "开关「"+sw.ZH+"」："+state, fmt.Sprintf("switch %s: %.0f%%", name, share*100), "")
		switch {
		case !sw.Once && share > 0:
			s.flags[name] = share
		case !sw.Once:
			delete(s.flags, name)
		case share == 1:
			s.killTokens()
		}
		return nil
	}
	return fmt.Errorf("sandbox: no switch is called %q", name)
}

// acts decides whether a switch does its harm this time; the mutex is held.
func (s *Server) acts(name string) bool {
	share := s.flags[name]
	return share >= 1 || share > 0 && s.roll() < share
}

func (s *Server) killTokens() {
	for _, t := range slices.Concat(s.tokens.known, s.mini.tokens.known) {
		t.dead = true
	}
}

// Switches lists every failure in the order of the phone page.
func (s *Server) Switches() []SwitchState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switchStates()
}

func (s *Server) switchStates() []SwitchState {
	list := make([]SwitchState, len(switches))
	for i, sw := range switches {
		sw.Chance = s.flags[sw.Name]
		if sw.On = sw.Chance > 0; !sw.On {
			sw.Chance = 1
		}
		list[i] = sw
	}
	return list
}
