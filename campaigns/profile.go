package campaigns

import (
	"context"
	"time"

	"kaquan/fault"
	"kaquan/wechat"
)

// ProfileConsentVersion names the wording of the profile page's question; it is stored
// with every consent.
const ProfileConsentVersion = "2026-11"

// ProfileData names what the question of the profile page is about.
const ProfileData = "nickname,avatar,region,sex"

// ReasonErased is the reason of a release when the visitor erased their data.
const ReasonErased = "visitor_erased"

// Sex is what WeChat says it is: 0 unknown, 1 male, 2 female. Since 2021 it says 0.
type Sex int

// Details are the rest of a WeChat profile; mostly empty (protocol 5.3).
type Details struct {
	Region string
	Sex    Sex
}

// Consent is one agreement of a visitor to a purpose.
type Consent struct {
	Kind      string // profile
	Version   string
	What      string // names of the data, by commas
	At        time.Time
	Withdrawn time.Time // zero while it stands
}

// ProfileClaim is a claim with what explains it to its owner.
type ProfileClaim struct {
	Claim
	Slug         Slug
	CampaignName string
	Form         Form
	Zone         *time.Location
	Events       []Event
}

// Message is something that WeChat told about the visitor.
type Message struct {
	Event string
	At    time.Time
	Raw   []byte // empty once redacted
}

// Profile is everything that is stored about one visitor.
type Profile struct {
	Visitor
	Details
	Erased   time.Time      // zero for visitors whose data is there
	Claims   []ProfileClaim // newest first
	Consents []Consent      // newest first
	Messages []Message      // newest first, for exports only
}

// Consent is the standing agreement to the profile; nil when there is none.
func (p *Profile) Consent() *Consent {
	for i := range p.Consents {
		if p.Consents[i].Withdrawn.IsZero() {
			return &p.Consents[i]
		}
	}
	return nil
}

// Profiles is what the profile page needs from the store.
type Profiles interface {
	// AgreeVisitor is TouchVisitor for somebody who agreed to show their profile: the
	// profile is stored as it is now, empty fields too, together with the consent.
	AgreeVisitor(ctx context.Context, v Visitor, d Details, c Consent) (Visitor, error)
	// Profile reads everything stored about a visitor. ErrVisitorNotFound also for a
	// visitor whose data is erased. Messages are looked for only when asked.
	Profile(ctx context.Context, id VisitorID, messages bool) (*Profile, error)
	// EraseVisitor removes the personal data of a visitor for good, in one transaction:
	// profile, answers and what staff search by, and the bodies of messages. Holds return
	// to the stock, claims stay as numbers without a person, and the openid becomes a keyed
	// digest, so that the person's used-up limits are found again. A repeat changes nothing
	// and writes no second audit line.
	EraseVisitor(ctx context.Context, id VisitorID, a Audit) error
	// EraseFollower does the same for the person who stopped following the account at that
	// time, and marks the row, so that whoever comes back has their cards again. Somebody
	// whom a mini program of the account knows keeps their identity and loses the rest.
	// People who were seen since, and unknown ones, are left alone. Repeating is safe.
	EraseFollower(ctx context.Context, account AccountID, person wechat.OpenID, left time.Time, a Audit) error
}

// Agree remembers a visitor who agreed to show their profile, and that they did.
func (s *Service) Agree(ctx context.Context, v Visitor, d Details) (Visitor, error) {
	now := s.now().UTC()
	v.ID, v.FirstSeen, v.LastSeen = VisitorID(s.ids.next(now)), now, now
	v.Nickname, d.Region = cleanLine(v.Nickname), cleanLine(d.Region)
	if d.Sex != 1 && d.Sex != 2 {
		d.Sex = 0
	}
	return s.store.AgreeVisitor(ctx, v, d, Consent{Kind: "profile", Version: ProfileConsentVersion, What: ProfileData, At: now})
}

// Profile is what the visitor's own page shows; ErrVisitorNotFound once it is erased.
func (s *Service) Profile(ctx context.Context, id VisitorID) (*Profile, error) {
	return s.store.Profile(ctx, id, false)
}

// ExportProfile is everything that is stored about the visitor, messages of WeChat too.
// That it was handed out is not audited: it is the visitor's own.
func (s *Service) ExportProfile(ctx context.Context, id VisitorID) (*Profile, error) {
	return s.store.Profile(ctx, id, true)
}

// ErrEraseWord says that the word that confirms the erasure was not typed.
var ErrEraseWord = fault.New(fault.Invalid, "profile.erase.wrong_word")

// Erase removes the visitor's personal data for good. The audit line names the row, which
// is nobody's by then. A repeat is safe.
func (s *Service) Erase(ctx context.Context, id VisitorID) error {
	now := s.now().UTC()
	return s.store.EraseVisitor(ctx, id, s.audit(Actor{Name: "visitor"}, "visitor.erase", now, nil))
}
