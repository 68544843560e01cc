package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"kaquan/campaigns"
)

// measureList compares the filtered page of claims at two million rows with the same
// page at twenty thousand.
func measureList(ctx context.Context, folder string, report func(name string, value float64, unit string)) error {
	campaign, visitors, err := prepare(ctx, folder)
	if err != nil {
		return err
	}
	medians := make([]time.Duration, 2)
	rows := 0
	for i, upTo := range []int{20_000, 2_000_000} {
		if err := seedClaims(ctx, folder, campaign, visitors, rows, upTo); err != nil {
			return err
		}
		rows = upTo
		if medians[i], err = listMedian(ctx, folder, fmt.Sprintf("bench%d", i)); err != nil {
			return err
		}
		report(fmt.Sprintf("list_ms_at_%d", upTo), float64(medians[i].Microseconds())/1000, "ms")
	}
	report("list_growth", float64(medians[1])/float64(medians[0]), "ratio")
	return nil
}

func listMedian(ctx context.Context, folder, login string) (time.Duration, error) {
	s, err := serve(ctx, folder, campaigns.OwnCode)
	if err != nil {
		return 0, err
	}
	cookies, err := s.signIn(ctx, login)
	if err != nil {
		return 0, errors.Join(err, s.stop())
	}
	var took []time.Duration
	address := fmt.Sprintf("%s/admin/claims?campaign=%s&state=confirmed", s.url, s.campaign.ID)
	for range 60 {
		start := time.Now()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return 0, errors.Join(err, s.stop())
		}
		r.Header.Set("Cookie", cookies)
		size, err := fetch(r)
		if err != nil {
			return 0, errors.Join(err, s.stop())
		}
		if size < 10_000 {
			return 0, errors.Join(fmt.Errorf("the page has %d bytes only", size), s.stop())
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], s.stop()
}
