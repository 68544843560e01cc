package reach

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kaquan/fault"
	"kaquan/wechat"
)

// Scene is a code that people scan to come into the chat.
type Scene struct {
	Account   string
	Scene     string // what WeChat says on a scan
	Name      string // for staff
	Channel   string // of the links that answers to a scan carry
	Ticket    string // for the picture at WeChat
	URL       string // the text of the code
	Permanent bool
	CreatedAt time.Time // UTC
	ExpiresAt time.Time // UTC; zero for permanent ones

	Scans     int64 // all of them
	Followers int64 // who followed the account through the code for the first time
	LastScan  time.Time
}

// Expired reports whether WeChat no longer takes scans of the code.
func (sc *Scene) Expired(now time.Time) bool { return !sc.Permanent && !now.Before(sc.ExpiresAt) }

// SceneDraft is what the form for a code has.
type SceneDraft struct {
	Name, Scene, Channel string
	Permanent            bool
	Days                 string // of temporary ones
}

// Scan is one scan of a code.
type Scan struct {
	Account, Scene string
	OpenID         wechat.OpenID // a store keeps a digest of it alone
	Dedupe         string
	Follows        bool // the scan made the person a follower
	At             time.Time
}

var (
	scenePattern = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

	// ErrSceneTaken says that the account has a code with this scene that still works.
	ErrSceneTaken = fault.New(fault.Invalid, "reach.error.scene_taken").On("scene")
	// ErrSceneStays says that WeChat keeps permanent codes for ever.
	ErrSceneStays = fault.New(fault.Conflict, "reach.error.scene_stays")
	// ErrSceneNotFound says that there is no such code.
	ErrSceneNotFound = fault.New(fault.NotFound, "reach.error.scene_not_found")
)

const maxDays = 30

func (d *SceneDraft) check() (days int, err error) {
	var list fault.List
	bad := func(field, key string, args ...any) {
		list = append(list, fault.New(fault.Invalid, key, args...).On(field))
	}
	switch {
	case strings.TrimSpace(d.Name) == "":
		bad("name", "reach.error.required")
	case utf8.RuneCountInString(d.Name) > maxName:
		bad("name", "reach.error.too_long", "max", maxName, "count", utf8.RuneCountInString(d.Name))
	case !printable(d.Name):
		bad("name", "reach.error.characters")
	}
	if !channelPattern.MatchString(d.Channel) {
		bad("channel", "reach.error.channel")
	}
	if d.Scene == "" {
		d.Scene = d.Channel
	}
	if !scenePattern.MatchString(d.Scene) && (d.Scene != "" || len(list) == 0) {
		bad("scene", "reach.error.scene")
	}
	if !d.Permanent {
		if days, err = strconv.Atoi(d.Days); err != nil || days < 1 || days > maxDays {
			bad("days", "reach.error.days", "max", maxDays)
		}
	}
	return days, list.OrNil()
}

// CreateScene asks WeChat for a code and keeps it. A scene whose temporary code ran out may
// be made again; its counts go on. Problems of the draft come back on name, scene, channel
// and days, WeChat's refusals as they are.
func (s *Service) CreateScene(ctx context.Context, account string, d SceneDraft) (Scene, error) {
	days, err := d.check()
	if err != nil {
		return Scene{}, err
	}
	now := s.now().UTC()
	old, found, err := s.store.Scene(ctx, account, d.Scene)
	if err != nil {
		return Scene{}, err
	}
	if found && !old.Expired(now) {
		return Scene{}, ErrSceneTaken
	}
	a, err := s.hub.Account(ctx, account)
	if err != nil {
		return Scene{}, err
	}
	code, err := a.CreateQR(ctx, wechat.QRRequest{Scene: d.Scene, Temporary: !d.Permanent, Expires: time.Duration(days) * 24 * time.Hour})
	if err != nil {
		return Scene{}, err
	}
	sc := Scene{
		Account: account, Scene: d.Scene, Name: strings.TrimSpace(d.Name), Channel: d.Channel,
		Ticket: code.Ticket, URL: code.URL, Permanent: d.Permanent, CreatedAt: now,
	}
	if !d.Permanent {
		sc.ExpiresAt = now.Add(code.Expires)
	}
	return sc, s.store.SaveScene(ctx, sc)
}

// Scenes are an account's codes, the newest first.
func (s *Service) Scenes(ctx context.Context, account string) ([]Scene, error) {
	return s.store.Scenes(ctx, account)
}

// ScenePicture is the address of a code's picture at WeChat.
func (s *Service) ScenePicture(ctx context.Context, sc *Scene) (string, error) {
	a, err := s.hub.Account(ctx, sc.Account)
	if err != nil {
		return "", err
	}
	return a.ShowQRURL(sc.Ticket), nil
}

// DeleteScene forgets a temporary code; ErrSceneStays for a permanent one. Its scans stay
// counted for the case that it is made again.
func (s *Service) DeleteScene(ctx context.Context, account, scene string) error {
	sc, found, err := s.store.Scene(ctx, account, scene)
	switch {
	case err != nil:
		return err
	case !found:
		return ErrSceneNotFound
	case sc.Permanent:
		return ErrSceneStays
	}
	return s.store.DeleteScene(ctx, account, scene)
}

// scanned counts a scan of one of our codes and answers its channel. Codes that others
// made are not counted: anybody could fill the table with them.
func (s *Service) scanned(ctx context.Context, account, scene string, e wechat.Event) (channel string, err error) {
	sc, found, err := s.store.Scene(ctx, account, scene)
	if err != nil || !found {
		return "", err
	}
	return sc.Channel, s.store.SceneScanned(ctx, Scan{
		Account: account, Scene: scene, OpenID: wechat.OpenID(e.FromUser), Dedupe: e.DedupeKey(account), Follows: e.Is("subscribe"), At: s.now().UTC(),
	})
}
