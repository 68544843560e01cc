package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// runs evaluates an expression for what it does.
func (t *tab) runs(where place, expression string) {
	t.Helper()
	if _, err := eval[bool](t, where, "(() => { "+expression+"; return true })()"); err != nil {
		t.Fatal(err)
	}
}

func TestQuestionsAreBuiltWithScriptsAndAnsweredOnAPhone(t *testing.T) {
	t.Parallel()
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	admin.open(p.App + "/admin/campaigns")
	admin.click(page, "a[href^='/admin/campaigns/']", "冬日拿铁买一赠一")
	admin.await(page, `/campaigns\/[0-9a-z]+$/.test(location.pathname) && document.readyState === 'complete'`)
	href, err := eval[string](admin, page, `location.href`)
	if err != nil {
		t.Fatal(err)
	}
	admin.open(href + "/edit?step=form")
	order := func(want ...string) {
		t.Helper()
		admin.await(page, fmt.Sprintf(`[...document.querySelectorAll('#questions input[name$="[label]"]')].map(e => e.value).join() === %q`, strings.Join(want, ",")))
	}
	order("姓名", "车牌号", "车型", "手机号")

	// The palette adds a row with the cursor in it.
	admin.click(page, "#op-add-choice", "")
	order("姓名", "车牌号", "车型", "手机号", "")
	admin.await(page, `document.activeElement?.name === 'question[4][label]'`)
	admin.fill(page, "question[4][label]", "怎么来")
	admin.fill(page, "question[4][options]", "开车\n步行")
	// A row that is folded stays so, and the arrow keys move a row with its cursor.
	admin.click(page, "[data-row='2'] .ef-body > summary", "")
	admin.await(page, `!document.querySelector('[data-row="2"] .ef-body').open`)
	admin.runs(page, `document.querySelector('[name="question[4][label]"]').focus()`)
	for _, want := range [][]string{{"姓名", "车牌号", "车型", "怎么来", "手机号"}, {"姓名", "车牌号", "怎么来", "车型", "手机号"}} {
		admin.do(chromedp.KeyEvent(kb.ArrowUp, chromedp.KeyModifiers(chromedp.ModifierAlt)))
		order(want...)
	}
	admin.await(page, `document.activeElement?.value === '怎么来' && !document.querySelector('[data-key="car_model"] .ef-body').open`)

	// The handle drags a row to where it is dropped.
	admin.runs(page, `document.querySelectorAll('.ef-body').forEach(d => { d.open = false })`)
	from := admin.settle(page, "[data-key='plate'] [data-drag]", "")
	to, err := eval[spot](admin, page, `(() => { const r = document.querySelector('[data-key="car_model"]').getBoundingClientRect(); return {X: r.left, Y: r.bottom - 4} })()`)
	if err != nil {
		t.Fatal(err)
	}
	left := chromedp.ButtonType(input.MouseButtonLeft)
	admin.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, from.X, from.Y, left, chromedp.ClickCount(1)))
	for i := 1; i <= 5; i++ {
		admin.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, from.X, from.Y+(to.Y-from.Y)*float64(i)/5, left))
	}
	admin.whole("form-builder-drag")
	admin.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, from.X, to.Y, left, chromedp.ClickCount(1)))
	order("姓名", "怎么来", "车型", "车牌号", "手机号")

	// The plate is asked only of drivers; more kinds come after it.
	admin.runs(page, `document.querySelectorAll('[data-key="plate"] details').forEach(d => { d.open = true })`)
	admin.fill(page, "question[3][show_key]", "field")
	admin.runs(page, `document.querySelector('[name="question[3][show_field]"][value="开车"]').click()`)
	for i, kind := range []string{"region", "id_number", "multi"} {
		admin.click(page, "#op-add-"+kind, "")
		admin.await(page, fmt.Sprintf(`document.activeElement?.name === 'question[%d][label]'`, 5+i))
		admin.fill(page, fmt.Sprintf("question[%d][label]", 5+i), map[string]string{"region": "地区", "id_number": "身份证号", "multi": "口味"}[kind])
	}
	admin.fill(page, "question[7][options]", "甜\n苦")
	admin.whole("form-builder")
	admin.click(page, ".kq-save button[value=save]", "")
	admin.click(page, "button[value=confirm]", "")
	admin.await(page, `document.readyState === 'complete' && !document.querySelector('button[value=confirm]')`)

	phone := browse(t, 1280, 1000)
	phone.open(p.Phone + "/phone")
	phone.state(screen, "intro")
	phone.click(screen, ".kq-btn", "我要领取")
	phone.state(screen, "form")
	// The long list of places is two short ones; the plate waits for a driver.
	phone.await(screen, `document.querySelector('[data-field=plate]').hidden && document.querySelector('[name=f_plate]').disabled`)
	region := `document.querySelector('[name^=f_field][data-city]')`
	phone.await(screen, region+`.hidden && `+region+`.previousElementSibling.options.length === 35`)
	phone.runs(screen, `const s = `+region+`.previousElementSibling; s.value = [...s.options].find(o => o.text === '广东省').value; s.dispatchEvent(new Event('change', {bubbles: true}))`)
	phone.await(screen, `!`+region+`.hidden && `+region+`.options.length === 22`)
	name, err := eval[string](phone, screen, region+`.name`)
	if err != nil {
		t.Fatal(err)
	}
	phone.fill(screen, name, "广东省 深圳市")
	phone.fill(screen, "f_field", "开车")
	phone.await(screen, `!document.querySelector('[data-field=plate]').hidden && !document.querySelector('[name=f_plate]').disabled`)

	// What is wrong is said when the field is left, and goes while it is put right.
	phone.fill(screen, "f_id_card", "110105194912310021")
	phone.runs(screen, `document.querySelector('[name=f_id_card]').blur()`)
	phone.await(screen, `document.querySelector('[data-field=id_card] .kq-error')?.textContent.includes('身份证号有误') && document.querySelector('[name=f_id_card]').getAttribute('aria-invalid') === 'true'`)
	phone.fill(screen, "f_id_card", "11010519491231002x")
	phone.await(screen, `!document.querySelector('[data-field=id_card] .kq-error')`)
	phone.fill(screen, "f_name", "王小明")
	phone.fill(screen, "f_phone", "13800138000")
	phone.tick(screen, "consent")
	phone.click(screen, "button[type=submit]", "")
	// Nothing went out: the first wrong question has the cursor.
	phone.await(screen, `document.activeElement?.name === 'f_plate' && document.querySelector('main').dataset.state === 'form'`)
	phone.whole("form-phone")
	phone.fill(screen, "f_plate", "京A12345")
	phone.runs(screen, `document.querySelectorAll('[role=group] input[type=checkbox]')[1].click()`)
	phone.click(screen, "button[type=submit]", "")
	phone.state(screen, "claiming")
	phone.clean()

	admin.open(p.App + "/admin/claims")
	admin.shows(page, "138****8000")
	admin.click(page, "a[href^='/admin/claims/']", "")
	admin.shows(page, "110***********002X")
	admin.shows(page, "广东省 深圳市")
	admin.clean()
}
