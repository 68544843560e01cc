package db

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"kaquan/campaigns"
)

// cacheAge bounds how long a change by another process may go unseen. Changes by this
// one are seen at once.
const cacheAge = time.Second

// campaignCache keeps campaigns with their counters between the commits that touch
// them, for the pages that every visitor reads. The epoch moves after a commit and
// before its requests are answered, so whoever was answered reads what they wrote.
type campaignCache struct {
	epoch   atomic.Uint64
	entries sync.Map // slug or id -> *cacheEntry
}

type cacheEntry struct {
	mu       sync.Mutex // one reader asks the database, the others wait for it
	campaign atomic.Pointer[cached]
}

type cached struct {
	campaigns.Campaign
	epoch uint64
	read  time.Time
}

// get returns a copy of the campaign under the key, read anew when it may have changed.
func (k *campaignCache) get(ctx context.Context, key any, read func(context.Context) (*campaigns.Campaign, error)) (*campaigns.Campaign, error) {
	found, ok := k.entries.Load(key)
	if !ok {
		// Only what exists gets an entry, so that strangers cannot fill the memory.
		c, epoch, now, err := k.read(ctx, read)
		if err != nil {
			return nil, err
		}
		entry := &cacheEntry{}
		entry.campaign.Store(&cached{*c, epoch, now})
		k.entries.Store(key, entry)
		return c, nil
	}
	entry := found.(*cacheEntry)
	if c := entry.fresh(k.epoch.Load()); c != nil {
		return c, nil
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if c := entry.fresh(k.epoch.Load()); c != nil {
		return c, nil
	}
	c, epoch, now, err := k.read(ctx, read)
	if err != nil {
		return nil, err
	}
	entry.campaign.Store(&cached{*c, epoch, now})
	return c, nil
}

// read takes the epoch before it asks, so that a commit in between makes the answer old.
func (k *campaignCache) read(ctx context.Context, read func(context.Context) (*campaigns.Campaign, error)) (*campaigns.Campaign, uint64, time.Time, error) {
	epoch, now := k.epoch.Load(), time.Now()
	c, err := read(ctx)
	return c, epoch, now, err
}

func (e *cacheEntry) fresh(epoch uint64) *campaigns.Campaign {
	c := e.campaign.Load()
	if c.epoch != epoch || time.Since(c.read) > cacheAge {
		return nil
	}
	copied := c.Campaign
	return &copied
}

// touchesCampaigns are the statements after which a cached campaign is old.
var touchesCampaigns = map[string]bool{
	qInsertCampaign: true, qUpdateCampaign: true, qSetStatus: true, qSetTotal: true, qTakeStock: true, qMoveStock: true,
	qDeleteDraft: true, qTakeImportStock: true,
}
