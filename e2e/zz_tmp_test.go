package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func TestTmpMe(t *testing.T) {
	if os.Getenv("KAQUAN_PICTURES") == "" {
		t.Skip()
	}
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	agent := func(s string) {
		if _, err := chromedp.Call(phone.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: s}); err != nil {
			t.Fatal(err)
		}
	}
	shots := func(name, address string) {
		for _, dark := range []bool{false, true} {
			phone.dark(dark)
			phone.do(chromedp.EmulateViewport(375, 812))
			phone.open(address)
			phone.await(page, `document.readyState === 'complete'`)
			if name == "me" {
				_, _ = eval[bool](phone, page, `document.querySelector('.kq-erase').open = true`)
			}
			if wide, err := eval[bool](phone, page, `document.documentElement.scrollWidth > window.innerWidth`); err == nil && wide {
				t.Errorf("%s is wide", name)
			}
			phone.whole(fmt.Sprintf("z-%s-%v", name, dark))
		}
		phone.dark(false)
		phone.do(chromedp.EmulateViewport(1280, 1000))
	}
	wx := "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/120 Mobile MicroMessenger/8.0.49 Language/zh_CN"
	agent(wx)
	shots("ask", p.App+"/w/me")
	shots("erased", p.App+"/w/me?erased=1")
	shots("none", p.App+"/w/me?a=nix")
	agent("Mozilla/5.0 Chrome/120")
	shots("elsewhere", p.App+"/w/me")
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "form")
	answer(phone, "王小明 🚗", "13800138000")
	phone.click(screen, "button[type=submit]", "")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")
	shots("base", p.App+"/w/me")
	phone.open(p.Phone + "/phone")
	phone.visit(p.App + "/w/me")
	phone.state(screen, "me_ask")
	phone.click(screen, ".kq-btn", "用微信登录")
	phone.click(screen, "[data-wx=allow]", "")
	phone.state(screen, "me")
	shots("me", p.App+"/w/me")
}
