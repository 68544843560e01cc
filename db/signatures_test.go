package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/wechat"
)

func TestEqualReportsAreCountedAndTheOldestForgotten(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	report := func(digest, account string, at time.Time) wechat.SignatureReport {
		return wechat.SignatureReport{
			Digest: digest, Account: account, Slug: "latte", Which: wechat.SignedPage, Href: "https://a.cn/c/latte?from=x", SignedURL: "https://a.cn/c/latte",
			Message: "config:invalid signature", Agent: "ios", TicketAge: 90 * time.Second, LastAt: at,
		}
	}
	ok(t, d.SaveSignatureReport(ctx, report("a", "demo", noon)))
	ok(t, d.SaveSignatureReport(ctx, report("a", "demo", noon.Add(time.Minute))))
	ok(t, d.SaveSignatureReport(ctx, report("other", "box", noon)))
	list, err := d.SignatureReports(ctx, "demo", 10)
	ok(t, err)
	must(t, len(list) == 1 && list[0].Count == 2 && list[0].FirstAt.Equal(noon) && list[0].LastAt.Equal(noon.Add(time.Minute)), "stored %+v", list)
	want := report("a", "demo", noon.Add(time.Minute))
	want.Count, want.FirstAt = 2, noon
	must(t, list[0] == want, "read %+v, want %+v", list[0], want)
	for n := range 210 {
		ok(t, d.SaveSignatureReport(ctx, report(fmt.Sprintf("n%03d", n), "demo", noon.Add(time.Hour+time.Duration(n)*time.Second))))
	}
	list, err = d.SignatureReports(ctx, "demo", 1000)
	ok(t, err)
	must(t, len(list) == 200 && list[0].Digest == "n209" && list[199].Digest == "n010", "%d are kept, from %s to %s", len(list), list[0].Digest, list[len(list)-1].Digest)
	list, err = d.SignatureReports(ctx, "box", 10)
	ok(t, err)
	must(t, len(list) == 1, "the other account has %d", len(list))
}

func TestVerificationFilesComeBackByteForByte(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	f := wechat.VerifyFile{Name: "MP_verify_0123456789abcdEF.txt", Content: []byte("0123456789abcdEF\r\n"), AddedBy: "小李", AddedAt: noon}
	ok(t, d.SaveVerifyFile(ctx, f))
	got, found, err := d.VerifyFile(ctx, f.Name)
	ok(t, err)
	must(t, found && string(got.Content) == string(f.Content) && got.AddedBy == "小李" && got.ServedAt.IsZero(), "read %+v", got)
	_, found, err = d.VerifyFile(ctx, "mp_verify_0123456789abcdef.txt")
	ok(t, err)
	must(t, !found, "another spelling finds it")
	ok(t, d.VerifyFileServed(ctx, f.Name, noon.Add(time.Hour)))
	list, err := d.VerifyFiles(ctx)
	ok(t, err)
	must(t, len(list) == 1 && list[0].ServedAt.Equal(noon.Add(time.Hour)), "list %+v", list)
	for n := range 49 {
		f.Name = fmt.Sprintf("another%09d.txt", n)
		ok(t, d.SaveVerifyFile(ctx, f))
	}
	ok(t, d.SaveVerifyFile(ctx, f)) // over itself
	f.Name = "onetoomany0.txt"
	must(t, errors.Is(d.SaveVerifyFile(ctx, f), db.ErrTooManyFiles), "more than 50 files are kept")
	ok(t, d.DeleteVerifyFile(ctx, "MP_verify_0123456789abcdEF.txt"))
	ok(t, d.DeleteVerifyFile(ctx, "MP_verify_0123456789abcdEF.txt"))
	_, found, err = d.VerifyFile(ctx, "MP_verify_0123456789abcdEF.txt")
	ok(t, err)
	must(t, !found, "it is still there")
}
