package wechat

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"time"
)

const (
	// MaxImage is the size of a picture for replies, in bytes.
	MaxImage = 10 << 20
	// MediaLife is how long WeChat keeps a temporary picture.
	MediaLife = 3 * 24 * time.Hour

	uploadTimeout = 30 * time.Second
)

// Media is a temporary file at WeChat. Keep it and upload anew before it ends: uploads
// have a daily quota.
type Media struct {
	ID        string
	CreatedAt time.Time // UTC
}

// EndsAt is when WeChat forgets the file.
func (m Media) EndsAt() time.Time { return m.CreatedAt.Add(MediaLife) }

// UploadImage hands a JPEG or PNG of at most MaxImage bytes to WeChat for picture replies
// (media/upload). Each call makes another file. Wrong pictures are refused here, with
// 40005 or 40006.
func (a *Account) UploadImage(ctx context.Context, picture []byte) (Media, error) {
	const path = "/cgi-bin/media/upload"
	if len(picture) == 0 || len(picture) > MaxImage {
		return Media{}, refuse(path, 40006, "a picture has at most 10 MB")
	}
	kind, name := http.DetectContentType(picture), ""
	switch kind {
	case "image/jpeg":
		name = "picture.jpg"
	case "image/png":
		name = "picture.png"
	default:
		return Media{}, refuse(path, 40005, "a picture is JPEG or PNG")
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="media"; filename="` + name + `"`}, "Content-Type": {kind},
	})
	if err == nil {
		_, err = part.Write(picture)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return Media{}, err
	}
	var answer struct {
		ID        string `json:"media_id"`
		CreatedAt whole  `json:"created_at"`
	}
	err = a.withToken(ctx, func(token string) error {
		ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
		defer cancel()
		return a.client.send(ctx, http.MethodPost, path, url.Values{"access_token": {token}, "type": {"image"}},
			w.FormDataContentType(), bytes.NewReader(form.Bytes()), &answer, []string{token})
	})
	if err != nil {
		return Media{}, err
	}
	if !plausible(answer.ID, maxMediaID) {
		return Media{}, &AnswerError{Path: path, Problem: "the answer has no media id"}
	}
	m := Media{ID: answer.ID, CreatedAt: answer.CreatedAt.time()}
	// A clock that is wrong by days would make us send pictures that are gone.
	if now := a.now().UTC(); m.CreatedAt.IsZero() || m.CreatedAt.After(now) {
		m.CreatedAt = now.Truncate(time.Second)
	}
	return m, nil
}
