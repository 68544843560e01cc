package wechat

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAllCardsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	var offsets []int
	list := func(have, claimed int) {
		offsets = nil
		s.platform.say(func(r *http.Request, body []byte) string {
			if r.URL.Path != "/card/batchget" {
				return ""
			}
			var q struct{ Offset, Count int }
			_ = json.Unmarshal(body, &q)
			offsets = append(offsets, q.Offset)
			ids := []string{}
			for i := q.Offset; i < min(q.Offset+q.Count, have); i++ {
				ids = append(ids, fmt.Sprintf("p%d", i-i/60)) // one comes twice, on another page
			}
			text, _ := json.Marshal(map[string]any{"errcode": 0, "card_id_list": ids, "total_num": claimed})
			return string(text)
		})
	}
	for _, c := range []struct {
		have, claimed, limit, ids int
		offsets                   []int
	}{
		{120, 120, 1000, 119, []int{0, 50, 100}},
		{0, 0, 1000, 0, []int{0}},
		{120, 120, 60, 60, []int{0, 50}},
		{3, 1 << 30, 1000, 3, []int{0, 3}}, // the total is a lie: an empty page ends it
		{1 << 20, 1 << 30, 120, 119, []int{0, 50, 100}},
	} {
		list(c.have, c.claimed)
		ids, total, err := a.AllCards(t.Context(), c.limit)
		if err != nil || len(ids) != c.ids || total != c.claimed || !slices.Equal(offsets, c.offsets) {
			t.Errorf("%+v: %d cards of %d, pages %v, %v", c, len(ids), total, offsets, err)
		}
	}
	for name, answer := range map[string]string{
		"more than asked": `{"card_id_list":["` + strings.Repeat(`p","`, 51) + `p"],"total_num":52}`,
		"no id":           `{"card_id_list":[""],"total_num":1}`,
		"a hostile id":    `{"card_id_list":["<script>\n"],"total_num":1}`,
		"a number as id":  `{"card_id_list":[1],"total_num":1}`,
		"a word as total": `{"card_id_list":[],"total_num":"many"}`,
	} {
		s.serve("/card/batchget", answer)
		var bad *AnswerError
		if ids, _, err := a.AllCards(t.Context(), 1000); !errors.As(err, &bad) || ids != nil {
			t.Errorf("%s: %v, %v", name, ids, err)
		}
	}
}

func TestACardIsReadWhateverItsTypeAndDates(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	card := func(kind, key, base string) (CardInfo, error) {
		s.serve("/card/get", `{"errcode":0,"card":{"card_type":"`+kind+`","`+key+`":{"base_info":{`+base+`}}}}`)
		return a.Card(t.Context(), cardID)
	}
	for base, want := range map[string]Validity{
		`"date_info":{"type":"DATE_TYPE_FIX_TIME_RANGE","begin_timestamp":1397577600,"end_timestamp":1399910400}`: {Begin: utc(1397577600), End: utc(1399910400)},
		`"date_info":{"type":"DATE_TYPE_FIX_TERM","fixed_term":15,"fixed_begin_term":2}`:                          {Days: 15, AfterDays: 2},
		`"date_info":{"type":2,"fixed_term":1,"end_timestamp":"1399910400"}`:                                      {Days: 1, End: utc(1399910400)},
		`"date_info":{"type":"DATE_TYPE_PERMANENT"}`:                                                              {},
		`"date_info":{"type":1,"begin_timestamp":-5,"end_timestamp":9223372036854775807}`:                         {},
		`"title":"x"`: {},
	} {
		got, err := card("MEMBER_CARD", "member_card", base)
		if err != nil || got.Validity != want || got.Type != "MEMBER_CARD" || !got.CanShare || !got.CanGiveFriend || got.ID != cardID {
			t.Errorf("%s: %+v, %v", base, got, err)
		}
		if got.Validity.Fixed() != strings.Contains(base, "1397577600") {
			t.Errorf("%s: fixed is %t", base, got.Validity.Fixed())
		}
	}
	for status, want := range map[string]CardStatus{
		"CARD_STATUS_NOT_VERIFY": CardInReview, "CARD_STATUS_VERIFY_OK": CardApproved, "CARD_STATUS_VERIFY_FAIL": CardRefused,
		"CARD_STATUS_USER_DELETE": CardDeleted, "CARD_STATUS_USER_DISPATCH": CardDispatched, "CARD_STATUS_NEW": "CARD_STATUS_NEW",
	} {
		got, err := card("CASH", "cash", `"status":"`+status+`","title":"`+strings.Repeat("长", 100)+`","sku":{"quantity":-3,"total_quantity":99999999999}`)
		if err != nil || got.Status != want || got.Status.Issuable() != (want == CardApproved || want == CardDispatched) {
			t.Errorf("%s: %+v, %v", status, got.Status, err)
		}
		if len([]rune(got.Title)) != 64 || got.Left != 0 || got.Total != 1<<31-1 {
			t.Errorf("not bounded: %s, %d of %d", got.Title, got.Left, got.Total)
		}
	}
	for name, c := range map[string][3]string{
		"another card": {"CASH", "cash", `"id":"pOther"`}, "another type": {"CASH", "gift", ""}, "no type": {"", "cash", ""},
		"type of stock": {"CASH", "cash", `"sku":{"quantity":[]}`}, "huge number": {"CASH", "cash", `"sku":{"quantity":1e400}`},
	} {
		var bad *AnswerError
		if got, err := card(c[0], c[1], c[2]); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAnswersAboutAnotherCardAreRefused(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	for _, answer := range []string{
		`{"errcode":0,"card":{"card_id":"pOther"},"openid":"oVisitor0123456789"}`, `{"errcode":0,"card":{"card_id":"` + string(cardID) + `"}}`,
		`{"errcode":0,"openid":"oVisitor0123456789"}`, `{"errcode":0,"card":{"card_id":"` + string(cardID) + `"},"openid":"a b"}`,
	} {
		var bad *AnswerError
		s.serve("/card/code/get", answer)
		if got, err := a.CheckCode(t.Context(), CodeQuery{CardID: cardID, Code: "1"}); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", answer, got, err)
		}
		s.serve("/card/code/consume", answer)
		if got, err := a.ConsumeCode(t.Context(), cardID, "1"); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", answer, got, err)
		}
	}
	s.serve("/card/user/getcardlist", `{"errcode":0,"card_list":[{"code":"","card_id":"p"}]}`)
	var bad *AnswerError
	if got, _, err := a.UserCards(t.Context(), visitorID, ""); !errors.As(err, &bad) {
		t.Errorf("no code: %+v, %v", got, err)
	}
	s.serve("/card/user/getcardlist", `{"errcode":0,"card_list":[]}`)
	if got, shared, err := a.UserCards(t.Context(), visitorID, ""); err != nil || len(got) != 0 || shared {
		t.Errorf("an empty wallet: %+v, %v", got, err)
	}
	if sent := s.platform.bodies["/card/user/getcardlist"]; strings.Contains(sent, "card_id") {
		t.Errorf("sent %s", sent)
	}
}

func TestSomebodyWhoDoesNotFollowHasNoDates(t *testing.T) {
	t.Parallel()
	s := newSetup(t)
	a := s.ready()
	s.serve("/cgi-bin/user/info", `{"subscribe":0,"openid":"oVisitor0123456789","unionid":"u1"}`)
	got, err := a.Follower(t.Context(), visitorID)
	if want := (Follower{OpenID: visitorID, UnionID: "u1"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	noSecrets(t, "printing", fmt.Sprintf("%v %+v %#v %s", got, got, got, got))
	s.serve("/cgi-bin/user/info", `{"subscribe":1,"openid":"oSomebodyElse"}`)
	var bad *AnswerError
	if got, err := a.Follower(t.Context(), visitorID); !errors.As(err, &bad) {
		t.Errorf("somebody else: %+v, %v", got, err)
	}
	s.serve("/cgi-bin/user/info", `{"subscribe":1,"openid":"oVisitor0123456789","subscribe_time":1382694957,"qr_scene_str":"c12-shop3"}`)
	if got, err := a.Follower(t.Context(), visitorID); err != nil || got.QRScene != "c12-shop3" || !got.Since.Equal(time.Unix(1382694957, 0)) {
		t.Errorf("%+v, %v", got, err)
	}
}
