package reach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"kaquan/wechat"
)

// MaxPicture is the size of a picture for answers, in bytes; forms carry at most 1 MB.
const MaxPicture = 900 << 10

const (
	renewAfter   = wechat.MediaLife - 12*time.Hour
	retryAfter   = 10 * time.Minute
	picturesOnce = 10
)

// Picture is an uploaded JPEG or PNG.
type Picture struct {
	ID        int64
	Account   string
	Content   []byte
	Digest    string // of the content
	Media     wechat.Media
	CreatedAt time.Time // UTC
}

// Type is the content type.
func (p *Picture) Type() string { return http.DetectContentType(p.Content) }

// AddPicture keeps a picture for answers; RenewPictures hands it to WeChat. The same
// picture again gives the same id. Others than JPEG and PNG are refused on "picture".
func (s *Service) AddPicture(ctx context.Context, account string, content []byte) (int64, error) {
	p := Picture{Account: account, Content: content, CreatedAt: s.now().UTC()}
	if kind := p.Type(); len(content) == 0 || len(content) > MaxPicture || kind != "image/jpeg" && kind != "image/png" {
		return 0, errPicture
	}
	sum := sha256.Sum256(content)
	p.Digest = hex.EncodeToString(sum[:])
	return s.store.SaveReplyPicture(ctx, p)
}

// Picture finds one; ErrPictureNotFound otherwise.
func (s *Service) Picture(ctx context.Context, account string, id int64) (Picture, error) {
	return s.store.ReplyPicture(ctx, account, id)
}

// RenewPictures uploads the pictures of enabled rules that WeChat does not have or forgets
// within half a day. A refused one is tried again after ten minutes. Repeating it is safe.
func (s *Service) RenewPictures(ctx context.Context) error {
	now := s.now().UTC()
	due, err := s.store.DueReplyPictures(ctx, now.Add(-renewAfter), now, picturesOnce)
	if err != nil {
		return err
	}
	for _, p := range due {
		media, err := s.upload(ctx, &p)
		if err == nil {
			err = s.store.ReplyPictureSent(ctx, p.ID, media)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.log.Warn("picture not uploaded", "account", p.Account, "picture", p.ID, "err", err)
			if err := s.store.ReplyPictureFailed(ctx, p.ID, now.Add(retryAfter)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) upload(ctx context.Context, p *Picture) (wechat.Media, error) {
	account, err := s.hub.Account(ctx, p.Account)
	if err != nil {
		return wechat.Media{}, err
	}
	return account.UploadImage(ctx, p.Content)
}
