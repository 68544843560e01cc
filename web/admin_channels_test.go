package web_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// channel makes a channel.
func (o *office) channel(c *campaigns.Campaign, d campaigns.ChannelDraft) campaigns.Channel {
	o.t.Helper()
	made, err := o.campaigns.AddChannel(context.Background(), campaigns.Actor{Name: "test"}, c.ID, d)
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

// stats flushes the scans and reads a channel.
func (o *office) stats(c *campaigns.Channel) campaigns.ChannelStats {
	o.t.Helper()
	if err := o.campaigns.FlushScans(context.Background()); err != nil {
		o.t.Fatal(err)
	}
	s, err := o.campaigns.Channel(context.Background(), c.Campaign, c.Code)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func TestAShortLinkLeadsToTheCampaignAndCountsTheScan(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("scanned", "冬日", campaigns.OwnCode)
	east := o.channel(c, campaigns.ChannelDraft{Name: "东门", Code: "east", Cost: "10"})
	d := o.stranger()
	for range 3 {
		if a := d.get("/q/" + east.Short); a.status != http.StatusFound || a.header.Get("Location") != "/c/scanned?ch=east" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", a.status, a.header.Get("Location"))
		}
	}
	o.claim(c, 1, "east")
	o.claim(c, 2, "east")
	o.claim(c, 3, "unknown-one")
	// The full link of a printed code counts too; a shared one and an unknown channel do not.
	for _, path := range []string{"/c/scanned?ch=east&s=1", "/c/scanned?ch=east", "/c/scanned?ch=nothing&s=1"} {
		if a := d.get(path); a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
	}
	s := o.stats(&east)
	if unit, ok := s.CostPerClaim(); s.Scans != 4 || s.Claims != 2 || unit != 500 || !ok || !s.LastScan.Equal(noon) {
		t.Errorf("%+v, %d fen a claim", s, unit)
	}
	days, err := o.campaigns.ScanDays(context.Background(), &east, 10)
	if err != nil || len(days) != 1 || days[0].Scans != 4 || days[0].Day != c.Day(noon) {
		t.Errorf("days %+v, %v", days, err)
	}
	owner := o.signIn(people.Owner)
	if a := owner.get(admin.ChannelsPath(c)); !strings.Contains(a.words(), "unknown-one") || !strings.Contains(a.words(), "¥5.00") || !strings.Contains(a.words(), "50.0%") {
		t.Error("the list lacks the cost per claim, the rate or the channel that nobody registered")
	}
	if a := owner.get(admin.CampaignPath(c)); !strings.Contains(a.words(), "东门") {
		t.Error("the campaign's page lacks its channel")
	}

	// Turned off, the links work without the channel, and claims no longer carry it.
	if a := owner.post(admin.ChannelPath(&east)+"/switch", url.Values{"to": {"off"}}); a.status != http.StatusSeeOther {
		t.Fatalf("switch: %d", a.status)
	}
	if a := d.get("/q/" + east.Short); a.header.Get("Location") != "/c/scanned" {
		t.Errorf("a channel that is off leads to %s", a.header.Get("Location"))
	}
	if a := d.get("/c/scanned?ch=east&s=1"); a.status != http.StatusOK || strings.Contains(a.body, "ch=east") || strings.Contains(a.body, `value="east"`) {
		t.Error("the page still carries a channel that is off")
	}
	if s := o.stats(&east); s.Scans != 4 || !s.Disabled {
		t.Errorf("a channel that is off counts: %+v", s)
	}
	// It has claims, so it stays.
	owner.post(admin.ChannelPath(&east)+"/delete", nil)
	if s := o.stats(&east); s.Name != "东门" {
		t.Error("a channel with claims is gone")
	}
	if a := owner.get(admin.ChannelPath(&east)); !strings.Contains(a.words(), "不能删除") {
		t.Error("nobody says why it stays")
	}
	if got := len(o.audited("channel.disable")); got != 1 {
		t.Errorf("%d audit lines about the switch", got)
	}
}

func TestUnknownShortLinksAreThePageForVisitors(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	for _, short := range []string{"11111111", "0OIl0OIl", "x", "%00", strings.Repeat("z", 500)} {
		if a := o.stranger().get("/q/" + short); a.status != http.StatusNotFound || !strings.Contains(a.body, `data-state="not_found"`) {
			t.Errorf("%.10s: %d", short, a.status)
		}
	}
}

func TestEveryCodeOfAChannelSaysItsLink(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.campaign("codes", "冬日", campaigns.OwnCode)
	channel := o.channel(c, campaigns.ChannelDraft{Name: "东门 <b>", Code: strings.Repeat("a-Z_9", 8)})
	d := o.signIn(people.Viewer)
	links := map[string]string{"": "https://kq.example.com/q/" + channel.Short, "&link=full": "https://kq.example.com/c/codes?ch=" + channel.Code + "&s=1"}
	for query, want := range links {
		for _, px := range []string{"64", "300", "600", "2400", "9999", "x"} {
			a := d.get(admin.ChannelPath(&channel) + "/qr.png?px=" + px + query)
			if read, err := ui.ReadQRPNG([]byte(a.body)); err != nil || read != want || a.header.Get("Content-Type") != "image/png" {
				t.Errorf("%s pixels: %q %v", px, read, err)
			}
		}
		code, err := ui.LinkQR(want)
		if err != nil {
			t.Fatal(err)
		}
		if a := d.get(admin.ChannelPath(&channel) + "/qr.svg?save=1" + query); !strings.Contains(a.body, code.Path) || !strings.Contains(a.header.Get("Content-Disposition"), "attachment") {
			t.Error("the drawing is not the code")
		}
		for _, page := range []string{admin.ChannelPath(&channel) + "?x=1", admin.ChannelsPath(c) + "/print?layout=cards", admin.ChannelsPath(c) + "/print?layout=a4&ch=" + channel.Code} {
			if a := d.get(page + query); !strings.Contains(a.body, code.Path) || strings.Contains(a.body, "<b>") {
				t.Errorf("%s does not show the code", page)
			}
		}
	}
}

func TestAListOfChannelsIsStoredWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.draft("list")
	d := o.signIn(people.Operator)
	path := admin.ChannelsPath(c)
	count := func() int {
		list, err := o.campaigns.ChannelList(context.Background(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	wrong := d.post(path+"/import", url.Values{"rows": {"东店,1200,east\n\n西店,many\n东店\n<script>,1,not a code\n,5\n南店,1,east"}})
	for _, words := range []string{"第 3 行", "金额", "第 4 行", "与第 1 行重名", "第 5 行", "代码只能用", "第 6 行", "请填写", "第 7 行", "代码 east 与第 1 行重复"} {
		if !strings.Contains(wrong.words(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if wrong.status != http.StatusUnprocessableEntity || count() != 0 || strings.Contains(wrong.body, "<script>,") || !strings.Contains(wrong.body, "西店\tmany") {
		t.Errorf("%d, %d channels", wrong.status, count())
	}
	gbk, err := simplifiedchinese.GB18030.NewEncoder().String("门店,备注,费用\r\n东店,<img src=x onerror=alert(1)>,\"1,200.50\"\r\n=cmd|'/c calc'!A0,👨‍👩‍👧,\r\n")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is added
		if a := d.upload(path+"/import", "stores.csv", []byte(gbk)); a.status != http.StatusSeeOther || count() != 2 {
			t.Fatalf("%d %s, %d channels", a.status, a.words(), count())
		}
	}
	a := d.get(path)
	if strings.Contains(a.body, "<img src=x") || !strings.Contains(a.body, "👨‍👩‍👧") || !strings.Contains(a.words(), "¥1200.50") {
		t.Error("names are not shown as they are")
	}
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, "店%d\n", i)
	}
	if a := d.upload(path+"/import", "many.csv", []byte(many.String())); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), "请分几次导入") || count() != 2 {
		t.Errorf("ten thousand rows: %d, %d channels", a.status, count())
	}
	if a := d.upload(path+"/import", "../x.png", []byte("\x89PNG\r\n\x1a\n\x00\x00")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a picture: %d", a.status)
	}
	two := strings.Join(strings.SplitAfter(many.String(), "\n")[:2000], "")
	if a := d.upload(path+"/import", "two.csv", []byte(two)); a.status != http.StatusSeeOther || count() != 2002 {
		t.Errorf("two thousand rows: %d, %d channels", a.status, count())
	}
	export := d.get(path + ".xlsx")
	f, err := excelize.OpenReader(bytes.NewReader([]byte(export.body)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := f.GetRows(f.GetSheetList()[0])
	if err != nil || len(rows) != 2003 || rows[0][0] != "渠道" {
		t.Errorf("%d rows exported, %v", len(rows), err)
	}
	if formula, _ := f.GetCellFormula(f.GetSheetList()[0], "A2003"); formula != "" {
		t.Error("a name became a formula")
	}
}

func TestOneChannelIsTypedEditedAndDeleted(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	c := o.draft("typed")
	d := o.signIn(people.Operator)
	path := admin.ChannelsPath(c)
	o.channel(c, campaigns.ChannelDraft{Name: "东门", Code: "east"})
	for name, row := range map[string]struct{ form, words string }{
		"no name":      {"name=&code=a", "请填写"},
		"a long name":  {"name=" + strings.Repeat("长", 61), "最多 60 个字"},
		"the name":     {"name=东门", "已有同名渠道"},
		"the code":     {"name=x&code=east", "这个代码已被使用"},
		"an odd code":  {"name=x&code=a:b", "代码只能用"},
		"odd money":    {"name=x&cost=-5", "金额"},
		"a right mark": {"name=\u202e&code=z", "请填写"},
	} {
		form, err := url.ParseQuery(row.form)
		if err != nil {
			t.Fatal(err)
		}
		if a := d.post(path, form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.words(), row.words) {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	made := d.post(path, url.Values{"name": {"西门"}, "cost": {"88.80"}, "note": {"灯箱"}})
	one := made.header.Get("Location")
	if a := d.get(one); made.status != http.StatusSeeOther || !strings.Contains(a.words(), "西门") || !strings.Contains(a.body, `value="88.80"`) {
		t.Fatalf("add: %d", made.status)
	}
	if a := d.post(one, url.Values{"name": {"东门"}}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("another's name: %d", a.status)
	}
	if a := d.post(one, url.Values{"name": {"西门二"}, "cost": {"90"}}); a.status != http.StatusSeeOther {
		t.Errorf("edit: %d", a.status)
	}
	if a := d.get(one + "/poster"); a.status != http.StatusOK || !strings.Contains(a.body, "西门二") {
		t.Errorf("the composer: %d", a.status)
	}
	if a := d.post(one+"/delete", nil); a.header.Get("Location") != path {
		t.Errorf("delete: %d", a.status)
	}
	if a := d.get(one); a.status != http.StatusNotFound {
		t.Errorf("a deleted channel: %d", a.status)
	}
	// A channel that nobody scans is flagged while the campaign runs.
	running := o.campaign("quiet", "安静", campaigns.OwnCode)
	o.channel(running, campaigns.ChannelDraft{Name: "无人"})
	o.setTime(noon.Add(3*24*time.Hour + time.Minute))
	d = o.again(people.Operator)
	if a := d.get(admin.ChannelsPath(running)); !strings.Contains(a.words(), "3 天没有扫码") {
		t.Error("a quiet channel is not flagged")
	}
	for _, page := range []string{admin.ChannelsPath(running), admin.ChannelsPath(running) + "/print", admin.ChannelsPath(running) + "?q=zzz", path} {
		a := d.get(page)
		for _, forbidden := range []string{" style=", "<style", " onclick=", "<script>"} {
			if a.status != http.StatusOK || strings.Contains(a.body, forbidden) {
				t.Errorf("%s: %d, or %q which the policy blocks", page, a.status, forbidden)
			}
		}
		if strings.Contains(a.words(), "channels.") {
			t.Errorf("%s shows a key without a sentence", page)
		}
	}
}
