package wechat

import "testing"

func TestAStandInIsToldFromWeChatAndFromAnEgressProxy(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		c    Credentials
		want bool
	}{
		"WeChat":                 {Credentials{}, false},
		"WeChat by name":         {Credentials{OpenURL: "https://open.weixin.qq.com/"}, false},
		"an egress proxy":        {Credentials{APIURL: "http://10.0.0.2:8080", OpenURL: "https://open.weixin.qq.com"}, false},
		"the sandbox":            {Credentials{Sandbox: true}, true},
		"a server that plays it": {Credentials{OpenURL: "http://127.0.0.1:9000"}, true},
	} {
		if got := row.c.StandIn(); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
