package wechat

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheHubFollowsTheCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		o := s.options(HubOptions{})
		found := 0
		var failure error
		o.Find = func(context.Context, string) (Credentials, error) {
			found++
			return s.c, failure
		}
		h := NewHub(o)
		get := func() *Account {
			t.Helper()
			a, err := h.Account(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		first := get()
		for range 100 {
			if get() != first {
				t.Fatal("another account")
			}
		}
		if found != 1 {
			t.Errorf("the credentials were read %d times", found)
		}
		time.Sleep(credentialsAge)
		if get() != first || found != 2 {
			t.Errorf("unchanged credentials: read %d times", found)
		}
		s.c.Secret = "another-secret-0123456789"
		time.Sleep(credentialsAge)
		if second := get(); second == first || second.Credentials().Secret != s.c.Secret {
			t.Error("the new secret is not used")
		}
		failure = errors.New("no such account")
		time.Sleep(credentialsAge)
		for range 2 {
			if _, err := h.Account(t.Context(), "shop"); !errors.Is(err, failure) {
				t.Errorf("a removed account: %v", err)
			}
		}
	})
}

func TestRunFollowsTheAccountsAndEndsWhatItStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		o := s.options(HubOptions{})
		var secret atomic.Value
		secret.Store(testSecret)
		o.Find = func(_ context.Context, id string) (Credentials, error) {
			if id == "broken" {
				return Credentials{}, errors.New("cannot be read")
			}
			c := s.c
			c.Account, c.AppID, c.Secret = id, AppID("wx-"+id), secret.Load().(string)
			return c, nil
		}
		var mu sync.Mutex
		list := []string{"one", "broken"}
		var failure error
		set := func(err error, ids ...string) {
			mu.Lock()
			defer mu.Unlock()
			list, failure = ids, err
		}
		h := NewHub(o)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			h.Run(ctx, func(context.Context) ([]string, error) {
				mu.Lock()
				defer mu.Unlock()
				return list, failure
			})
		})
		fetches := func(app string) (n int) {
			for _, f := range s.store.log() {
				if f.AppID == AppID(app) {
					n++
				}
			}
			return n
		}
		time.Sleep(time.Second)
		if fetches("wx-one") != 3 || fetches("wx-two") != 0 {
			t.Errorf("at first: %+v", s.store.log())
		}
		set(nil, "one", "two")
		time.Sleep(2 * accountsCheck)
		if fetches("wx-two") != 3 {
			t.Error("a new account is not kept")
		}
		set(errors.New("busy"))
		time.Sleep(2 * accountsCheck) // a failure stops nobody
		set(nil, "two")
		time.Sleep(2 * accountsCheck)
		secret.Store("another-secret-0123456789")
		time.Sleep(6 * time.Hour)
		if one, two := fetches("wx-one"), fetches("wx-two"); one != 3 || two < 9 {
			t.Errorf("after hours: %d and %d fetches", one, two)
		}
		if body := s.platform.bodies[pathStable]; !strings.Contains(body, "another-secret") {
			t.Error("the keeper works with the old secret")
		}
		cancel()
		wg.Wait()
		s.store.free(t)
	})
}

func TestTheEndOfRunEndsACallThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		o := s.options(HubOptions{})
		o.HTTP.Transport = silent{}
		h := NewHub(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Run(ctx, func(context.Context) ([]string, error) { return []string{"shop"}, nil })
		}()
		synctest.Wait()
		start := time.Now()
		cancel()
		<-done
		if time.Since(start) > time.Second {
			t.Errorf("it took %v", time.Since(start))
		}
		s.store.free(t)
	})
}

func TestAfterAChangeTheKeyBeforeStillOpensMessagesAndSealsTheirReplies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t)
		o := s.options(HubOptions{})
		o.Find = func(context.Context, string) (Credentials, error) { return s.c, nil }
		h := NewHub(o)
		keys := []string{strings.Repeat("a", 43), strings.Repeat("b", 43), strings.Repeat("c", 43)}
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		opens := func(key string) bool {
			t.Helper()
			a, err := h.Account(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			c, err := NewCrypt(s.c.PushToken, key, s.c.AppID)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := c.SealReply([]byte("<xml><a>1</a></xml>"), stamp, "1")
			if err != nil {
				t.Fatal(err)
			}
			envelope, _ := ParseEvent(sealed)
			message, with, err := a.OpenPush(stamp, "1", envelope.Raw["MsgSignature"], sealed)
			if err != nil {
				return false
			}
			if reply, err := c.Decrypt(with.Encrypt(message)); err != nil || string(reply) != "<xml><a>1</a></xml>" {
				t.Errorf("the reply is not sealed with the key of the message: %v", err)
			}
			return true
		}
		for i, key := range keys {
			s.c.AESKey = key
			time.Sleep(credentialsAge)
			for j, other := range keys {
				if want := j == i || j == i-1; opens(other) != want {
					t.Errorf("after change %d key %d opens: %t", i, j, !want)
				}
			}
			s.c.Secret += "0" // another change keeps the key before
		}
	})
}
