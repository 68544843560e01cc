package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"kaquan/doctor"
	"kaquan/i18n"
	"kaquan/wechat"
)

func TestProblemsAreRememberedFromStartToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	start := w.now()
	w.platform.answers(stable, errcode(40164, "invalid ip 203.0.113.7, not in whitelist"))
	w.run(s)
	w.wait(10 * time.Minute)
	if f := w.run(s)[doctor.IPAllowList]; f.Since.Sub(start) > time.Minute || f.Count < 2 {
		t.Errorf("since %v, %d times", f.Since.Sub(start), f.Count)
	}
	w.platform.answers(stable, "")
	w.wait(10 * time.Minute)
	w.run(s)
	incidents, err := s.Incidents(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, i := range incidents {
		if i.Check == doctor.IPAllowList {
			seen++
			if i.Level != doctor.Fail || i.Code != 40164 || i.End.Sub(i.Start) < 19*time.Minute || !strings.Contains(w.zh(i.What), "白名单") {
				t.Errorf("the incident is %+v", i)
			}
		}
	}
	if seen != 1 {
		t.Errorf("%d incidents of %d", seen, len(incidents))
	}
	history, err := s.History(t.Context(), w.now().Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	samples := history[doctor.Key{Check: doctor.IPAllowList, Account: w.account.Account}]
	if len(samples) < 2 || samples[0].Level != doctor.Fail || samples[len(samples)-1].At.Before(samples[0].At) {
		t.Errorf("the history is %+v", samples)
	}
	latest, err := s.Latest(t.Context())
	if err != nil || len(latest) != 15 || latest[0].Check != doctor.AccessToken || latest[14].Check != doctor.Backup {
		t.Fatalf("latest: %d, %v", len(latest), err)
	}
	for _, f := range latest {
		w.sound(f) // after a round through the store
	}
	if err := s.Trim(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBucketsOfAHistoryAreWholeMinutesAndFew(t *testing.T) {
	t.Parallel()
	for span, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 24 * time.Hour: 15 * time.Minute, 7 * 24 * time.Hour: 105 * time.Minute, 25 * time.Hour: 16 * time.Minute,
	} {
		if got := doctor.Step(span); got != want || span > time.Duration(doctor.Buckets)*got {
			t.Errorf("%v: %v", span, got)
		}
	}
}

func TestOverallIsTheWorstAndUnknownIsNoProblem(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		levels   []doctor.Level
		want     doctor.Level
		problems int
	}{
		{nil, doctor.Unknown, 0},
		{[]doctor.Level{doctor.Unknown, doctor.OK}, doctor.OK, 0},
		{[]doctor.Level{doctor.Warn, doctor.Unknown, doctor.OK}, doctor.Warn, 1},
		{[]doctor.Level{doctor.Warn, doctor.Fail, doctor.OK}, doctor.Fail, 2},
	} {
		var found []doctor.Finding
		for _, l := range row.levels {
			found = append(found, doctor.Finding{Level: l})
			if doctor.LevelOf(l.Rank()) != l {
				t.Errorf("the rank of %s is %d", l, l.Rank())
			}
		}
		if level, n := doctor.Overall(found); level != row.want || n != row.problems {
			t.Errorf("%v: %s, %d", row.levels, level, n)
		}
	}
}

func TestSubscribersHearOfEachRecordAndOfTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Ask = false
	s := w.service()
	news, cancel := s.Subscribe()
	other, _ := s.Subscribe()
	w.run(s)
	w.run(s) // two records, one waiting piece of news
	if _, open := <-news; !open {
		t.Error("no news")
	}
	select {
	case <-news:
		t.Error("news twice")
	default:
	}
	cancel()
	cancel()
	if _, open := <-news; open {
		t.Error("open after cancel")
	}
	s.Close()
	s.Close()
	<-other
	if _, open := <-other; open {
		t.Error("open after Close")
	}
	late, cancel := s.Subscribe()
	cancel()
	if _, open := <-late; open {
		t.Error("a subscription of a closed service is open")
	}
}

func TestTheReportHasWhatHelpsAndNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign := strings.Repeat("Zz9", 12)
	w.platform.answers(stable, errcode(99999, "secret "+w.account.Secret+" and "+foreign+" of 13812345678 at /x?code=abcdef rid: "+rid))
	s := w.service()
	if err := s.Note(t.Context(), doctor.Report{Account: w.account.Account, Kind: doctor.SignatureBad, Detail: "at https://card.example.com/c/x?code=061abc " + foreign}); err != nil {
		t.Fatal(err)
	}
	found, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range i18n.Languages() {
		text := s.Report(i18n.With(t.Context(), lang), found)
		for _, want := range []string{"Kaquan 1.2.3", "errcode 99999", "rid " + rid, "[demo]", "✗"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		for _, secret := range []string{w.account.Secret, foreign, "13812345678", "abcdef", "061abc", w.account.PushToken} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in\n%s", secret, text)
			}
		}
	}
}

func TestUnreadableEvidenceIsUnknownAndNoPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Fetches = broken{}
	all := w.run(w.service())
	for _, check := range doctor.AccountChecks() {
		w.expect(all[check], doctor.Unknown, "读不到")
	}
	w.options.Accounts = func(context.Context) ([]wechat.Credentials, error) { return nil, errBroken }
	if _, err := w.service().Run(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("no accounts: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Fetches(context.Context, wechat.AppID, int) ([]wechat.Fetch, error) {
	return nil, errBroken
}

func (broken) FetchCounts(context.Context, wechat.AppID, time.Time) (map[string]int, error) {
	return nil, errBroken
}

// meanwhile lets something happen just before the log of fetches is read.
type meanwhile struct {
	log     doctor.Fetches
	happens func()
}

func (m meanwhile) Fetches(ctx context.Context, app wechat.AppID, limit int) ([]wechat.Fetch, error) {
	m.happens()
	return m.log.Fetches(ctx, app, limit)
}

func (m meanwhile) FetchCounts(ctx context.Context, app wechat.AppID, since time.Time) (map[string]int, error) {
	return m.log.FetchCounts(ctx, app, since)
}

func TestAFirstFetchDuringTheCheckIsNoExpiredToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Ask = false
	w.options.Fetches = meanwhile{w.options.Fetches, func() {
		account, err := w.options.WeChat.Account(t.Context(), w.account.Account)
		if err == nil {
			_, err = account.Keeper().Token(t.Context(), wechat.AccessToken)
		}
		if err != nil {
			t.Error(err)
		}
	}}
	if f := w.run(w.service())[doctor.AccessToken]; f.Level != doctor.OK {
		t.Errorf("%s: %s", f.Level, w.zh(f.What))
	}
}
