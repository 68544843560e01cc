package campaigns_test

import (
	"testing"
	"time"

	"kaquan/campaigns"
)

func TestCostPerClaimIsAWholeNumberOfFen(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		cost, claims, want int64
		ok                 bool
	}{
		{0, 0, 0, false},
		{100_00, 0, 0, false},
		{0, 5, 0, true},
		{100, 3, 33, true},
		{200, 3, 67, true},
		{1, 2, 1, true},
		{100_000_000_00, 1, 100_000_000_00, true},
		{100_000_000_00, 7, 1_428_571_429, true},
	} {
		got, ok := campaigns.CostPerClaim(row.cost, row.claims)
		if got != row.want || ok != row.ok {
			t.Errorf("%d fen for %d claims: %d %v, want %d %v", row.cost, row.claims, got, ok, row.want, row.ok)
		}
	}
}

func TestAmountsInYuanAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1200": 120_000, "12.5": 1250, "¥1,200.05": 120_005, "２０元": 2000, "￥ 3": 300, "100000000": 100_000_000_00,
		"": -1, "-1": -1, "1.234": -1, "1e9": -1, "100000000.01": -1, "=1+1": -1, "many": -1, "1.": -1, "99999999999999999999": -1, "NaN": -1,
	} {
		got, ok := campaigns.ParseYuan(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestAChannelIsQuietThreeDaysAfterTheLastReasonToScan(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	c := &campaigns.Campaign{Status: campaigns.StatusPublished, StartsAt: start, EndsAt: start.AddDate(0, 1, 0), Zone: time.UTC}
	day := 24 * time.Hour
	for name, row := range map[string]struct {
		channel campaigns.ChannelStats
		now     time.Time
		want    bool
	}{
		"never scanned":         {campaigns.ChannelStats{}, start.Add(3 * day), true},
		"a moment before":       {campaigns.ChannelStats{}, start.Add(3*day - 1), false},
		"scanned since":         {campaigns.ChannelStats{LastScan: start.Add(2 * day)}, start.Add(4 * day), false},
		"scanned long ago":      {campaigns.ChannelStats{LastScan: start.Add(2 * day)}, start.Add(5 * day), true},
		"made yesterday":        {campaigns.ChannelStats{Channel: campaigns.Channel{CreatedAt: start.Add(9 * day)}}, start.Add(10 * day), false},
		"turned off":            {campaigns.ChannelStats{Channel: campaigns.Channel{Disabled: true}}, start.Add(10 * day), false},
		"the campaign is over":  {campaigns.ChannelStats{}, start.AddDate(0, 2, 0), false},
		"the campaign is ahead": {campaigns.ChannelStats{}, start.Add(-day), false},
	} {
		if got := row.channel.Quiet(c, row.now); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRatesAreExact(t *testing.T) {
	t.Parallel()
	if _, ok := (&campaigns.ChannelStats{Claims: 3}).ClaimRate(); ok {
		t.Error("a rate without scans")
	}
	if permille, ok := (&campaigns.ChannelStats{Claims: 1, Scans: 3}).ClaimRate(); !ok || campaigns.Percent(permille) != "33.3%" {
		t.Errorf("1 of 3: %d", permille)
	}
	for permille, want := range map[int64]string{0: "0.0%", 5: "0.5%", 1000: "100.0%", 2345: "234.5%"} {
		if got := campaigns.Percent(permille); got != want {
			t.Errorf("%d: %s, want %s", permille, got, want)
		}
	}
}
