package db_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
)

func TestAnIDNumberIsNeverInTheFileAsItWasTyped(t *testing.T) {
	t.Parallel()
	const id = "11010519491231002X"
	ctx, folder := context.Background(), t.TempDir()
	d := dbtest.OpenAt(t, folder)
	s := dbtest.Seed(t, d, func() time.Time { return noon })
	draft := dbtest.Draft(noon, "sealed", 10, campaigns.OwnCode)
	// Under the key that staff search by, it is no phone number either.
	draft.Form = campaigns.Form{{Key: "phone", Kind: campaigns.IDField, Label: "身份证号", Required: true}, {Key: "name", Kind: campaigns.TextField, Label: "姓名"}}
	c := dbtest.Publish(t, s, draft)
	v := dbtest.Visitor(t, s, 1)
	tap := campaigns.Tap{Slug: c.Slug, Visitor: v.ID, Key: key(1, 1), Consent: true, Answers: map[string]string{"phone": "11010519491231002x", "name": "王小明"}}
	claim, _, err := s.Claim(ctx, tap)
	ok(t, err)
	must(t, claim.Answers["phone"] == id, "the new claim: %q", claim.Answers)

	read, err := s.Detail(ctx, claim.ID)
	ok(t, err)
	must(t, read.Claim.Answers["phone"] == id && read.Claim.Answers["name"] == "王小明", "read back: %q", read.Claim.Answers)
	for search, found := range map[string]int{"王小明": 1, id: 0, "002X": 0} {
		page, err := s.Claims(ctx, campaigns.ClaimFilter{Account: dbtest.Account, Search: search, Limit: 10})
		ok(t, err)
		must(t, len(page.Rows) == found, "the search for %q finds %d", search, len(page.Rows))
		must(t, found == 0 || page.Rows[0].Answers["phone"] == id, "the list: %+v", page.Rows)
	}
	profile, err := s.Profile(ctx, v.ID)
	ok(t, err)
	must(t, profile.Claims[0].Answers["phone"] == id, "the profile: %q", profile.Claims[0].Answers)

	for _, name := range []string{"kaquan.db", "kaquan.db-wal"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		ok(t, err)
		must(t, !bytes.Contains(content, []byte("19491231")), "%s holds the number", name)
		must(t, name != "kaquan.db-wal" || bytes.Contains(content, []byte("王小明")), "the test looks at the wrong file")
	}
}
