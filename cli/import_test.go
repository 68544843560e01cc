package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/config"
	"kaquan/db/dbtest"
	"kaquan/sheets"
)

// dataWithCampaign is a data folder with an account and a campaign "old" that has three cards.
func dataWithCampaign(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	cfg := &config.Config{Data: data}
	d, err := OpenStore(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	dbtest.Publish(t, dbtest.Seed(t, d, time.Now), dbtest.Draft(time.Now().UTC(), "old", 3, campaigns.OwnCode))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUsersAreImportedAndExportedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	data, folder := dataWithCampaign(t), t.TempDir()
	table := filepath.Join(folder, "users.csv")
	text := "addcard,openid,nickname,hostip\n"
	for n := range 4 {
		text += "1," + string(dbtest.OpenID(n)) + ",=SUM(1),10.0.0.1\n"
	}
	text += "1,short,x,10.0.0.1\n"
	if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	users := []string{"import", "users", table, "--account", "demo", "--campaign", "old"}
	code, out := command(t, data, append(users, "--dry-run")...)
	if code != 0 || !strings.Contains(out, "5 rows: 4 new") || !strings.Contains(out, "hostip are not taken") || !strings.Contains(out, "nothing was stored") {
		t.Fatal(code, out)
	}
	code, out = command(t, data, users...)
	if code != 0 || !strings.Contains(out, "4 new users, 3 cards given") || !strings.Contains(out, "2 rows with problems") {
		t.Fatal(code, out)
	}
	content, err := os.ReadFile(filepath.Join(folder, "users-problems.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sheets.Read(content, 100, 5)
	if err != nil || len(rows) != 3 || rows[1][0] != "5" || rows[2][0] != "6" {
		t.Errorf("%v %v", rows, err)
	}
	if code, out = command(t, data, users...); code != 0 || !strings.Contains(out, "0 new users, 0 cards given") {
		t.Error("a second run:", code, out)
	}
	if code, out = command(t, data, "verify"); code != 0 {
		t.Error(code, out)
	}
	for name, want := range map[string]int{"claims.csv": 4, "users.xlsx": 5, "campaigns.csv": 2} {
		file := filepath.Join(folder, name)
		kind := strings.TrimSuffix(name, filepath.Ext(name))
		args := []string{"export", kind, "--account", "demo", "--to", file}
		if kind == "claims" {
			args = append(args, "--campaign", "old", "--from", time.Now().AddDate(0, 0, -1).Format(time.DateOnly))
		}
		if code, out := command(t, data, args...); code != 0 || !strings.Contains(out, "SHA-256") {
			t.Fatal(code, out)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := sheets.Read(content, 100, 30)
		if err != nil || len(rows) != want {
			t.Errorf("%s: %v %v", name, rows, err)
		}
		if filepath.Ext(name) == ".csv" && strings.Contains(string(content), ",=") {
			t.Errorf("%s has a formula: %s", name, content)
		}
		if code, out := command(t, data, args...); code == 0 || !strings.Contains(out, "not replaced") {
			t.Errorf("%s was replaced: %s", name, out)
		}
	}
}

func TestWrongExportsAndImportsLeaveNothing(t *testing.T) {
	t.Parallel()
	data, folder := dataWithCampaign(t), t.TempDir()
	table := filepath.Join(folder, "t.csv")
	if err := os.WriteFile(table, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"no column openid":            {"import", "users", table, "--account", "demo"},
		"no such file":                {"import", "users", table + "x", "--account", "demo"},
		"must end in .xlsx or .csv":   {"export", "users", "--account", "demo", "--to", filepath.Join(folder, "a.txt")},
		"Days are written like":       {"export", "claims", "--account", "demo", "--from", "yesterday", "--to", filepath.Join(folder, "b.csv")},
		"campaign":                    {"export", "claims", "--account", "demo", "--campaign", "none", "--to", filepath.Join(folder, "c.csv")},
		"account":                     {"export", "users", "--account", "none", "--to", filepath.Join(folder, "d.csv")},
		"missing flags: --account=ID": {"export", "users", "--to", filepath.Join(folder, "e.csv")},
	} {
		if code, out := command(t, data, args...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
