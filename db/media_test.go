package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"kaquan/db/dbtest"
	"kaquan/media"
)

func TestPicturesAreKeptOnceAndBounded(t *testing.T) {
	t.Parallel()
	d, ctx := dbtest.Open(t), context.Background()
	picture := func(n int) *media.Picture {
		return &media.Picture{Digest: fmt.Sprintf("%064x", n), Kind: media.JPEG, Width: 320, Height: 180, Content: []byte{1, 2, byte(n)}, Account: "demo", Created: time.UnixMilli(1000).UTC()}
	}
	for n := range media.MaxStored {
		ok(t, d.SaveMedia(ctx, picture(n)))
	}
	ok(t, d.SaveMedia(ctx, picture(7)))
	err := d.SaveMedia(ctx, picture(media.MaxStored))
	must(t, errors.Is(err, media.ErrMany), "one too many: %v", err)
	got, err := d.Media(ctx, picture(7).Digest)
	ok(t, err)
	must(t, got.Name() == picture(7).Name() && string(got.Content) == string(picture(7).Content) && got.Created.Equal(picture(7).Created), "%+v", got)
	_, err = d.Media(ctx, picture(media.MaxStored).Digest)
	must(t, errors.Is(err, media.ErrNotFound), "%v", err)
}
