package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/jpeg"
	"image/png"
	"regexp"
	"strings"
	"time"

	"golang.org/x/image/draw"

	"kaquan/fault"
)

// The bounds of an upload and of what becomes of it.
const (
	MaxUpload  = 8 << 20    // bytes
	MaxPixels  = 40_000_000 // of an upload
	MaxSide    = 8000       // pixels of an upload
	MinSide    = 120        // pixels of what is cut out of it
	MaxWidth   = 1280       // pixels of a stored picture
	MaxStored  = 1000       // pictures of an account
	maxHeight  = 2560
	jpegGrade  = 82
	maxNameLen = 200
)

// The reasons why an upload is refused. Callers put them on a field.
var (
	ErrNone     = fault.New(fault.Invalid, "design.media.none")
	ErrName     = fault.New(fault.Invalid, "design.media.name")
	ErrKind     = fault.New(fault.Invalid, "design.media.kind")
	ErrLarge    = fault.New(fault.Invalid, "design.media.large", "max", MaxUpload>>20)
	ErrPixels   = fault.New(fault.Invalid, "design.media.pixels", "side", MaxSide, "millions", MaxPixels/1_000_000)
	ErrSmall    = fault.New(fault.Invalid, "design.media.small", "min", MinSide)
	ErrDamaged  = fault.New(fault.Invalid, "design.media.damaged")
	ErrCrop     = fault.New(fault.Invalid, "design.media.crop")
	ErrMany     = fault.New(fault.Conflict, "design.media.many", "max", MaxStored)
	ErrNotFound = fault.New(fault.NotFound, "error.not_found")
)

// Kind is the format of a stored picture, which is also the ending of its name.
type Kind string

// The kinds.
const (
	JPEG Kind = "jpg"
	PNG  Kind = "png" // of a picture that one can see through
)

// Type is the kind's content type.
func (k Kind) Type() string {
	if k == PNG {
		return "image/png"
	}
	return "image/jpeg"
}

// Picture is a stored picture. Its content never changes: the digest is its name.
type Picture struct {
	Digest        string // SHA-256 of Content in hexadecimal
	Kind          Kind
	Width, Height int
	Content       []byte
	Account       string // that uploaded it first
	Created       time.Time
}

// Name is what a picture is called in addresses and settings: {digest}.{kind}.
func (p *Picture) Name() string { return p.Digest + "." + string(p.Kind) }

var namePattern = regexp.MustCompile(`^[0-9a-f]{64}\.(?:jpg|png)$`)

// ValidName reports whether name can be a picture's.
func ValidName(name string) bool { return namePattern.MatchString(name) }

// Crop is the part of the upright picture that is kept, in its pixels. A zero one means the
// middle.
type Crop struct{ X, Y, W, H int }

// Store keeps pictures.
type Store interface {
	// SaveMedia stores a picture once; a repeat is safe. ErrMany when the account has
	// MaxStored others.
	SaveMedia(ctx context.Context, p *Picture) error
	// Media finds a picture by its digest; ErrNotFound.
	Media(ctx context.Context, digest string) (*Picture, error)
}

// Library takes uploads and gives pictures. It is safe for concurrent use; uploads are decoded
// one at a time, so that many large ones do not fill the memory.
type Library struct {
	store Store
	now   func() time.Time
	turn  chan struct{}
}

// New makes a library on a store; now nil = time.Now.
func New(store Store, now func() time.Time) *Library {
	if now == nil {
		now = time.Now
	}
	return &Library{store: store, now: now, turn: make(chan struct{}, 1)}
}

// Upload is a file as somebody sent it. Name is the one in the request, unchanged.
type Upload struct {
	Account string
	Name    string
	Content []byte
	Crop    Crop
	Ratio   float64 // width to height of the middle that is taken without a Crop; 0 = all of it
}

// Add makes a picture of an upload and stores it. Nothing of the file is kept but what is
// seen. The refusals are the errors of this package; a repeat gives the same picture.
func (l *Library) Add(ctx context.Context, u Upload) (*Picture, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p, err := Make(u)
	if err != nil {
		return nil, err
	}
	p.Account, p.Created = u.Account, l.now().UTC().Truncate(time.Millisecond)
	if err := l.store.SaveMedia(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

// Find is the picture of a name; ErrNotFound.
func (l *Library) Find(ctx context.Context, name string) (*Picture, error) {
	if !ValidName(name) {
		return nil, ErrNotFound
	}
	digest, kind, _ := strings.Cut(name, ".")
	p, err := l.store.Media(ctx, digest)
	if err != nil {
		return nil, err
	}
	if string(p.Kind) != kind {
		return nil, ErrNotFound
	}
	return p, nil
}

// Make decodes, turns, cuts, scales and encodes an upload.
func Make(u Upload) (*Picture, error) {
	if len(u.Content) == 0 {
		return nil, ErrNone
	}
	if err := checkName(u.Name); err != nil {
		return nil, err
	}
	if len(u.Content) > MaxUpload {
		return nil, ErrLarge
	}
	d := decoderOf(u.Content)
	if d == nil {
		return nil, ErrKind
	}
	config, err := d.config(bytes.NewReader(u.Content))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return nil, ErrDamaged.Because(err)
	}
	if config.Width > MaxSide || config.Height > MaxSide || config.Width*config.Height > MaxPixels {
		return nil, ErrPixels
	}
	turn := orientation(u.Content)
	upright := turn.size(image.Pt(config.Width, config.Height))
	part, err := u.part(upright)
	if err != nil {
		return nil, err
	}
	decoded, err := d.decode(bytes.NewReader(u.Content))
	if err != nil {
		return nil, ErrDamaged.Because(err)
	}
	if decoded.Bounds().Size() != image.Pt(config.Width, config.Height) {
		return nil, ErrDamaged
	}
	return encode(turn.apply(scaled(decoded, turn.back(part, upright), turn.size(shown(part.Size())))))
}

// checkName refuses names that no camera and no drawing program gives.
func checkName(name string) error {
	if len(name) > maxNameLen || strings.ContainsAny(name, "/\\\x00\r\n") || strings.Contains(name, "..") {
		return ErrName
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return nil
	}
	switch strings.ToLower(name[dot+1:]) {
	case "jpg", "jpeg", "jfif", "png", "webp":
		return nil
	}
	return ErrKind
}

// part is what is kept of an upright picture of the size.
func (u *Upload) part(size image.Point) (image.Rectangle, error) {
	all := image.Rectangle{Max: size}
	part := all
	switch c := u.Crop; {
	case c != Crop{}:
		if c.W < 1 || c.H < 1 || c.X < 0 || c.Y < 0 || c.X >= size.X || c.Y >= size.Y || c.W > size.X || c.H > size.Y {
			return part, ErrCrop
		}
		part = image.Rect(c.X, c.Y, c.X+c.W, c.Y+c.H).Intersect(all)
	case u.Ratio > 0:
		w, h := size.X, int(float64(size.X)/u.Ratio+0.5)
		if h > size.Y {
			w, h = int(float64(size.Y)*u.Ratio+0.5), size.Y
		}
		w, h = max(1, min(w, size.X)), max(1, h)
		part = image.Rect(0, 0, w, h).Add(image.Pt((size.X-w)/2, (size.Y-h)/2))
	}
	if part.Dx() < MinSide || part.Dy() < MinSide {
		return part, ErrSmall
	}
	return part, nil
}

// shown is the size at which a picture is stored: never larger than pages show it.
func shown(size image.Point) image.Point {
	w, h := size.X, size.Y
	if w > MaxWidth {
		w, h = MaxWidth, max(1, h*MaxWidth/w)
	}
	if h > maxHeight {
		w, h = max(1, w*maxHeight/h), maxHeight
	}
	return image.Pt(w, h)
}

// scaled is a part of a picture in another size.
func scaled(src image.Image, part image.Rectangle, size image.Point) *image.NRGBA {
	dst := image.NewNRGBA(image.Rectangle{Max: size})
	part = part.Add(src.Bounds().Min)
	if size == part.Size() {
		draw.Draw(dst, dst.Bounds(), src, part.Min, draw.Src)
	} else {
		draw.CatmullRom.Scale(dst, dst.Bounds(), src, part, draw.Src, nil)
	}
	return dst
}

func encode(img *image.NRGBA) (*Picture, error) {
	p := &Picture{Kind: JPEG, Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	var out bytes.Buffer
	var err error
	if img.Opaque() {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: jpegGrade})
	} else {
		p.Kind = PNG
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(out.Bytes())
	p.Digest, p.Content = hex.EncodeToString(sum[:]), out.Bytes()
	return p, nil
}
