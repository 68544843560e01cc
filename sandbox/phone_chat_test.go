package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// does runs a script on the phone page.
func does(ctx context.Context, t *testing.T, script string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](script)); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// sees waits until an expression holds on the phone page.
func sees(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#chat").innerText`))
		t.Fatalf("never: %s: %v; the chat shows %q", expression, err, text)
	}
}

func press(selector string) string { return `document.querySelector('` + selector + `').click()` }

// TestTheChatOnThePhone plays a follower in a real browser. With SANDBOX_PICTURES set to a
// folder, it also leaves pictures of the screens there.
func TestTheChatOnThePhone(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte("<!doctype html><title>领券</title><p>claim"))
	}))
	t.Cleanup(site.Close)
	w := newWorld(t, func(o *Options) { o.StartURL, o.AESKey, o.PushMode = site.URL+"/start", testKey, PushEncrypted })
	lin := w.persona("lin")
	c, _ := newCrypt(testApp, testKey)
	w.respond = func(p pushed) (int, string) {
		if p.body == "" {
			return 200, p.query.Get("echostr")
		}
		msg, err := c.open(between(p.body, "Encrypt"))
		if err != nil {
			return 500, ""
		}
		answer := func(text string) (int, string) {
			return 200, sealedReply("pushtoken", textReply(lin.openID, "gh_test", text))
		}
		switch text := string(msg); {
		case strings.Contains(text, "qrscene_") || strings.Contains(text, "[SCAN]"):
			return answer("欢迎来到三号店")
		case strings.Contains(text, "[subscribe]"):
			return answer("谢谢关注！回复「拿铁」领券，或看<a href=\"" + site.URL + "/about\">活动说明</a>")
		case strings.Contains(text, "[CLICK]"):
			return answer("你有 1 张券")
		case strings.Contains(text, "拿铁"):
			card := strings.Replace(textReply(lin.openID, "gh_test", ""), "[text]", "[news]", 1)
			return 200, sealedReply("pushtoken", strings.Replace(card, "<Content><![CDATA[]]></Content>", "<ArticleCount>1</ArticleCount><Articles><item><Title><![CDATA[冬日拿铁买一赠一]]></Title><Description><![CDATA[点开领取，每人一张]]></Description><PicUrl><![CDATA["+w.url+"/mmopen/mei/640]]></PicUrl><Url><![CDATA["+site.URL+"/c/latte?ch=chat]]></Url></item></Articles>", 1))
		case strings.Contains(text, "坏"):
			return 200, "oops"
		}
		return 200, "success"
	}
	wantCode(t, "menu", w.post("/cgi-bin/menu/create?access_token="+w.token(), object{"button": []object{
		{"type": "click", "name": "我的券", "key": "MY"},
		{"name": "活动", "sub_button": []object{{"type": "view", "name": "冬日拿铁", "url": site.URL + "/c/menu"}, {"type": "click", "name": "门店", "key": "SHOPS"}}},
		{"type": "view", "name": "商城", "url": site.URL + "/shop"},
	}}), 0)
	ticket := w.makeScene(sceneBody("QR_LIMIT_STR_SCENE", "scene_str", "c12-shop3"))
	shoot := func(string) {}
	if folder := os.Getenv("SANDBOX_PICTURES"); folder != "" {
		shoot = func(name string) { shootAll(ctx, t, filepath.Join(folder, name)) }
	}
	if _, err := chromedp.Run(ctx, chromedp.Navigate(w.url+"/phone")); err != nil {
		t.Fatal(err)
	}
	sees(ctx, t, `document.querySelector("#holder").textContent === "小林"`)
	does(ctx, t, press("[data-show=chat]"))
	sees(ctx, t, `!document.querySelector("#profile").hidden && document.querySelector("#screen").hidden`)
	shoot("stranger")
	does(ctx, t, press("[data-chat=follow]"))
	sees(ctx, t, `document.querySelector("#chat .bubble[data-from=account] a")?.textContent === "活动说明"`)
	does(ctx, t, press("[data-chat=flip]"))
	does(ctx, t, `document.querySelector("#chat-text").value = "拿铁"; `+press("[data-chat=send]"))
	sees(ctx, t, `document.querySelector("#chat .bubble[data-kind=news] b")?.textContent === "冬日拿铁买一赠一"`)
	sees(ctx, t, `document.querySelector("#chat .bubble[data-kind=news] img").naturalWidth > 0`)
	does(ctx, t, press("[data-chat=picture]"))
	sees(ctx, t, `document.querySelector("#chat .bubble[data-kind=image][data-from=me] img")?.naturalWidth === 240`)
	does(ctx, t, `document.querySelector("#chat-text").value = "坏"; `+press("[data-chat=send]"))
	sees(ctx, t, `document.querySelector("#chat .bubble.system")?.textContent.includes("服务出现故障")`)
	shoot("chat")
	does(ctx, t, press("[data-chat=flip]"))
	does(ctx, t, press(`[data-chat=menu][data-path="0"]`))
	sees(ctx, t, `[...document.querySelectorAll("#chat .bubble")].at(-1).textContent === "你有 1 张券"`)
	does(ctx, t, press("[data-chat=submenu]"))
	sees(ctx, t, `!document.querySelector(".submenu").hidden`)
	shoot("menu")
	does(ctx, t, press(`[data-chat=menu][data-path="1.0"]`))
	sees(ctx, t, `!document.querySelector("#screen").hidden && document.querySelector("#screen").src.endsWith("/c/menu")`)
	does(ctx, t, press("[data-show=chat]"))
	does(ctx, t, press("#chat .bubble[data-kind=news] a"))
	sees(ctx, t, `!document.querySelector("#screen").hidden && document.querySelector("#screen").src.endsWith("/c/latte?ch=chat")`)
	does(ctx, t, press("[data-chat=scan]"))
	sees(ctx, t, `document.querySelector("#ask").open && document.querySelector("#ask-list b").textContent === "c12-shop3"`)
	shoot("scan")
	does(ctx, t, press(`[data-scan="`+ticket+`"]`))
	sees(ctx, t, `!document.querySelector("#ask").open && [...document.querySelectorAll("#chat .bubble")].at(-1).textContent === "欢迎来到三号店"`)

	// Another phone has another chat; a card is given to it and taken there.
	w.Server.mu.Lock()
	code := w.give(lin, w.cards[latte], "", "").code
	w.Server.mu.Unlock()
	does(ctx, t, press("[data-chat=picture]"))
	sees(ctx, t, `!!document.querySelector('[data-gift="`+code+`"]')`)
	shoot("wallet")
	does(ctx, t, press(`[data-gift="`+code+`"]`))
	sees(ctx, t, `document.querySelector("#ask").open`)
	shoot("give")
	does(ctx, t, press("[data-gift-to=mei]"))
	sees(ctx, t, `document.querySelector("#wallet .card").dataset.status === "GIFTING"`)
	does(ctx, t, press("[data-persona=mei]"))
	sees(ctx, t, `!!document.querySelector('[data-accept="`+code+`"]') && !document.querySelector("#chat .bubble")`)
	shoot("offer")
	does(ctx, t, press("[data-accept]"))
	sees(ctx, t, `!document.querySelector("[data-accept]") && document.querySelector("#wallet .card").dataset.status === "NORMAL"`)
	does(ctx, t, press("[data-consume]"))
	sees(ctx, t, `document.querySelector("#wallet .card").dataset.status === "CONSUMED"`)

	does(ctx, t, press("#tab-log"))
	sees(ctx, t, `document.querySelector("#mode").value === "encrypted"`)
	does(ctx, t, press("#check"))
	sees(ctx, t, `document.querySelector("#toast").textContent.startsWith("验证成功")`)
	shoot("log")
	does(ctx, t, `const m = document.querySelector("#mode"); m.value = "plain"; m.dispatchEvent(new Event("change"))`)
	sees(ctx, t, `document.querySelector("#log").textContent.includes("推送方式：plain")`)
}

// shootAll keeps the page wide and narrow, light and dark.
func shootAll(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	for _, size := range []int64{375, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			if _, err := chromedp.Run(ctx, chromedp.EmulateViewport(size, 960)); err != nil {
				t.Fatal(err)
			}
			if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
				t.Fatal(err)
			}
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(fmt.Sprintf("%s-%d-%s.png", name, size, scheme), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
