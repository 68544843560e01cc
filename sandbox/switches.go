package sandbox

import "fmt"

// Names of the switches.
const (
	networkDown      = "network_down"
	slowAnswer       = "slow"
	garbageAnswer    = "garbage"
	systemBusy       = "busy"
	tokenKilled      = "token_killed"
	secretWrong      = "secret_wrong"
	ipBlocked        = "ip_blocked"
	quotaUsed        = "quota_used"
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
	pushTwice        = "push_twice"
	pushBadSignature = "push_bad_signature"
)

// SwitchState is one failure that can be switched on.
type SwitchState struct {
	Name  string `json:"name"`
	Group string `json:"group"` // heading, Chinese and English
	ZH    string `json:"zh"`
	EN    string `json:"en"`
	On    bool   `json:"on"`
	Once  bool   `json:"once"` // acts at the moment it is switched on and is off again
}

const (
	groupAPI   = "接口 API"
	groupOAuth = "网页授权 OAuth"
	groupCard  = "JS-SDK 与卡包 Wallet"
	groupPush  = "推送 Push"
)

var switches = []SwitchState{
	{Name: networkDown, Group: groupAPI, ZH: "断网：连接被切断", EN: "connections are dropped"},
	{Name: slowAnswer, Group: groupAPI, ZH: "慢：3 秒后才回答", EN: "answers take 3 seconds"},
	{Name: garbageAnswer, Group: groupAPI, ZH: "乱答：返回 HTML", EN: "answers are HTML"},
	{Name: systemBusy, Group: groupAPI, ZH: "系统繁忙 -1", EN: "system busy (-1)"},
	{Name: tokenKilled, Group: groupAPI, ZH: "作废现有 token", EN: "kill the tokens issued so far (40001)", Once: true},
	{Name: secretWrong, Group: groupAPI, ZH: "AppSecret 被重置", EN: "the AppSecret is wrong (40125)"},
	{Name: ipBlocked, Group: groupAPI, ZH: "IP 不在白名单", EN: "the IP is not allowed (40164)"},
	{Name: quotaUsed, Group: groupAPI, ZH: "今日次数用完", EN: "daily quota used up (45009)"},
	{Name: ticketWrongType, Group: groupAPI, ZH: "ticket 类型给反", EN: "tickets of the wrong type"},
	{Name: oauthSnapshot, Group: groupOAuth, ZH: "都当作快照页访客", EN: "everybody is a snapshot visitor"},
	{Name: oauthDeny, Group: groupOAuth, ZH: "都拒绝授权", EN: "everybody denies"},
	{Name: codeExpired, Group: groupOAuth, ZH: "code 已过期", EN: "codes have expired (42003)"},
	{Name: userInfoDenied, Group: groupOAuth, ZH: "不给用户资料", EN: "no profile data (48001)"},
	{Name: scriptMissing, Group: groupCard, ZH: "JS-SDK 加载失败", EN: "the SDK script does not load"},
	{Name: jsBadSignature, Group: groupCard, ZH: "wx.config 签名错误", EN: "wx.config: invalid signature"},
	{Name: cardBadSignature, Group: groupCard, ZH: "卡券签名错误", EN: "addCard: signature error"},
	{Name: stockEmpty, Group: groupCard, ZH: "卡券已领完", EN: "cards are out of stock"},
	{Name: limitReached, Group: groupCard, ZH: "已达到领取上限", EN: "the limit per person is reached"},
	{Name: walletCancel, Group: groupCard, ZH: "都取消添加", EN: "everybody cancels the sheet"},
	{Name: pushOff, Group: groupPush, ZH: "不推送", EN: "events are lost"},
	{Name: pushLate, Group: groupPush, ZH: "推送晚到 10 秒", EN: "events come 10 seconds late"},
	{Name: pushTwice, Group: groupPush, ZH: "推送两遍", EN: "events come twice"},
	{Name: pushBadSignature, Group: groupPush, ZH: "推送签名错误", EN: "pushes carry a wrong signature"},
}

// SetSwitch turns a failure on or off. Unknown names are an error.
func (s *Server) SetSwitch(name string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sw := range switches {
		if sw.Name != name {
			continue
		}
		state := map[bool]string{true: "开", false: "关"}[on]
		s.note(LevelInfo, "phone", "开关「"+sw.ZH+"」："+state, fmt.Sprintf("switch %s: %t", name, on), "")
		if sw.Once {
			if on {
				s.killTokens()
			}
			return nil
		}
		s.flags[name] = on
		return nil
	}
	return fmt.Errorf("sandbox: no switch is called %q", name)
}

func (s *Server) killTokens() {
	for _, t := range s.tokens.known {
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
		sw.On = s.flags[sw.Name]
		list[i] = sw
	}
	return list
}
