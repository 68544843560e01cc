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

// card is one WeChat card with the names that its messages carry; claim is nil of a card
// that was not taken on our page.
type card struct {
	claim        *campaigns.Claim
	ref          campaigns.Ref
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
	return card{claim, claim.Ref, v.OpenID, wechat.OpenID(fmt.Sprintf("oFriend%021d", n)), fmt.Sprintf("1%011d", n), fmt.Sprintf("2%011d", n)}
}

// organic is a card that the next person took elsewhere; its messages carry a reference
// that is somebody else's.
func (l *ledger) organic(ref campaigns.Ref) card {
	l.cards++
	n := l.cards
	return card{nil, ref, dbtest.OpenID(n), wechat.OpenID(fmt.Sprintf("oFriend%021d", n)), fmt.Sprintf("1%011d", n), fmt.Sprintf("2%011d", n)}
}

// held is a claim that nobody finishes.
func (l *ledger) held(n int) *campaigns.Claim {
	claim, _, err := l.service.Claim(context.Background(), campaigns.Tap{Slug: "cards", Visitor: dbtest.Visitor(l.tb, l.service, n).ID, Key: key(n, 0)})
	ok(l.tb, err)
	return claim
}

// claims are those of a person.
func (l *ledger) claims(person wechat.OpenID) []campaigns.Claim {
	ctx := context.Background()
	v, err := l.service.Visit(ctx, campaigns.Visitor{Account: dbtest.Account, OpenID: person})
	ok(l.tb, err)
	list, err := l.db.ClaimsOf(ctx, l.campaign.ID, v.ID)
	ok(l.tb, err)
	return list
}

// agrees checks the counters against the rows.
func (l *ledger) agrees(confirmed, held int64) error {
	stock, err := l.service.CheckStock(context.Background(), l.campaign.ID)
	if err != nil || stock.Confirmed != confirmed || stock.Held != held {
		return fmt.Errorf("want %d cards and %d holds, stock %+v: %v", confirmed, held, stock, err)
	}
	found, err := l.db.CheckRules(context.Background(), l.campaign.ID)
	if err != nil || len(found) > 0 {
		return fmt.Errorf("the rules differ: %v %v", found, err)
	}
	return nil
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

// life is what happens to a card.
type life struct {
	organic, gift, back, consumed, deleted, restored bool
	kept, oldless                                    bool // the gift keeps its code; its message names no old one
}

// history is what can happen to a card, in the order in which it does.
func (c *card) history(f life) []string {
	if f.kept {
		c.gifted = c.code
	}
	list := []string{
		c.told("user_get_card", 1, "OuterStr", string(c.ref)),
		c.told("user_view_card", 2, "OuterStr", string(c.ref)),
		c.told("update_member_card", 3, "ModifyBonus", "3"),
	}
	if f.organic {
		list = append(list, c.told("user_get_card", 2, "IsRecommendByFriend", "1"))
	}
	if f.back {
		list = append(list, c.told("user_gifting_card", 4, "FriendUserName", string(c.friend)), c.told("user_gifting_card", 4, "IsReturnBack", "1"))
	}
	if f.restored {
		list = append(list, c.told("user_del_card", 5), c.told("user_get_card", 6, "IsRestoreMemberCard", "1"))
	}
	if f.gift {
		old := c.code
		if f.kept && f.oldless {
			old = ""
		}
		list = append(list, c.told("user_gifting_card", 7, "FriendUserName", string(c.friend)),
			c.told("friend:user_get_card", 8, "IsGiveByFriend", "1", "FriendUserName", string(c.holder), "OldUserCardCode", old, "OuterStr", string(c.ref)))
		if f.consumed {
			list = append(list, c.told("friend:user_consume_card", 9, "ConsumeSource", "FROM_MOBILE_HELPER", "LocationName", "西湖店"))
		}
		if f.deleted {
			list = append(list, c.told("friend:user_del_card", 10))
		}
		return list
	}
	if f.consumed {
		list = append(list, c.told("user_consume_card", 9, "ConsumeSource", "FROM_API"))
	}
	if f.deleted {
		list = append(list, c.told("user_del_card", 10))
	}
	return list
}

// sum is everything about the card's claims that the messages decide, without their names.
func (l *ledger) sum(c *card) string {
	ctx := context.Background()
	own, gifts := l.claims(c.holder), l.claims(c.friend)
	must(l.tb, len(own) == 1 && len(gifts) < 2, "%d claims, %d gifts", len(own), len(gifts))
	for _, g := range gifts {
		must(l.tb, g.GiftOf == own[0].ID && string(g.Code) == c.gifted, "the gift is of %v, with %s", g.GiftOf, g.Code)
	}
	taken, _, _, err := l.db.Usage(ctx, l.campaign.ID, own[0].Visitor, l.campaign.Day(noon))
	ok(l.tb, err)
	var b strings.Builder
	fmt.Fprintf(&b, "took %d: ", taken)
	for _, k := range append(own, gifts...) {
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
	victim := l.held(1_000_000)
	rapid.Check(t, func(r *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(r, name) }
		f := life{flag("organic"), flag("gift"), flag("back"), flag("consumed"), flag("deleted"), flag("restored"), flag("kept"), flag("oldless")}
		var straight, mixed card
		if f.organic {
			straight, mixed = l.organic(victim.Ref), l.organic(victim.Ref)
		} else {
			straight, mixed = l.card(), l.card()
		}
		for _, body := range straight.history(f) {
			l.receive(body)
		}
		bodies := mixed.history(f)
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
		if err := l.agrees(int64(l.cards), 1); err != nil {
			r.Fatal(err)
		}
		if still, err := l.db.ClaimByID(context.Background(), victim.ID); err != nil || still.State != campaigns.Held || still.Code != "" {
			r.Fatalf("the claim whose reference was forged is %+v (%v)", still, err)
		}
	})
}

func TestAGiftBelongsToTheReceiverAndCountsOnce(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := l.card()
	for _, body := range c.history(life{gift: true, back: true, consumed: true}) {
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
	must(t, l.receive(strings.Replace(stranger.told("user_get_card", 1, "OuterStr", string(c.claim.Ref)), "<CardId>p", "<CardId>q", 1)) == campaigns.PushUnmatched, "a card of no campaign counted")
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

func TestACardThatWasNotTakenOnThePageCountsBeyondStockAndLimits(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t)
	victim := l.held(1)
	l.change(`UPDATE campaign_stock SET total = 1`)
	c := l.organic(victim.Ref)
	c.holder = dbtest.OpenID(2)
	for i := range 2 { // their limit is one
		c.code = fmt.Sprintf("39999999999%d", i)
		body := c.told("user_get_card", 10+i, "OuterStr", string(victim.Ref))
		must(t, l.receive(body) == campaigns.PushApplied && l.receive(body) == campaigns.PushDuplicate, "card %d", i)
		must(t, l.receive(c.told("user_get_card", 20+i)) == campaigns.PushApplied, "once more %d", i)
		ok(t, l.agrees(int64(i+1), 1))
	}
	// Somebody else's word about a card that is not theirs changes nothing.
	other := c
	other.holder = "oStranger00000000000000000001"
	must(t, l.receive(other.told("user_get_card", 1)) == campaigns.PushUnmatched, "one card has two holders")
	must(t, l.receive(other.told("user_del_card", 1)) == campaigns.PushUnmatched, "a stranger deleted a card")

	still, err := l.db.ClaimByID(ctx, victim.ID)
	ok(t, err)
	must(t, still.State == campaigns.Held && still.Code == "", "outer_str is not signed, yet it decided: %+v", still)
	mine := l.claims(c.holder)
	must(t, len(mine) == 2, "%d claims", len(mine))
	for i, k := range mine {
		must(t, k.State == campaigns.Confirmed && k.ConfirmedAt.Equal(noon.Add(time.Duration(11-i)*time.Second)) && k.Channel == "" && !k.Late(), "%+v", k)
		history, err := l.db.History(ctx, k.ID)
		ok(t, err)
		must(t, len(history) == 2 && history[0].Source == campaigns.FromPush && history[0].Detail == campaigns.DetailOrganic, "history %+v", history)
	}
	total, today, _, err := l.db.Usage(ctx, l.campaign.ID, mine[0].Visitor, l.campaign.Day(noon))
	ok(t, err)
	stock, err := l.service.CheckStock(ctx, l.campaign.ID)
	ok(t, err)
	must(t, total == 2 && today == 2 && stock.Overdraft() == 2, "taken %d, today %d, stock %+v", total, today, stock)
	_, _, err = l.service.Claim(ctx, campaigns.Tap{Slug: "cards", Visitor: mine[0].Visitor, Key: key(2, 0)})
	must(t, err != nil, "the limit is used up")
}

func TestACardTakenElsewhereBelongsToTheCampaignThatRanThen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t) // from an hour before noon, for a day
	later := dbtest.Draft(noon, "later", 5, campaigns.WeChatCard)
	later.StartsAt, later.EndsAt = noon.Add(48*time.Hour), noon.Add(72*time.Hour)
	next := dbtest.Publish(t, l.service, later)
	_, err := l.service.Create(ctx, campaigns.Actor{}, dbtest.Draft(noon, "draft", 5, campaigns.WeChatCard))
	ok(t, err)
	for hours, want := range map[int]campaigns.ID{1: l.campaign.ID, 50: next.ID, 100: next.ID} {
		c := l.organic("")
		must(t, l.receive(c.told("user_get_card", hours*3600)) == campaigns.PushApplied, "after %d hours", hours)
		page, err := l.db.Claims(ctx, campaigns.ClaimFilter{Search: c.code, Limit: 5})
		ok(t, err)
		must(t, len(page.Rows) == 1 && page.Rows[0].Campaign == want, "after %d hours: %+v", hours, page.Rows)
	}
}

func TestLateNewsOfACardTakenBeforeAnErasureNamesNobodyAndALaterOneIsAReturn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	l := newLedger(t)
	v := dbtest.Visitor(t, l.service, 1)
	ok(t, l.db.EraseVisitor(ctx, v.ID, campaigns.Audit{At: noon.Add(time.Minute)}))
	c := l.organic("")
	must(t, l.receive(c.told("user_get_card", 30)) == campaigns.PushApplied, "late news counts")
	page, err := l.db.Claims(ctx, campaigns.ClaimFilter{Search: c.code, Limit: 5})
	ok(t, err)
	must(t, len(page.Rows) == 1 && page.Rows[0].Visitor == v.ID && strings.HasPrefix(string(page.Rows[0].OpenID), "erased:"), "%+v", page.Rows)
	ok(t, l.agrees(1, 0))
	c.code = "388888888888"
	must(t, l.receive(c.told("user_get_card", 90)) == campaigns.PushApplied, "a card taken afterwards")
	must(t, len(l.claims(c.holder)) == 1, "they came back")
	ok(t, l.agrees(2, 0))
}

func TestACardOfTheMiniProgramIsNotTakenForOneFromElsewhere(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := l.card()
	l.change(fmt.Sprintf(`UPDATE visitors SET openid = 'mini:1' WHERE id = %d`, c.claim.Visitor))
	early := c.told("user_get_card", 1, "OuterStr", string(c.ref))
	must(t, l.receive(early) == campaigns.PushUnmatched, "only reconciliation knows whose it is")
	ok(t, l.agrees(0, 1))
	must(t, l.receive(c.told("user_get_card", 2, "OuterStr", string(c.ref), "UnionId", "u1")) == campaigns.PushUnmatched, "somebody of another union")
	l.change(fmt.Sprintf(`UPDATE visitors SET unionid = 'u1' WHERE id = %d`, c.claim.Visitor))
	must(t, l.receive(c.told("user_get_card", 3, "OuterStr", string(c.ref), "UnionId", "u1")) == campaigns.PushApplied, "they are one person")
	claim, err := l.db.ClaimByID(context.Background(), c.claim.ID)
	ok(t, err)
	must(t, claim.State == campaigns.Confirmed && claim.ConfirmedAt.Equal(noon.Add(time.Second)), "what waited was not applied: %+v", claim)
	ok(t, l.agrees(1, 0))
}

func TestAGiftWithoutItsOldCodeIsTheFriendsNewestCard(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := l.card()
	gift := c.told("friend:user_get_card", 8, "IsGiveByFriend", "1", "FriendUserName", string(c.holder))
	must(t, l.receive(gift) == campaigns.PushUnmatched, "nobody has this card yet")
	must(t, l.receive(c.told("user_get_card", 1, "OuterStr", string(c.ref))) == campaigns.PushApplied, "taken")
	must(t, l.receive(strings.Replace(gift, string(c.holder), "oStranger00000000000000000001", 1)) != campaigns.PushApplied, "a stranger's card was given")
	must(t, l.receive(c.told("friend:user_get_card", 9, "IsGiveByFriend", "1", "FriendUserName", string(c.holder))) == campaigns.PushApplied, "given")
	must(t, l.receive(c.told("friend:user_get_card", 10, "IsGiveByFriend", "1", "FriendUserName", string(c.holder))) == campaigns.PushApplied, "told again")
	own, gifts := l.claims(c.holder), l.claims(c.friend)
	must(t, len(own) == 1 && own[0].State == campaigns.Gifted && len(gifts) == 1 && gifts[0].GiftOf == own[0].ID, "own %+v, gifts %+v", own, gifts)
	ok(t, l.agrees(1, 0))
}

func TestACodeThatStaysTheSameGoesToAFriendAndBackAndOn(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	c := l.card()
	must(t, l.receive(c.told("user_get_card", 1, "OuterStr", string(c.ref))) == campaigns.PushApplied, "taken")
	people := []wechat.OpenID{c.holder, c.friend, c.holder, c.friend, "oStranger00000000000000000001"}
	for i := 1; i < len(people); i++ {
		to := card{holder: people[i], code: c.code}
		body := to.told("user_get_card", 10*i, "IsGiveByFriend", "1", "FriendUserName", string(people[i-1]), "OldUserCardCode", c.code)
		must(t, l.receive(body) == campaigns.PushApplied, "gift %d", i)
		list := l.claims(people[i])
		must(t, string(list[0].Code) == c.code && list[0].State == campaigns.Confirmed, "after gift %d: %+v", i, list[0])
		for _, k := range l.claims(people[i-1]) {
			must(t, k.Code == "" && k.State == campaigns.Gifted, "the giver of %d keeps %+v", i, k)
		}
		ok(t, l.agrees(1, 0))
	}
	last := card{holder: people[len(people)-1], code: c.code}
	must(t, l.receive(last.told("user_consume_card", 90)) == campaigns.PushApplied && l.claims(last.holder)[0].State == campaigns.Redeemed, "whoever has it last redeems it")
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
