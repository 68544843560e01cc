package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/doctor"
	"kaquan/wechat"
)

// pushes stand for what the store says about messages and campaigns.
type pushes struct {
	last   time.Time
	demand doctor.Demand
}

func (p pushes) LastPush(context.Context, string) (time.Time, error)   { return p.last, nil }
func (p pushes) Demand(context.Context, string) (doctor.Demand, error) { return p.demand, nil }

func TestPushesAreJudgedByWhatShouldHaveCome(t *testing.T) {
	t.Parallel()
	now := time.Now()
	cards := doctor.Demand{Cards: true}
	claimed := doctor.Demand{Cards: true, LastReported: now.Add(-2 * time.Hour)}
	for _, row := range []struct {
		name    string
		pushes  pushes
		report  doctor.ReportKind
		noToken bool
		level   doctor.Level
		words   string
	}{
		{"nothing and no need", pushes{}, "", false, doctor.Unknown, "不需要推送"},
		{"nothing, but cards", pushes{demand: cards}, "", false, doctor.Fail, "从来没有收到过推送"},
		{"no push token", pushes{demand: cards}, "", true, doctor.Fail, "没有设置推送 Token"},
		{"verified just now", pushes{demand: cards}, doctor.PushVerified, false, doctor.OK, "正常"},
		{"refused just now", pushes{demand: cards}, doctor.PushRefused, false, doctor.Warn, "签名或时间不对"},
		{"silent after a claim", pushes{last: now.Add(-21 * time.Hour), demand: claimed}, "", false, doctor.Fail, "21 小时没有收到推送"},
		{"silent, but nobody claimed", pushes{last: now.Add(-21 * time.Hour), demand: cards}, "", false, doctor.OK, "正常"},
		{"a claim that is younger than the push", pushes{last: now.Add(-time.Hour), demand: claimed}, "", false, doctor.OK, "正常"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.Pushes = row.pushes
			if row.noToken {
				w.account.PushToken = ""
			}
			s := w.service()
			if row.report != "" {
				if err := s.Note(t.Context(), doctor.Report{Account: w.account.Account, Kind: row.report}); err != nil {
					t.Fatal(err)
				}
			}
			if row.noToken {
				w.account.PushToken = "" // of the hub's copy too
			}
			found, err := s.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Check == doctor.Push {
					w.expect(f, row.level, row.words)
					if f.Level.Problem() && f.Value != "https://card.example.com/w/push/demo" {
						t.Errorf("the value is %q", f.Value)
					}
				}
			}
		})
	}
}

func TestReportsThatStrangersCauseAreFew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	for minute := range 3 {
		for range 100 {
			if err := s.Note(t.Context(), doctor.Report{Account: w.account.Account, Kind: doctor.PushRefused}); err != nil {
				t.Fatal(err)
			}
		}
		reports, err := w.db.Reports(t.Context(), w.account.Account, doctor.PushRefused, time.Time{}, 1000)
		if err != nil || len(reports) != minute+1 {
			t.Fatalf("%d reports, %v", len(reports), err)
		}
		w.wait(61 * time.Second)
	}
	w.expect(w.run(s)[doctor.Push], doctor.Fail, "签名或时间不对")
}

func TestARecheckForgetsReportsAndTheNextOneCountsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	report := doctor.Report{Account: w.account.Account, Kind: doctor.OAuthFailed, Code: 10003}
	for range 2 {
		if err := s.Note(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		w.expect(w.run(s)[doctor.OAuthDomain], doctor.Fail, "10003")
		f, err := s.Recheck(t.Context(), doctor.OAuthDomain, w.account.Account)
		if err != nil {
			t.Fatal(err)
		}
		w.expect(f, doctor.OK, "没有用户报告错误")
	}
}

func TestDomainsAreJudgedByTheAddressAndByWhatVisitorsMet(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, public string
		sandbox      bool
		report       doctor.Report
		check        doctor.Check
		level        doctor.Level
		words, value string
	}{
		{"fit", "https://card.example.com", false, doctor.Report{}, doctor.OAuthDomain, doctor.OK, "card.example.com", ""},
		{"fit for scripts", "https://card.example.com", false, doctor.Report{}, doctor.JSDomain, doctor.OK, "card.example.com", ""},
		{"no https", "http://card.example.com", false, doctor.Report{}, doctor.OAuthDomain, doctor.Fail, "没有使用 https", ""},
		{"an address", "https://203.0.113.9", false, doctor.Report{}, doctor.JSDomain, doctor.Fail, "不是域名", ""},
		{"this machine", "http://localhost:8080", false, doctor.Report{}, doctor.JSDomain, doctor.Fail, "不是域名", ""},
		{"a port", "https://card.example.com:8443", false, doctor.Report{}, doctor.OAuthDomain, doctor.Fail, "8443", ""},
		{"the sandbox", "http://127.0.0.1:8080", true, doctor.Report{}, doctor.OAuthDomain, doctor.OK, "模拟的微信", ""},
		{"10003", "https://card.example.com", false, doctor.Report{Kind: doctor.OAuthFailed, Code: 10003}, doctor.OAuthDomain, doctor.Fail, "10003", "card.example.com"},
		{"a wrong secret", "https://card.example.com", false, doctor.Report{Kind: doctor.OAuthFailed, Code: 40125}, doctor.OAuthDomain, doctor.Warn, "40125", ""},
		{"a stale link", "https://card.example.com", false, doctor.Report{Kind: doctor.OAuthFailed, Code: 40163}, doctor.OAuthDomain, doctor.OK, "card.example.com", ""},
		{"a foreign domain", "https://card.example.com", false, doctor.Report{Kind: doctor.SignatureBad, Detail: "config:invalid url domain"}, doctor.JSDomain, doctor.Fail, "invalid url domain", "card.example.com"},
		{"a bad signature", "https://card.example.com", true, doctor.Report{Kind: doctor.SignatureBad, Detail: "config:invalid signature"}, doctor.JSDomain, doctor.Warn, "签名无效", ""},
		{"no permission", "https://card.example.com", false, doctor.Report{Kind: doctor.SignatureBad, Detail: "addCard:permission denied"}, doctor.JSDomain, doctor.Warn, "没有页面所用接口的权限", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.PublicURL, w.account.Sandbox = row.public, row.sandbox
			s := w.service()
			if row.report.Kind != "" {
				row.report.Account = w.account.Account
				if err := s.Note(t.Context(), row.report); err != nil {
					t.Fatal(err)
				}
			}
			f := w.run(s)[row.check]
			w.expect(f, row.level, row.words)
			if f.Value != row.value {
				t.Errorf("the value is %q", f.Value)
			}
			// A day later nobody complains any more.
			w.wait(25 * time.Hour)
			if row.report.Kind != "" {
				if f := w.run(s)[row.check]; f.Level != doctor.OK {
					t.Errorf("a day later: %+v", f)
				}
			}
		})
	}
}

func TestTheCertificateOfThePublicAddressIsLookedAt(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	end := server.Certificate().NotAfter
	for _, row := range []struct {
		name, public string
		trusted      bool
		now          time.Time // of the check; zero = now
		tlsTime      time.Time
		level        doctor.Level
		words        string
	}{
		{"good", server.URL, true, time.Time{}, time.Time{}, doctor.OK, "天到期"},
		{"ends in three weeks", server.URL, true, end.Add(-20 * 24 * time.Hour), time.Time{}, doctor.Warn, "还有 20 天"},
		{"ends in five days", server.URL, true, end.Add(-5*24*time.Hour - time.Hour), time.Time{}, doctor.Fail, "还有 5 天"},
		{"over", server.URL, true, time.Time{}, end.Add(time.Hour), doctor.Fail, "已经过期"},
		{"nobody knows its issuer", server.URL, false, time.Time{}, time.Time{}, doctor.Fail, "不受信任"},
		{"of another host", strings.Replace(server.URL, "127.0.0.1", "localhost", 1), true, time.Time{}, time.Time{}, doctor.Fail, "不是发给 localhost"},
		{"nobody answers", "https://127.0.0.1:1", true, time.Time{}, time.Time{}, doctor.Warn, "连不上"},
		{"no https", "http://card.example.com", true, time.Time{}, time.Time{}, doctor.Fail, "没有使用 https"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.PublicURL, w.options.Ask = row.public, false
			w.options.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
			if row.trusted {
				w.options.TLS.RootCAs = roots
			}
			if !row.tlsTime.IsZero() {
				w.options.TLS.Time = func() time.Time { return row.tlsTime }
			}
			if !row.now.IsZero() {
				w.options.Now = func() time.Time { return row.now }
			}
			w.expect(w.run(w.service())[doctor.Certificate], row.level, row.words)
		})
	}
}

func TestVerificationFilesAreReadAtThePublicAddress(t *testing.T) {
	t.Parallel()
	const name = "MP_verify_abcdefghij123456.txt"
	for _, row := range []struct {
		name   string
		stored bool
		status int
		body   string
		level  doctor.Level
		words  string
	}{
		{"none stored", false, 200, "", doctor.Unknown, "还没有上传"},
		{"there", true, 200, "abcdefghij123456", doctor.OK, "1 个文件"},
		{"changed by a proxy", true, 200, "abcdefghij123456\n", doctor.Fail, "内容不同"},
		{"missing", true, 404, "", doctor.Fail, "HTTP 404"},
		{"out of reach", true, 0, "", doctor.Warn, "读不到"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			site := httptest.NewServer(http.HandlerFunc(func(res http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/"+name || row.status == 0 {
					panic(http.ErrAbortHandler)
				}
				res.WriteHeader(row.status)
				_, _ = res.Write([]byte(row.body))
			}))
			t.Cleanup(site.Close)
			w.options.PublicURL, w.options.HTTP = site.URL, site.Client()
			if row.stored {
				w.options.Files = files{{Name: name, Content: []byte("abcdefghij123456")}}
			}
			w.expect(w.run(w.service())[doctor.VerificationFiles], row.level, row.words)
		})
	}
}

type files []wechat.VerifyFile

func (f files) VerifyFiles(context.Context) ([]wechat.VerifyFile, error) { return f, nil }

func TestTheServersOwnPartsAreChecked(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	backup := func(age time.Duration) func(*world) {
		return func(w *world) {
			folder := filepath.Join(w.folder, "backups")
			name := filepath.Join(folder, "kaquan-1.zip")
			when := w.now().Add(-age)
			if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(name, []byte("x"), 0o600), os.Chtimes(name, when, when)); err != nil {
				w.Fatal(err)
			}
		}
	}
	space := func(free uint64) func(*world) {
		return func(w *world) {
			w.options.Space = func(string) (uint64, uint64, error) { return free, 100 * gb, nil }
		}
	}
	queue := func(n int) func(*world) { return func(w *world) { w.options.WriterQueue = func() int { return n } } }
	for _, row := range []struct {
		name  string
		set   func(*world)
		check doctor.Check
		level doctor.Level
		words string
	}{
		{"database", func(*world) {}, doctor.Database, doctor.OK, "正常"},
		{"a database that does not write", func(w *world) {
			w.options.Ready = func(context.Context) error { return errors.New("disk I/O error") }
		}, doctor.Database, doctor.Fail, "不能写入"},
		{"a queue", queue(1500), doctor.Database, doctor.Warn, "1500 条"},
		{"a long queue", queue(3500), doctor.Database, doctor.Fail, "3500 条"},
		{"space", space(50 * gb), doctor.Disk, doctor.OK, "50.0 GB"},
		{"little space", space(3 * gb), doctor.Disk, doctor.Warn, "只剩 3.0 GB"},
		{"no space", space(gb / 10), doctor.Disk, doctor.Fail, "只剩 0.1 GB"},
		{"the real disk", func(w *world) { w.options.Space = nil }, doctor.Disk, "", "GB"},
		{"a new installation", func(*world) {}, doctor.Backup, doctor.Unknown, "还没有备份"},
		{"no backup for long", func(w *world) { w.wait(8 * 24 * time.Hour) }, doctor.Backup, doctor.Warn, "从来没有备份过"},
		{"a fresh backup", backup(time.Hour), doctor.Backup, doctor.OK, "正常"},
		{"an old backup", backup(3 * 24 * time.Hour), doctor.Backup, doctor.Warn, "3 天前"},
		{"a very old backup", backup(9 * 24 * time.Hour), doctor.Backup, doctor.Fail, "9 天前"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			row.set(w)
			f := w.run(w.service())[row.check]
			if row.level == "" {
				row.level = f.Level
				if f.Level == doctor.Unknown {
					t.Error("the space of the disk is not known")
				}
			}
			w.expect(f, row.level, row.words)
		})
	}
}
