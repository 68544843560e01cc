package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kaquan/campaigns"
	"kaquan/db"
	"kaquan/db/dbtest"
	"kaquan/wechat"
)

// card is one claim of a WeChat card with the names that its messages carry.
type card struct {
	claim        *campaigns.Claim
	holder       wechat.OpenID
	friend       wechat.OpenID
	code, gifted string
}

// ledger is a campaign whose cards get messages.
type ledger struct {
	tb       testing.TB
	file     string
	db       *db.DB
	service  *campaigns.Service
	campaign *campaigns.Campaign
	now      *clock
	cards    int
}

func newLedger(tb testing.TB) *ledger {
	tb.Helper()
	folder := tb.TempDir()
	d, now := dbtest.OpenAt(tb, folder), newClock(noon)
	s := dbtest.Seed(tb, d, now.now)
	return &ledger{tb: tb, file: filepath.Join(folder, "kaquan.db"), db: d, service: s, campaign: dbtest.Publish(tb, s, dbtest.Draft(noon, "cards", 100_000, campaigns.WeChatCard)), now: now}
}

// change runs a statement on the file, from outside.
func (l *ledger) change(statement string) {
	l.tb.Helper()
	raw, err := sql.Open("sqlite", "file:"+l.file)
	ok(l.tb, err)
	_, err = raw.Exec(statement)
	ok(l.tb, errors.Join(err, raw.Close()))
}

func (l *ledger) card() card {
	l.cards++
	n := l.cards
	v := dbtest.Visitor(l.tb, l.service, n)
	claim, _, err := l.service.Claim(context.Background(), campaigns.Tap{Slug: "cards", Visitor: v.ID, Key: key(n, 0)})
	ok(l.tb, err)
	return card{claim, v.OpenID, wechat.OpenID(fmt.Sprintf("oFriend%021d", n)), fmt.Sprintf("1%011d", n), fmt.Sprintf("2%011d", n)}
}

// told is a message about the card, some seconds after noon.
func (c *card) told(name string, seconds int, fields ...string) string {
	from, code := c.holder, c.code
	if strings.HasPrefix(name, "friend:") {
		name, from, code = strings.TrimPrefix(name, "friend:"), c.friend, c.gifted
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<xml><ToUserName>gh_1</ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType>"+
		"<Event>%s</Event><CardId>pTestCard0000000000000000001</CardId><UserCardCode>%s</UserCardCode>", from, noon.Add(time.Duration(seconds)*time.Second).Unix(), name, code)
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>", fields[i], fields[i+1], fields[i])
	}
	return b.String() + "</xml>"
}

func (l *ledger) receive(body string) campaigns.PushResult {
	l.tb.Helper()
	e, err := wechat.ParseEvent([]byte(body))
	ok(l.tb, err)
	result, err := l.service.Receive(context.Background(), dbtest.Account, e, []byte(body))
	ok(l.tb, err)
	return result
}

// history is what can happen to a card, in the order in which it does.
func (c *card) history(gift, back, consumed, deleted, restored bool) []string {
	list := []string{
		c.told("user_get_card", 1, "OuterStr", string(c.claim.Ref)),
		c.told("user_view_card", 2, "OuterStr", string(c.claim.Ref)),
		c.told("update_member_card", 3, "ModifyBonus", "3"),
	}
	if back {
		list = append(list, c.told("user_gifting_card", 4, "FriendUserName", string(c.friend)), c.told("user_gifting_card", 4, "IsReturnBack", "1"))
	}
	if restored {
		list = append(list, c.told("user_del_card", 5), c.told("user_get_card", 6, "IsRestoreMemberCard", "1"))
	}
	if gift {
		list = append(list, c.told("user_gifting_card", 7, "FriendUserName", string(c.friend)),
			c.told("friend:user_get_card", 8, "IsGiveByFriend", "1", "FriendUserName", string(c.holder), "OldUserCardCode", c.code, "OuterStr", string(c.claim.Ref)))
		if consumed {
			list = append(list, c.told("friend:user_consume_card", 9, "ConsumeSource", "FROM_MOBILE_HELPER", "LocationName", "西湖店"))
		}
		if deleted {
			list = append(list, c.told("friend:user_del_card", 10))
		}
		return list
	}
	if consumed {
		list = append(list, c.told("user_consume_card", 9, "ConsumeSource", "FROM_API"))
	}
	if deleted {
		list = append(list, c.told("user_del_card", 10))
	}
	return list
}

// sum is everything about the card's claims that the messages decide, without their names.
func (l *ledger) sum(c *card) string {
	ctx := context.Background()
	claim, err := l.db.ClaimByID(ctx, c.claim.ID)
	ok(l.tb, err)
	page, err := l.db.Claims(ctx, campaigns.ClaimFilter{Search: c.gifted, Limit: 5})
	ok(l.tb, err)
	all := []campaigns.Claim{*claim}
	for _, row := range page.Rows {
		must(l.tb, row.GiftOf == c.claim.ID && row.OpenID == c.friend, "the gift is of %v, with %s", row.GiftOf, row.OpenID)
		all = append(all, row.Claim)
	}
	var b strings.Builder
	for _, k := range all {
		fmt.Fprintf(&b, "%s %c %d", k.State, (string(k.Code) + "-")[0], len(k.Code))
		for _, t := range []time.Time{k.ConfirmedAt, k.ReleasedAt, k.RedeemedAt, k.GiftedAt, k.ReturnedAt, k.DeletedAt, k.RestoredAt} {
			fmt.Fprintf(&b, " %d", max(-1, t.Unix()-noon.Unix()))
		}
		history, err := l.db.History(ctx, k.ID)
		ok(l.tb, err)
		for _, e := range history {
			if e.Source == campaigns.FromPush {
				fmt.Fprintf(&b, " %s/%s", e.Kind, e.Detail)
			}
		}
		b.WriteString("; ")
	}
	return b.String()
}

func TestTheMessagesOfOneCardEndInTheSameRowInAnyOrderAndHoweverOften(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	rapid.Check(t, func(r *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(r, name) }
		gift, back, consumed, deleted, restored := flag("gift"), flag("back"), flag("consumed"), flag("deleted"), flag("restored")
		straight, mixed := l.card(), l.card()
		for _, body := range straight.history(gift, back, consumed, deleted, restored) {
			l.receive(body)
		}
		bodies := mixed.history(gift, back, consumed, deleted, restored)
		for _, body := range slices.Clone(bodies) {
			for range rapid.IntRange(0, 2).Draw(r, "repeats") {
				bodies = append(bodies, body)
			}
		}
		for _, body := range rapid.Permutation(bodies).Draw(r, "order") {
			l.receive(body)
		}
		if want, got := l.sum(&straight), l.sum(&mixed); got != want {
			r.Fatalf("in order: %s\nmixed:    %s", want, got)
		}
		stock, err := l.service.CheckStock(context.Background(), l.campaign.ID)
		if err != nil || stock.Confirmed != int64(l.cards) || stock.Held != 0 {
			r.Fatalf("%d cards, stock %+v: %v", l.cards, stock, err)
		}
	})
}

func TestAGiftBelongsToTheReceiverAndCountsOnce(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := l.card()
	for _, body := range c.history(true, true, true, false, false) {
		must(t, l.receive(body) == campaigns.PushApplied, "not applied: %s", body)
	}
	giver, err := l.db.ClaimByID(context.Background(), c.claim.ID)
	ok(t, err)
	page, err := l.db.Claims(context.Background(), campaigns.ClaimFilter{Search: c.gifted, Limit: 5})
	ok(t, err)
	must(t, giver.State == campaigns.Gifted && len(page.Rows) == 1 && page.Rows[0].State == campaigns.Redeemed, "giver %s, receivers %+v", giver.State, page.Rows)
	stock, err := l.service.CheckStock(context.Background(), l.campaign.ID)
	ok(t, err)
	must(t, stock.Confirmed == 1, "stock %+v", stock)
	// The receiver's own chance is untouched.
	total, _, _, err := l.db.Usage(context.Background(), l.campaign.ID, page.Rows[0].Visitor, l.campaign.Day(noon))
	ok(t, err)
	must(t, total == 0, "the gift used up %d of the receiver's limit", total)
}

func TestAMessageThatFitsNothingWaitsAndAForeignOneChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t)
	c := l.card()
	must(t, l.receive(c.told("user_del_card", 5)) == campaigns.PushUnmatched, "a code nobody knows must wait")
	stranger := card{claim: c.claim, holder: "oStranger00000000000000000001", code: "399999999999"}
	must(t, l.receive(stranger.told("user_get_card", 1, "OuterStr", string(c.claim.Ref))) == campaigns.PushUnmatched, "the reference of somebody else decided")
	must(t, l.receive(stranger.told("an_event_of_tomorrow", 1)) == campaigns.PushKept, "unknown events are kept")

	list, err := l.service.Messages(ctx, campaigns.InboxFilter{Search: c.code})
	ok(t, err)
	must(t, len(list.Rows) == 1 && list.Rows[0].Result == campaigns.PushUnmatched, "the inbox has %+v", list.Rows)
	l.receive(c.told("user_get_card", 1, "OuterStr", string(c.claim.Ref)))
	list, err = l.service.Messages(ctx, campaigns.InboxFilter{Search: string(c.holder)})
	ok(t, err)
	must(t, len(list.Rows) == 2, "%d messages of the person", len(list.Rows))
	for _, m := range list.Rows {
		must(t, m.Result == campaigns.PushApplied && m.Claim == c.claim.ID && m.ClaimState == campaigns.Deleted, "message %+v", m)
	}

	// Reading one again is safe.
	for range 2 {
		result, err := l.service.Reprocess(ctx, campaigns.Actor{Name: "test"}, list.Rows[0].ID)
		ok(t, err)
		must(t, result == campaigns.PushApplied, "again: %s", result)
	}
	_, err = l.service.Reprocess(ctx, campaigns.Actor{}, 999)
	must(t, err != nil, "a message that is not there was read again")
	_, err = l.service.CheckStock(ctx, l.campaign.ID)
	ok(t, err)
}

func TestAMessageWhoseApplicationFailsIsKeptAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t)
	c := l.card()
	body := c.told("user_get_card", 1, "OuterStr", string(c.claim.Ref))
	l.change(`CREATE TRIGGER broken BEFORE UPDATE ON claims BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	must(t, l.receive(body) == campaigns.PushFailed, "a failure must be kept")
	must(t, l.receive(body) == campaigns.PushDuplicate, "and known when it comes again")
	l.change(`DROP TRIGGER broken`)
	page, err := l.service.Messages(ctx, campaigns.InboxFilter{Result: campaigns.PushFailed})
	ok(t, err)
	must(t, len(page.Rows) == 1 && page.Rows[0].Repeats == 1, "the inbox has %+v", page.Rows)
	result, err := l.service.Reprocess(ctx, campaigns.Actor{Name: "test"}, page.Rows[0].ID)
	ok(t, err)
	claim, err := l.db.ClaimByID(ctx, c.claim.ID)
	ok(t, err)
	must(t, result == campaigns.PushApplied && claim.State == campaigns.Confirmed, "%s, claim %s", result, claim.State)
}

func TestWhatWeChatSaysAboutACardIsKeptTheNewestOfEachKind(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := card{holder: "oAnybody"}
	l.receive(c.told("card_sku_remind", 9, "Detail", "the card's quantity is equal to 0"))
	l.receive(c.told("card_sku_remind", 5, "Detail", "the card's quantity is less than 100"))
	l.receive(c.told("card_not_pass_check", 7, "RefuseReason", "非法代制"))
	notes, err := l.service.CardNotes(context.Background(), dbtest.Account)
	ok(t, err)
	must(t, len(notes) == 2 && notes[0].Detail == "the card's quantity is equal to 0" && notes[1].Kind == campaigns.CardRefused, "notes %+v", notes)
}

func TestTheInboxPagesFiltersAndCountsHours(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t)
	c := card{holder: "oAnybody00000000000000000001"}
	for i := range 7 {
		l.now.add(20 * time.Minute)
		l.receive(c.told("view", i))
	}
	var ids []int64
	f := campaigns.InboxFilter{Account: dbtest.Account, Event: "view", Result: campaigns.PushKept, Limit: 3}
	for {
		page, err := l.service.Messages(ctx, f)
		ok(t, err)
		for _, m := range page.Rows {
			ids = append(ids, m.ID)
		}
		if f.Before = page.Next; f.Before == 0 {
			break
		}
	}
	must(t, len(ids) == 7 && slices.IsSortedFunc(ids, func(a, b int64) int { return int(b - a) }), "ids %v", ids)
	page, err := l.service.Messages(ctx, campaigns.InboxFilter{From: noon.Add(time.Hour), To: noon.Add(2 * time.Hour)})
	ok(t, err)
	must(t, len(page.Rows) == 3, "%d in the second hour", len(page.Rows))
	counts, last, err := l.service.Activity(ctx, dbtest.Account, 3)
	ok(t, err)
	must(t, slices.Equal(counts, []int{2, 3, 2}) && last.Equal(noon.Add(140*time.Minute)), "%v, last %s", counts, last)
	l.now.add(200 * 24 * time.Hour)
	ok(t, l.service.TrimInbox(ctx))
	page, err = l.service.Messages(ctx, campaigns.InboxFilter{})
	ok(t, err)
	must(t, len(page.Rows) == 0, "%d old messages stay", len(page.Rows))
}
