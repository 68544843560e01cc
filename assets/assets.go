package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// Prefix is the path under which the files are served.
const Prefix = "/assets/"

// Missing is the sentence for a binary without its front-end files, for the start of the program.
const Missing = "this binary was built without its front-end files: run ./task assets (it needs Node 20 or newer) and build it again"

// sdk is where build.mjs puts the JS-SDK. Production pages load WeChat's own copy, so it is not served.
const sdk = "sandbox/jweixin.js"

// File is one servable file. Gzip and Brotli are its precompressed copies, nil when they would not
// be smaller. The slices are shared: callers must not change them.
type File struct {
	Name   string // "app.css", without folder of the server and without hash
	Type   string // Content-Type
	Body   []byte
	Gzip   []byte
	Brotli []byte
	ETag   string // weak, so that it holds for each encoding
	// Immutable is true when the file was asked for by its hashed name and may be cached for a
	// year; otherwise the cache must ask again.
	Immutable bool
}

// index is every file by the names it answers to.
type index struct {
	files map[string]File
	urls  map[string]string
	sdk   []byte
	built bool
}

var shared = sync.OnceValue(func() *index {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return &index{}
	}
	return load(sub)
})

// load reads and hashes every file once.
func load(fsys fs.FS) *index {
	ix := &index{files: map[string]File{}, urls: map[string]string{}}
	// An embedded file system cannot fail to be read; what is not there is not served.
	_ = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch {
		case name == "manifest.json":
			ix.built = true
			return nil
		case name == sdk:
			ix.sdk, err = fs.ReadFile(fsys, name)
			return err
		}
		contentType := types[path.Ext(name)]
		if contentType == "" || strings.HasPrefix(name, "sandbox/") {
			return nil
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		file := File{Name: name, Type: contentType, Body: body, ETag: `W/"` + hash[:16] + `"`}
		if packed, err := fs.ReadFile(fsys, name+".gz"); err == nil {
			file.Gzip = packed
		}
		if packed, err := fs.ReadFile(fsys, name+".br"); err == nil {
			file.Brotli = packed
		}
		ix.files[name] = file
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + hash[:8] + ext
		file.Immutable = true
		ix.files[hashed] = file
		ix.urls[name] = Prefix + hashed
		return nil
	})
	return ix
}

// types are the only kinds that are served; the operating system's own table is not asked, so that
// every machine answers alike.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

// URL is the address of a file with its content hash: "app.css" is /assets/app.1a2b3c4d.css. For a
// name that does not exist it is the plain address, which answers 404.
func URL(name string) string { return shared().url(name) }

func (ix *index) url(name string) string {
	if url, ok := ix.urls[name]; ok {
		return url
	}
	return Prefix + name
}

// Find is the file for a request path, with or without Prefix, by hashed or plain name. An old
// hash is not found, so that a stale page never gets a file of another version.
func Find(requestPath string) (File, bool) { return shared().find(requestPath) }

func (ix *index) find(requestPath string) (File, bool) {
	file, ok := ix.files[strings.TrimPrefix(requestPath, Prefix)]
	return file, ok
}

// Built reports whether the front-end files are inside this binary. Where it is false, say Missing.
func Built() bool { return shared().built }

// JSSDK is the published WeChat JS-SDK for the sandbox, as a plain script that sets window.wx and
// window.jWeixin. It is nil when the files were not built. The caller must not change it.
func JSSDK() []byte { return shared().sdk }
