package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

func TestFilesAreFoundByHashedAndPlainName(t *testing.T) {
	t.Parallel()
	ix := load(fstest.MapFS{
		".keep":              {},
		"manifest.json":      {Data: []byte(`{}`)},
		"app.css":            {Data: []byte("body{}")},
		"app.css.gz":         {Data: []byte("gz")},
		"app.css.br":         {Data: []byte("br")},
		"img/logo.min.svg":   {Data: []byte("<svg/>")},
		"sandbox/jweixin.js": {Data: []byte("sdk")},
		"notes.md":           {Data: []byte("not for the web")},
	})
	url := ix.url("app.css")
	if !regexp.MustCompile(`^/assets/app\.[0-9a-f]{8}\.css$`).MatchString(url) {
		t.Fatalf("odd address %s", url)
	}
	if logo := ix.url("img/logo.min.svg"); !regexp.MustCompile(`^/assets/img/logo\.min\.[0-9a-f]{8}\.svg$`).MatchString(logo) {
		t.Fatalf("odd address %s", logo)
	}
	hashed, ok := ix.find(url)
	if !ok || !hashed.Immutable || string(hashed.Body) != "body{}" || string(hashed.Gzip) != "gz" || string(hashed.Brotli) != "br" {
		t.Fatalf("by hashed name: %v %+v", ok, hashed)
	}
	if hashed.Type != "text/css; charset=utf-8" || !strings.HasPrefix(hashed.ETag, `W/"`) || hashed.Name != "app.css" {
		t.Fatalf("headers: %+v", hashed)
	}
	plain, ok := ix.find("app.css")
	if !ok || plain.Immutable || plain.ETag != hashed.ETag {
		t.Fatalf("by plain name: %v %+v", ok, plain)
	}
	for _, no := range []string{
		"", "/", "/assets/", ".keep", "manifest.json", "app.css.gz", "notes.md", "sandbox/jweixin.js",
		"/assets/../assets.go", "/assets//app.css", "/assets/app.00000000.css", "img",
	} {
		if _, ok := ix.find(no); ok {
			t.Errorf("%q must not be served", no)
		}
	}
	if !ix.built || string(ix.sdk) != "sdk" || ix.url("gone.js") != "/assets/gone.js" {
		t.Fatal("built, the SDK or the address of a missing file is wrong")
	}
}

func TestTheHashFollowsTheContent(t *testing.T) {
	t.Parallel()
	one := load(fstest.MapFS{"app.js": {Data: []byte("1")}})
	two := load(fstest.MapFS{"app.js": {Data: []byte("2")}})
	if one.url("app.js") == two.url("app.js") {
		t.Fatal("another content must have another address")
	}
	if _, ok := two.find(one.url("app.js")); ok {
		t.Fatal("an old address must not give a new file")
	}
}

func TestABareCloneIsNotBuiltAndSaysWhatToRun(t *testing.T) {
	t.Parallel()
	ix := load(fstest.MapFS{".keep": {}})
	if ix.built || ix.sdk != nil || len(ix.files) != 0 {
		t.Fatalf("%+v", ix)
	}
	if !strings.Contains(Missing, "./task assets") {
		t.Fatal("the sentence must name the command")
	}
}

func built(t *testing.T) {
	t.Helper()
	if !Built() {
		t.Skip(Missing)
	}
}

func TestTheBuiltFilesAreWholeAndTheirCopiesEqualThem(t *testing.T) {
	t.Parallel()
	built(t)
	raw, err := dist.ReadFile("dist/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct{ Name, Package, Version, SHA256 string }
	}
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	licensed := map[string]bool{}
	for _, entry := range manifest.Files {
		body, err := dist.ReadFile("dist/" + entry.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.Sum256(body)
		if hex.EncodeToString(sum[:]) != entry.SHA256 {
			t.Errorf("%s is not the file of the manifest", entry.Name)
		}
		if strings.HasPrefix(entry.Name, "licences/") {
			licensed[entry.Package] = len(body) > 300
		}
		file, ok := Find(URL(entry.Name))
		if !ok {
			continue
		}
		if file.Gzip != nil {
			unzip, err := gzip.NewReader(bytes.NewReader(file.Gzip))
			if err != nil {
				t.Fatal(err)
			}
			same(t, file, "gzip", unzip)
		}
		if file.Brotli != nil {
			same(t, file, "brotli", brotli.NewReader(bytes.NewReader(file.Brotli)))
		}
		if len(file.Body) > 10_000 && strings.HasPrefix(file.Type, "text/") && (file.Gzip == nil || file.Brotli == nil) {
			t.Errorf("%s has no precompressed copy", file.Name)
		}
	}
	for _, entry := range manifest.Files {
		if entry.Package != "kaquan" && !licensed[entry.Package] {
			t.Errorf("%s comes without its licence", entry.Package)
		}
	}
	for _, name := range []string{"htmx.min.js", "tabler.min.css", "weui.min.css"} {
		if file, ok := Find(name); !ok || len(file.Body) < 10_000 {
			t.Errorf("%s is missing or cut short", name)
		}
	}
	if sdk := string(JSSDK()); !strings.Contains(sdk, "preVerifyJSAPI") || !strings.Contains(sdk, "window.wx=") {
		t.Error("the JS-SDK is missing or is not a plain script")
	}
}

func same(t *testing.T, file File, encoding string, r io.Reader) {
	t.Helper()
	body, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(body, file.Body) {
		t.Errorf("the %s copy of %s differs: %v", encoding, file.Name, err)
	}
}

func TestOurOwnSourcesAreBuilt(t *testing.T) {
	t.Parallel()
	built(t)
	err := filepath.WalkDir("src", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel("src", path)
		if err != nil {
			return err
		}
		if file, ok := Find(filepath.ToSlash(name)); !ok || !bytes.Equal(file.Body, want) {
			t.Errorf("dist is older than %s: run ./task assets", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLockFileNamesNoHost(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(lock, []byte(`"resolved"`)) {
		t.Fatal("the lock file names a registry host; see omit-lockfile-registry-resolved in .npmrc")
	}
}
