package orders

import (
	"context"
	"log/slog"
	"time"

	"kaquan/campaigns"
)

// Shipping tells WeChat that what was paid in a mini program was delivered (protocol D2).
type Shipping interface {
	// UploadShipping reports one order. Repeats are safe: WeChat takes one correction.
	UploadShipping(ctx context.Context, account campaigns.AccountID, o Order, at time.Time) error
}

// Meter counts what the room does; its methods must not wait.
type Meter interface {
	// PayNotice is told what became of a notification; see Notice.Result.
	PayNotice(account, kind, result string)
}

// Service is the room's front door. All methods are safe for concurrent use.
type Service struct {
	store    Store
	shipping Shipping
	meter    Meter
	now      func() time.Time
	log      *slog.Logger
	public   string
	payURL   string
	made     gateways
}

// Options are the parts a Service is made of.
type Options struct {
	Store     Store
	Shipping  Shipping         // nil = nothing is reported
	Meter     Meter            // nil = nothing is counted
	PublicURL string           // where WeChat sends notifications, without a slash at the end
	PayURL    string           // WeChat Pay's address; "" = the official one
	Now       func() time.Time // nil = time.Now
	Log       *slog.Logger     // nil = discard
}

type uncounted struct{}

func (uncounted) PayNotice(string, string, string) {}

// New makes the service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Meter == nil {
		o.Meter = uncounted{}
	}
	return &Service{
		store: o.Store, shipping: o.Shipping, meter: o.Meter, now: o.Now, log: o.Log, public: o.PublicURL, payURL: o.PayURL,
		made: gateways{known: map[campaigns.AccountID]madeGateway{}},
	}
}

// Now is the service's clock, for pages that show times.
func (s *Service) Now() time.Time { return s.now() }

// notifyURL is where WeChat tells of payments; refunds have an address of their own.
func (s *Service) notifyURL(account campaigns.AccountID, kind string) string {
	return s.public + "/w/pay/" + string(account) + "/" + kind
}
