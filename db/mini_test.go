package db_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/mini"
	"kaquan/wechat"
)

func TestQueriesOfMiniProgramsUseAnIndex(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dbtest.OpenAt(t, folder)
	raw, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "kaquan.db"))
	ok(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	all := queries(t)
	for _, name := range []string{
		"qMiniProgram", "qMiniIdentity", "qVisitorByUnion", "qMiniSession", "qTouchMiniSession", "qRevokeMiniAll", "qRevokeMiniBeyond", "qTrimMiniSessions", "qMinisOf", "qMiniAvatar", "qMoveMinis",
	} {
		query, found := all[name]
		must(t, found, "no statement %s", name)
		args := make([]any, len(slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`\$\d+`).FindAllString(query, -1))))))
		rows, err := raw.Query("EXPLAIN QUERY PLAN "+query, args...)
		ok(t, err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			ok(t, rows.Scan(&id, &parent, &unused, &detail))
			must(t, !strings.HasPrefix(detail, "SCAN"), "%s scans a whole table: %s", name, detail)
		}
		ok(t, rows.Err())
		_ = rows.Close()
	}
}

func TestAPersonHasOnlySoManySessions(t *testing.T) {
	t.Parallel()
	d, ctx := dbtest.Open(t), context.Background()
	now := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	s := dbtest.Seed(t, d, func() time.Time { return now })
	v := dbtest.Visitor(t, s, 1)
	i, err := d.SaveMiniIdentity(ctx, mini.Identity{Account: dbtest.Account, App: "wx00000000000000aa", OpenID: "oMini", Visitor: v.ID}, now)
	ok(t, err)
	var hashes [][]byte
	for n := range 4 {
		hashes = append(hashes, mini.NewToken().Hash())
		ok(t, d.SaveMiniSession(ctx, mini.Session{Identity: i, Hash: hashes[n], Key: "key", IssuedAt: now.Add(time.Duration(n) * time.Second), SeenAt: now, ExpiresAt: now.Add(time.Hour)}, 3))
	}
	for n, hash := range hashes {
		session, err := d.MiniSession(ctx, hash)
		ok(t, err)
		must(t, session.RevokedAt.IsZero() == (n > 0) && (session.Key == "key") == (n > 0), "session %d: revoked %v", n, session.RevokedAt)
		must(t, !session.Current, "there is no mini program, and the session is current")
	}
	ok(t, d.TrimMiniSessions(ctx, now.Add(2*time.Hour)))
	_, err = d.MiniSession(ctx, hashes[3])
	must(t, errors.Is(err, mini.ErrUnknownToken), "a trimmed session: %v", err)
}

func TestANewSecretForgetsTheToken(t *testing.T) {
	t.Parallel()
	d, ctx := dbtest.Open(t), context.Background()
	now := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	dbtest.Seed(t, d, func() time.Time { return now })
	p := mini.Program{Account: dbtest.Account, AppID: "wx00000000000000aa", Secret: "one"}
	save := func() { ok(t, d.SaveMiniProgram(ctx, p, campaigns.Audit{At: now, Detail: "{}"})) }
	there := func() bool {
		_, err := d.LoadToken(ctx, p.AppID, wechat.AccessToken)
		return err == nil
	}
	save()
	ok(t, d.SaveToken(ctx, wechat.Token{AppID: p.AppID, Kind: wechat.AccessToken, Value: "t", FetchedAt: now, ExpiresAt: now.Add(time.Hour)}))
	save()
	must(t, there(), "saving the same settings forgot the token")
	p.Secret = "two"
	save()
	must(t, !there(), "the token of the old secret is still there")
	ok(t, d.DeleteMiniProgram(ctx, dbtest.Account, campaigns.Audit{At: now, Detail: "{}"}))
	ok(t, d.DeleteMiniProgram(ctx, dbtest.Account, campaigns.Audit{At: now, Detail: "{}"}))
	_, err := d.MiniProgram(ctx, dbtest.Account)
	must(t, errors.Is(err, mini.ErrProgramNotFound), "removed: %v", err)
}

// Who stops following the account and uses its mini program stays the person there; the
// account's profile goes, and their card stays theirs.
func TestWhoStopsFollowingStaysSignedInToTheMiniProgram(t *testing.T) {
	t.Parallel()
	d, ctx := dbtest.Open(t), context.Background()
	now := noon
	s := dbtest.Seed(t, d, func() time.Time { return now })
	c := dbtest.Publish(t, s, dbtest.Draft(noon, "mini", 10, campaigns.OwnCode))
	v := dbtest.Visitor(t, s, 1)
	_, err := d.SaveMiniIdentity(ctx, mini.Identity{Account: dbtest.Account, App: "wx00000000000000aa", OpenID: "oMini", Visitor: v.ID}, now)
	ok(t, err)
	claim, _, err := s.Claim(ctx, campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, 0)})
	ok(t, err)
	now = now.Add(time.Minute)
	_, err = s.Receive(ctx, dbtest.Account, wechat.Event{MsgType: "event", Event: "unsubscribe", FromUser: string(v.OpenID), CreateTime: now.Unix()}, []byte("<xml/>"))
	ok(t, err)
	after, err := s.Visitor(ctx, v.ID)
	ok(t, err)
	must(t, after.OpenID == v.OpenID && after.Nickname == "" && v.Nickname != "", "left as %+v", after)
	st, err := s.Standing(ctx, c, v.ID)
	must(t, err == nil && st.Current != nil && st.Current.ID == claim.ID, "the card: %+v, %v", st.Current, err)
}
