package db

import (
	"context"

	"kaquan/campaigns"
)

const qAddVisits = `INSERT INTO campaign_visits (campaign_id, hour, visits)
SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM campaigns WHERE id = $1)
ON CONFLICT (campaign_id, hour) DO UPDATE SET visits = visits + excluded.visits`

// AddVisits implements campaigns.VisitStore.
func (d *DB) AddVisits(ctx context.Context, visits map[campaigns.VisitKey]int64) error {
	return d.Write(ctx, func(tx *Tx) error {
		for key, n := range visits {
			if _, err := tx.exec(qAddVisits, int64(key.Campaign), ms(key.Hour), n); err != nil {
				return err
			}
		}
		return nil
	})
}
