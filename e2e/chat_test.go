package e2e

import (
	"fmt"
	"testing"
)

// The account talks: somebody follows, writes a word, gets the campaign as a card, opens
// it and claims; the shop sees the channel, and the encrypted mode changes nothing.
func TestTheAccountGreetsAnswersAndItsChannelIsCounted(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.click(page, "[data-show=chat]", "")
	phone.click(page, "[data-chat=follow]", "")
	phone.await(page, find("#chat .bubble", "欢迎来到示例咖啡"))

	say := func(text string) {
		if _, err := eval[bool](phone, page, fmt.Sprintf(`(document.querySelector('#chat-text').value = %q, true)`, text)); err != nil {
			t.Fatal(err)
		}
		phone.click(page, "[data-chat=send]", "")
	}
	say("你好 <script>alert(1)</script>")
	phone.await(page, find("#chat .bubble", "没太听懂"))
	say("来一杯拿铁")
	phone.await(page, find(`#chat .bubble[data-kind=news]`, "冬日拿铁"))
	phone.click(page, `#chat .bubble[data-kind=news] a, #chat .bubble[data-kind=news] button`, "")
	phone.await(screen, `location.search.includes('ch=chat')`)
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "form")
	answer(phone, "李雷", "13900139000")
	phone.click(screen, "button[type=submit]", "")
	phone.click(screen, "[data-wx=add]", "")
	phone.state(screen, "claimed")

	admin := browse(t, 1280, 1000)
	signIn(admin, p)
	admin.open(p.App + "/admin/claims?channel=chat")
	admin.shows(page, "已领取")
	admin.open(p.App + "/admin/events")
	admin.shows(page, "用户领取卡券")
	admin.shows(page, "关注")

	phone.clean()
	admin.clean()
}
