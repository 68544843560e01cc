package web

import (
	"net/url"
	"testing"
	"time"

	"kaquan/campaigns"
)

func TestVisitorsSeeThatAnswersWentWithTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.publish("brief", campaigns.OwnCode, func(d *campaigns.Draft) {
		d.Form = campaigns.ClassicForm()
		d.Form[3].Retention, d.EndsAt = 1, w.clock().Add(time.Hour)
	})
	b := w.browser().showMe("full.passing.1")
	b.get("/c/brief?ch=poster")
	b.post("/c/brief/claim", b.form("f_name", "王小明", "f_plate", "京A12345", "f_phone", "13912345678", "consent", "1"), true).wants(200, "claimed_local")
	w.pass(26 * time.Hour)
	if n, err := w.service.Forget(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d claims of %v forgot (%v)", n, c.ID, err)
	}
	b.get("/w/me?a=demo").has("王小明", "手机号", "已按保存期限删除").lacks("13912345678")
	b.post("/w/me/export", url.Values{"_csrf": {b.token()}, "show": {"1"}}, false)
	b.has("已按保存期限删除").lacks("13912345678")
}
