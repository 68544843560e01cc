package db_test

import (
	"context"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/db/dbtest"
	"kaquan/doctor"
	"kaquan/wechat"
)

func finding(check doctor.Check, account string, level doctor.Level, key string) doctor.Finding {
	return doctor.Finding{Check: check, Account: account, Level: level, What: doctor.Text{Key: key, Args: map[string]any{"count": "3"}}, Code: 7}
}

func TestIncidentsOpenChangeTheirCauseAndClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	when := noon
	save := func(all bool, f ...doctor.Finding) []doctor.Finding {
		t.Helper()
		when = when.Add(time.Minute)
		saved, err := d.SaveFindings(ctx, when, f, all)
		ok(t, err)
		return saved
	}
	push := func(level doctor.Level, key string) doctor.Finding { return finding(doctor.Push, "a", level, key) }

	first := save(true, push(doctor.Warn, "one"), finding(doctor.Disk, "", doctor.OK, "fine"))
	must(t, first[0].Since.Equal(noon.Add(time.Minute)) && first[0].Count == 1, "first: %+v", first[0])
	second := save(true, push(doctor.Fail, "one"), finding(doctor.Disk, "", doctor.Warn, "full"))
	must(t, second[0].Since.Equal(first[0].Since) && second[0].Count == 2, "second: %+v", second[0])
	third := save(true, push(doctor.Unknown, "what"), finding(doctor.Disk, "", doctor.Warn, "full"))
	must(t, third[0].Since.IsZero(), "unknown has a start: %+v", third[0])
	fourth := save(false, push(doctor.Warn, "one")) // unknown did not end it
	must(t, fourth[0].Since.Equal(first[0].Since), "fourth: %+v", fourth[0])
	fifth := save(true, push(doctor.Warn, "two"), finding(doctor.Disk, "", doctor.OK, "fine"))
	must(t, fifth[0].Since.Equal(when) && fifth[0].Count == 1, "another cause: %+v", fifth[0])

	list, err := d.Incidents(ctx, 10)
	ok(t, err)
	must(t, len(list) == 3, "%d incidents", len(list))
	must(t, list[0].What.Key == "two" && list[0].End.IsZero(), "open first: %+v", list[0])
	must(t, list[1].Check == doctor.Disk && list[1].Count == 2 && list[1].End.Equal(when), "disk: %+v", list[1])
	must(t, list[2].What.Key == "one" && list[2].Level == doctor.Fail && list[2].End.Equal(when) && list[2].What.Args["count"] == "3", "push: %+v", list[2])

	// An account that was removed has no incident and no tile any more.
	save(true, finding(doctor.Disk, "", doctor.OK, "fine"))
	list, err = d.Incidents(ctx, 1)
	ok(t, err)
	must(t, len(list) == 1 && list[0].What.Key == "two" && list[0].End.Equal(when), "removed: %+v", list)
	latest, err := d.Latest(ctx)
	ok(t, err)
	must(t, len(latest) == 1 && latest[0].Check == doctor.Disk, "latest: %+v", latest)
}

func TestSamplesAreOnePerMinuteTheWorstOfABucketAndTrimmed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	start := noon.Truncate(time.Hour)
	levels := []doctor.Level{doctor.OK, doctor.OK, doctor.Fail, doctor.OK, doctor.Unknown, doctor.Unknown}
	for i, level := range levels {
		for range 2 { // twice within a minute
			_, err := d.SaveFindings(ctx, start.Add(time.Duration(i)*time.Minute), []doctor.Finding{finding(doctor.Push, "a", level, "x")}, true)
			ok(t, err)
		}
	}
	key := doctor.Key{Check: doctor.Push, Account: "a"}
	minutes, err := d.Samples(ctx, start, time.Minute)
	ok(t, err)
	must(t, len(minutes[key]) == len(levels) && minutes[key][2].Level == doctor.Fail && minutes[key][4].Level == doctor.Unknown, "minutes: %+v", minutes[key])
	pairs, err := d.Samples(ctx, start, 2*time.Minute)
	ok(t, err)
	must(t, len(pairs[key]) == 3 && pairs[key][1].Level == doctor.Fail && pairs[key][1].At.Equal(start.Add(2*time.Minute)) && pairs[key][2].Level == doctor.Unknown, "pairs: %+v", pairs[key])
	ok(t, d.TrimHealth(ctx, start.Add(3*time.Minute), start.Add(time.Hour)))
	rest, err := d.Samples(ctx, start, time.Minute)
	ok(t, err)
	must(t, len(rest[key]) == 3, "after trimming: %+v", rest[key])
	incidents, err := d.Incidents(ctx, 10)
	ok(t, err)
	must(t, len(incidents) == 0, "closed incidents stay: %+v", incidents)
}

func TestReportsFetchesAndDemandAreReadBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := dbtest.Open(t)
	now := newClock(noon)
	s := dbtest.Seed(t, d, now.now)
	for i := range 5 {
		ok(t, d.AddReport(ctx, doctor.Report{Account: "a", Kind: doctor.OAuthFailed, At: noon.Add(time.Duration(i) * time.Minute), Code: i, Detail: "d", RID: "r"}))
	}
	reports, err := d.Reports(ctx, "a", doctor.OAuthFailed, noon.Add(time.Minute), 3)
	ok(t, err)
	must(t, len(reports) == 3 && reports[0].Code == 4 && reports[0].RID == "r" && reports[0].Detail == "d", "reports: %+v", reports)
	none, err := d.Reports(ctx, "a", doctor.PushRefused, noon, 3)
	ok(t, err)
	must(t, len(none) == 0, "another kind: %+v", none)

	for i, source := range []string{"token", "getticket", "getticket", "token"} {
		ok(t, d.RecordFetch(ctx, wechat.Fetch{AppID: "wx1", Kind: wechat.AccessToken, At: noon.Add(time.Duration(i) * time.Hour), Source: source}))
	}
	counts, err := d.FetchCounts(ctx, "wx1", noon.Add(time.Minute))
	ok(t, err)
	must(t, len(counts) == 2 && counts["token"] == 1 && counts["getticket"] == 2, "counts: %v", counts)

	account := string(dbtest.Account)
	need, err := d.Demand(ctx, account)
	ok(t, err)
	must(t, !need.Cards && need.LastReported.IsZero(), "no campaign: %+v", need)
	last, err := d.LastPush(ctx, account)
	ok(t, err)
	must(t, last.IsZero(), "no push: %v", last)
	dbtest.Publish(t, s, dbtest.Draft(noon, "own", 5, campaigns.OwnCode))
	need, err = d.Demand(ctx, account)
	ok(t, err)
	must(t, !need.Cards, "own codes need no cards")
	dbtest.Publish(t, s, dbtest.Draft(noon, "cards", 5, campaigns.WeChatCard))
	need, err = d.Demand(ctx, account)
	ok(t, err)
	must(t, need.Cards && need.LastReported.IsZero(), "a campaign of cards: %+v", need)
	_, err = d.RecordPush(ctx, campaigns.Push{Dedupe: "1", Account: dbtest.Account, Event: "x", At: noon, Received: noon.Add(time.Second), Raw: []byte("<xml/>")})
	ok(t, err)
	last, err = d.LastPush(ctx, account)
	ok(t, err)
	must(t, last.Equal(noon.Add(time.Second)), "a push: %v", last)
}
