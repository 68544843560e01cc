package sandbox

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"time"
)

// picture is a temporary medium, or a picture that a person sent.
type picture struct {
	id, kind string
	data     []byte
	until    time.Time
}

func (p *picture) path() string { return "/mmbiz_pic/" + p.id }

const (
	maxPicture  = 10 << 20
	maxPictures = 60
	allPictures = 64 << 20 // bytes
	pictureLife = 3 * 24 * time.Hour
)

// keep stores a picture, and drops the oldest ones when there is no room; the mutex is held.
func (s *Server) keep(data []byte) *picture {
	p := &picture{random(64, letters), http.DetectContentType(data), data, s.opt.Now().Add(pictureLife)}
	s.pictures = append(s.pictures, p)
	size := 0
	for _, q := range s.pictures {
		size += len(q.data)
	}
	for len(s.pictures) > maxPictures || size > allPictures {
		size -= len(s.pictures[0].data)
		s.pictures = slices.Delete(s.pictures, 0, 1)
	}
	return p
}

// picture finds one that is still kept, or nil; the mutex is held.
func (s *Server) picture(id string) *picture {
	for _, p := range s.pictures {
		if p.id == id && s.opt.Now().Before(p.until) {
			return p
		}
	}
	return nil
}

func (s *Server) showPicture(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.picture(r.PathValue("id"))
	s.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(p.data)
}

// uploadMedia is POST /cgi-bin/media/upload: a picture in the multipart field "media",
// kept for three days.
func (s *Server) uploadMedia(c *call) (any, *refusal) {
	if no := s.checkAccountCall(c); no != nil {
		return nil, no
	}
	if c.Method != http.MethodPost {
		return nil, c.json(nil)
	}
	if kind := c.query.Get("type"); kind != "image" {
		return nil, refuse(40004, "invalid media type", "沙箱只收 type=image，收到「"+kind+"」", "the sandbox takes type=image only")
	}
	data, err := c.file("media")
	switch {
	case err != nil:
		return nil, refuse(41005, "media data missing", "没有名为 media 的文件", "there is no file called media")
	case len(data) > maxPicture:
		return nil, refuse(40009, "invalid image size", "图片超过 10 MB", "the picture is larger than 10 MB")
	case !slices.Contains([]string{"image/png", "image/jpeg", "image/gif"}, http.DetectContentType(data)):
		return nil, refuse(40005, "invalid file type", "不是 PNG、JPEG 或 GIF 图片", "the file is no PNG, JPEG or GIF")
	}
	p := s.keep(data)
	s.note(LevelOK, "account", "收到图片素材", "a picture was uploaded", p.id)
	return struct {
		Type    string `json:"type"`
		ID      string `json:"media_id"`
		Created int64  `json:"created_at"`
		Item    []int  `json:"item"`
	}{"image", p.id, s.opt.Now().Unix(), []int{}}, nil
}

// file is a file of a multipart body.
func (c *call) file(field string) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, errors.New("no multipart body")
	}
	for parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FormName() == field && part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

// sampleImage is the photo that a persona sends: a field of its colour.
func sampleImage(hue int) []byte {
	const w, h = 240, 160
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			light := uint8(90 + 60*x/w + 60*y/h)
			img.Set(x, y, color.YCbCr{Y: light, Cb: uint8(64 + hue%128), Cr: uint8(190 - hue%128)})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, img)
	return b.Bytes()
}
