package wechat

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

const pathCard = "/card/get"

// cardSays is card/get's answer about a card with the fields.
func cardSays(fields string) string {
	return `{"errcode":0,"card":{"card_type":"GIFT","gift":{"base_info":{` + fields + `}}}}`
}

func TestACardGetsOnlyWhatItDemands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer       string
		code, openID bool // stay
	}{
		"plain":         {cardSays(`"title":"x"`), false, false},
		"bound":         {cardSays(`"bind_openid":true`), false, true},
		"own codes":     {cardSays(`"use_custom_code":true,"get_custom_code_mode":""`), true, false},
		"deposit":       {cardSays(`"use_custom_code":true,"get_custom_code_mode":"GET_CUSTOM_CODE_MODE_DEPOSIT"`), false, false},
		"both":          {cardSays(`"use_custom_code":true,"bind_openid":true`), true, true},
		"bound deposit": {cardSays(`"use_custom_code":true,"get_custom_code_mode":"GET_CUSTOM_CODE_MODE_DEPOSIT","bind_openid":true`), false, true},
		"nobody knows":  {`{"errcode":45030,"errmsg":"no permission"}`, false, false},
		"no card":       {`{"errcode":0}`, false, false},
	} {
		s := newSetup(t)
		a := s.ready()
		s.serve(pathCard, c.answer)
		r := a.OnlyWanted(t.Context(), CardRequest{CardID: cardID, Code: "8k2m", OpenID: visitorID, OuterStr: "ref"})
		if (r.Code == "8k2m") != c.code || (r.OpenID == visitorID) != c.openID || (r.Code == "") == c.code || (r.OpenID == "") == c.openID || r.CardID != cardID || r.OuterStr != "ref" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestWhatACardDemandsIsRememberedForAnHourAndFailuresForAMinute(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	at := time.Now()
	a, err := NewHub(s.options(HubOptions{Now: func() time.Time { return at }})).Account(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	wants := func(what string, calls int, bound, known bool) {
		t.Helper()
		got, err := a.CardTraits(t.Context(), cardID)
		if got != (CardTraits{BindOpenID: bound}) || (err == nil) != known {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		s.called(pathCard, calls)
	}
	s.token(a, AccessToken)
	s.serve(pathCard, `{"errcode":45030,"errmsg":"no"}`)
	wants("a failure", 1, false, false)
	at = at.Add(59 * time.Second)
	wants("remembered", 1, false, false)
	at = at.Add(time.Second)
	s.serve(pathCard, cardSays(`"bind_openid":true`))
	wants("asked again", 2, true, true)
	at = at.Add(time.Hour - time.Second)
	wants("an hour", 2, true, true)
	at = at.Add(time.Second)
	s.serve(pathCard, `{"errcode":45030,"errmsg":"no"}`)
	wants("what was known stays", 3, true, true)
	at = at.Add(time.Minute)
	s.serve(pathCard, cardSays(`"title":"x"`))
	wants("after a minute", 4, false, true)
	if _, err := a.CardTraits(t.Context(), "pAnother"); err != nil {
		t.Error(err)
	}
	s.called(pathCard, 5)
}

func TestManyWhoTakeACardAskOnceAndOneWhoLeavesDoesNotEndTheQuestion(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	s.serve(pathCard, cardSays(`"bind_openid":true`))
	gate := make(chan struct{})
	s.platform.mu.Lock()
	s.platform.gate = gate
	s.platform.mu.Unlock()

	asking, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	note, asks := a.traits.of(cardID, a.now())
	if !asks {
		t.Fatal("a new card is known")
	}
	all.Go(func() { note.ask(asking, a, cardID) })
	leave()
	if _, err := a.CardTraits(asking, cardID); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who is gone waits: %v", err)
	}
	answers := make(chan string, 20)
	for range 20 {
		all.Go(func() {
			got, err := a.CardTraits(t.Context(), cardID)
			answers <- fmt.Sprint(got.BindOpenID, err)
		})
	}
	close(gate)
	all.Wait()
	close(answers)
	for answer := range answers {
		if answer != "true <nil>" {
			t.Error(answer)
		}
	}
	s.called(pathCard, 1)
}

func TestTheBookOfDemandsIsBounded(t *testing.T) {
	t.Parallel()
	var b traitBook
	now := time.Now()
	for i := range 3 * maxTraitNotes {
		note, asks := b.of(CardID(fmt.Sprint("p", i)), now)
		if !asks {
			t.Fatal("a new card is known")
		}
		note.until = now.Add(time.Hour)
		close(note.done)
		if len(b.notes) > maxTraitNotes {
			t.Fatalf("%d cards are remembered", len(b.notes))
		}
	}
}
