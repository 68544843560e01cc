package stores

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/jpeg" // pictures of goods are JPEG
	_ "image/png"  // or PNG
)

// The bounds of a picture.
const (
	MaxPicture     = 512 << 10 // bytes
	maxPictureSide = 6000      // pixels
)

// SetPicture gives an article a picture, a PNG or JPEG, in place of an earlier one. Pictures are
// named by their content, so that a repeat is safe. ErrPicture, ErrGoodsNotFound.
func (s *Service) SetPicture(ctx context.Context, by Actor, id GoodsID, content []byte) error {
	if len(content) > MaxPicture {
		return ErrPicture
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || size.Width < 1 || size.Height < 1 || size.Width > maxPictureSide || size.Height > maxPictureSide {
		return ErrPicture.Because(err)
	}
	sum := sha256.Sum256(content)
	return s.store.SetPicture(ctx, id, hex.EncodeToString(sum[:]), content, s.audit(by, "stores.goods.picture"))
}

// DropPicture takes an article's picture away. A repeat is safe.
func (s *Service) DropPicture(ctx context.Context, by Actor, id GoodsID) error {
	return s.store.SetPicture(ctx, id, "", nil, s.audit(by, "stores.goods.picture"))
}

// Picture is the content of a picture by its name; ErrPictureNotFound.
func (s *Service) Picture(ctx context.Context, name string) ([]byte, error) {
	return s.store.Picture(ctx, name)
}
