package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs the program with a data folder and gives what it printed.
func command(t *testing.T, data string, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), Version{Number: "test"}, append(args, "--data", data, "--listen", "127.0.0.1:1"), strings.NewReader("a long password 1\n"), &b, &b)
	return code, b.String()
}

func TestABackupBringsEverythingBack(t *testing.T) {
	t.Parallel()
	data, other := t.TempDir(), t.TempDir()
	if code, out := command(t, data, "admin", "create", "--login", "boss"); code != 0 {
		t.Fatal(out)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if code, out := command(t, data, "backup", file); code != 0 || !strings.Contains(out, "copy.key") {
		t.Fatal(code, out)
	}
	if code, out := command(t, data, "backup", file); code == 0 {
		t.Fatal("an old copy was replaced:", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if code, out := command(t, data, "admin", "create", "--login", "later"); code != 0 {
		t.Fatal(out)
	}
	for _, folder := range []string{data, other} {
		if code, out := command(t, folder, "restore", file); code != 0 {
			t.Fatal(out)
		}
		code, out := command(t, folder, "admin", "list")
		if code != 0 || !strings.Contains(out, "boss") || strings.Contains(out, "later") {
			t.Errorf("after the restore: %d %s", code, out)
		}
	}
	kept, err := filepath.Glob(filepath.Join(data, "before-restore-*", "kaquan.db"))
	if err != nil || len(kept) != 1 {
		t.Errorf("what was there is gone: %v %v", kept, err)
	}
}

func TestADamagedCopyChangesNothing(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if code, out := command(t, data, "admin", "create", "--login", "boss"); code != 0 {
		t.Fatal(out)
	}
	good := filepath.Join(t.TempDir(), "good.db")
	if code, out := command(t, data, "backup", good, "--no-key"); code != 0 {
		t.Fatal(out)
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, bytes := range map[string][]byte{"text": []byte("hello"), "cut": content[:len(content)/2], "empty": nil} {
		file := filepath.Join(t.TempDir(), name+".db")
		if err := os.WriteFile(file, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := command(t, data, "restore", file); code == 0 {
			t.Errorf("%s was restored: %s", name, out)
		}
	}
	if code, out := command(t, data, "restore", filepath.Join(data, "nothing.db")); code == 0 {
		t.Error("a file that is not there was restored:", out)
	}
	if code, out := command(t, data, "admin", "list"); code != 0 || !strings.Contains(out, "boss") {
		t.Error(out)
	}
}
