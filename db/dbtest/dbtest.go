package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/wechat"
)

// Account is the official account that Seed makes.
const Account campaigns.AccountID = "demo"

// Open gives a migrated database in a folder of the test, closed at its end.
func Open(tb testing.TB) *db.DB {
	tb.Helper()
	return OpenAt(tb, tb.TempDir())
}

// empty is a database after its migrations, made once for all tests of a package: that
// takes longer than most of them.
var empty = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "kaquan-dbtest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path, ctx := filepath.Join(folder, "kaquan.db"), context.Background()
	d, err := db.Open(ctx, db.Options{Path: path, KeyFile: filepath.Join(folder, "kaquan.key")})
	if err != nil {
		return nil, err
	}
	_, err = d.Migrate(ctx)
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Prepare puts an empty database of the newest schema into a folder that has none, for a
// program that is started there, and reports whether it did.
func Prepare(tb testing.TB, folder string) bool {
	tb.Helper()
	path := filepath.Join(folder, "kaquan.db")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	content, err := empty()
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return true
}

// OpenAt gives the database of a folder, so that a test can open it again.
func OpenAt(tb testing.TB, folder string) *db.DB {
	tb.Helper()
	fresh := Prepare(tb, folder)
	d, err := db.Open(context.Background(), db.Options{Path: filepath.Join(folder, "kaquan.db"), KeyFile: filepath.Join(folder, "kaquan.key")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	if fresh { // and of the newest schema
		return d
	}
	if _, err := d.Migrate(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return d
}

// Credentials are those of the account that Seed makes.
func Credentials() wechat.Credentials {
	return wechat.Credentials{Account: string(Account), AppID: "wx0000000000000001", Secret: "0123456789abcdef0123456789abcdef", PushToken: "pushtoken", Mode: wechat.Stable}
}

// Seed stores the account and returns a domain service on the database with the clock.
func Seed(tb testing.TB, d *db.DB, now func() time.Time) *campaigns.Service {
	tb.Helper()
	s := campaigns.New(campaigns.Options{Store: d, Now: now})
	a := campaigns.Account{ID: Account, Name: "示例咖啡", Credentials: Credentials()}
	if err := s.SaveAccount(context.Background(), d, campaigns.Actor{Name: "test"}, a); err != nil {
		tb.Fatal(err)
	}
	return s
}

// Draft is a valid campaign that runs from an hour before now to a day after.
func Draft(now time.Time, slug campaigns.Slug, total int64, issuer campaigns.Issuer) campaigns.Draft {
	d := campaigns.Draft{
		Account: Account, Slug: slug, Name: "冬日拿铁买一赠一", StartsAt: now.Add(-time.Hour), EndsAt: now.Add(24 * time.Hour), Zone: campaigns.Shanghai(),
		Total: total, Limits: campaigns.Limits{PerPerson: 1}, Hold: 2 * time.Minute, Issuer: issuer,
		Texts: campaigns.Texts{Benefit: "冬日拿铁买一赠一", Brand: "示例咖啡", Purpose: "联系你兑奖"},
	}
	if issuer == campaigns.WeChatCard {
		d.CardID = "pTestCard0000000000000000001"
	}
	return d
}

// Publish creates and publishes a campaign.
func Publish(tb testing.TB, s *campaigns.Service, d campaigns.Draft) *campaigns.Campaign {
	tb.Helper()
	ctx := context.Background()
	c, err := s.Create(ctx, campaigns.Actor{Name: "test"}, d)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Publish(ctx, campaigns.Actor{Name: "test"}, c.ID); err != nil {
		tb.Fatal(err)
	}
	c, err = s.Campaign(ctx, c.ID)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Visitor stores the n-th visitor of the account.
func Visitor(tb testing.TB, s *campaigns.Service, n int) campaigns.Visitor {
	tb.Helper()
	v, err := s.Visit(context.Background(), campaigns.Visitor{Account: Account, OpenID: OpenID(n), Nickname: fmt.Sprintf("访客%d", n)})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// OpenID is the n-th visitor's openid.
func OpenID(n int) wechat.OpenID { return wechat.OpenID(fmt.Sprintf("oTestVisitor%016d", n)) }
