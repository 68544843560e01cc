package campaigns

import (
	"context"
	"errors"
	"time"
)

// LowStockReason is what visitors read while a campaign waits for new stock.
const LowStockReason = "库存补充中"

// StockNote says that a campaign's stock fell below its mark.
type StockNote struct {
	Campaign ID
	At       time.Time
	Left     int64
	Total    int64
	Paused   bool // the campaign was paused for it
}

// LowStocks is what the store does about stock that runs low.
type LowStocks interface {
	// StockMarks are the published campaigns with a mark, and the others that have a note.
	StockMarks(ctx context.Context) ([]ID, error)
	// NoteLowStock stores the note, once until it is cleared, and pauses the campaign in the
	// same transaction when pause is not nil. It says whether the note is new.
	NoteLowStock(ctx context.Context, n StockNote, pause *Audit) (bool, error)
	// ClearLowStock removes the note. A repeat is safe.
	ClearLowStock(ctx context.Context, campaign ID) error
	// LowStockNote is a campaign's note, nil when there is none.
	LowStockNote(ctx context.Context, campaign ID) (*StockNote, error)
}

// system is who acts when a rule does.
var system = Actor{ID: "system", Name: "system"}

// WatchStock notes the campaigns whose stock fell below their mark and pauses those that
// say so, once per crossing: the note goes when the stock is above the mark again. It is
// for a task that repeats.
func (s *Service) WatchStock(ctx context.Context) error {
	ids, err := s.store.StockMarks(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if err := s.watchStock(ctx, id); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (s *Service) watchStock(ctx context.Context, id ID) error {
	c, err := s.store.CampaignByID(ctx, id)
	if err != nil {
		return err
	}
	if !c.Rules.LowStock.Crossed(c.Stock) {
		return s.store.ClearLowStock(ctx, id)
	}
	now := s.now().UTC()
	if c.State(now) != Running {
		return nil
	}
	n := StockNote{Campaign: id, At: now, Left: c.Stock.Left(), Total: c.Stock.Total, Paused: c.Rules.LowStock.Reaction == LowPause}
	var pause *Audit
	if n.Paused {
		a := s.audit(system, "campaign.pause", now, map[string]any{"reason": LowStockReason, "left": n.Left, "total": n.Total})
		pause = &a
	}
	fresh, err := s.store.NoteLowStock(ctx, n, pause)
	if fresh {
		s.log.Warn("stock is low", "campaign", id.String(), "left", n.Left, "total", n.Total, "paused", n.Paused)
	}
	return err
}

// LowStockNote is what is noted about a campaign's stock, nil when nothing is.
func (s *Service) LowStockNote(ctx context.Context, id ID) (*StockNote, error) {
	return s.store.LowStockNote(ctx, id)
}
