package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/views/admin"
)

const (
	weekHours        = 7 * 24
	shownRuns        = 30
	shownDifferences = 200
	reconcileLimit   = 20 * time.Second
)

var errNoReconciler = fault.New(fault.NotFound, "error.not_found")

// pushResults are what the inbox can be filtered by.
var pushResults = []campaigns.PushResult{
	campaigns.PushApplied, campaigns.PushUnmatched, campaigns.PushDuplicate, campaigns.PushKept, campaigns.PushFailed,
}

// handleEvents is the inbox: everything WeChat pushed. The close button of the drawer asks
// for it too, to be given nothing.
func (s *Server) handleEvents(c *fiber.Ctx, who *signedIn) error {
	if isFragment(c) && c.Get("HX-Target") == "drawer" {
		c.Set(fiber.HeaderCacheControl, "no-store")
		return c.SendString("")
	}
	ctx := c.UserContext()
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	query := eventQuery(c, accounts)
	page, err := s.Campaigns.Messages(ctx, inboxFilter(query))
	if err != nil {
		return err
	}
	m := &admin.Events{Query: query, Accounts: accounts, Results: pushResults, Rows: page.Rows, Next: page.Next, Now: s.Now(), Zone: campaigns.Shanghai()}
	if isFragment(c) {
		c.Set("HX-Push-Url", query.URL())
		return render(c, fiber.StatusOK, admin.EventsTable(m))
	}
	for _, account := range accounts {
		pulse := admin.Pulse{Account: account}
		if pulse.Hours, pulse.Last, err = s.Campaigns.Activity(ctx, account.ID, weekHours); err != nil {
			return err
		}
		if pulse.Notes, err = s.Campaigns.CardNotes(ctx, account.ID); err != nil {
			return err
		}
		for _, r := range s.guard.refusals() {
			if r.Account == string(account.ID) {
				pulse.Refused = append(pulse.Refused, admin.Refused{Reason: r.Reason, Count: r.Count, Last: r.Last})
			}
		}
		m.Pulses = append(m.Pulses, pulse)
	}
	m.Page = s.page(c, who, "events", "events.title")
	return render(c, fiber.StatusOK, admin.EventsPage(m))
}

// eventQuery reads the filter of an address; what makes no sense is left out.
func eventQuery(c *fiber.Ctx, accounts []campaigns.Account) admin.EventQuery {
	q := admin.EventQuery{
		Event: oneLine(c.Query("event"), 64), From: day(c.Query("from")), To: day(c.Query("to")), Search: oneLine(c.Query("q"), 64),
		Before: messageID(c.Query("before")),
	}
	if id := campaigns.AccountID(c.Query("account")); slices.ContainsFunc(accounts, func(a campaigns.Account) bool { return a.ID == id }) {
		q.Account = id
	}
	if result := campaigns.PushResult(c.Query("result")); slices.Contains(pushResults, result) {
		q.Result = result
	}
	return q
}

func inboxFilter(q admin.EventQuery) campaigns.InboxFilter {
	f := campaigns.InboxFilter{Account: q.Account, Event: q.Event, Result: q.Result, Search: q.Search, Before: q.Before, Limit: campaigns.PageSize}
	if q.From != "" {
		f.From = startOfDay(q.From, 0)
	}
	if q.To != "" {
		f.To = startOfDay(q.To, 1)
	}
	return f
}

func messageID(text string) int64 {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// handleEvent is one message: in the drawer, or as a page.
func (s *Server) handleEvent(c *fiber.Ctx, who *signedIn) error {
	m, err := s.event(c, who)
	if err != nil {
		return err
	}
	if isFragment(c) {
		return render(c, fiber.StatusOK, admin.EventDrawer(m))
	}
	return render(c, fiber.StatusOK, admin.EventPage(m))
}

// handleEventReveal shows a message once as it came. That it did is recorded first.
func (s *Server) handleEventReveal(c *fiber.Ctx, who *signedIn) error {
	m, err := s.event(c, who)
	if err != nil {
		return err
	}
	id := strconv.FormatInt(m.Message.ID, 10)
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "events.reveal", "push", id, map[string]any{"event": m.Message.Event}); err != nil {
		return err
	}
	m.Revealed = true
	if isFragment(c) {
		return render(c, fiber.StatusOK, admin.EventDetail(m))
	}
	return render(c, fiber.StatusOK, admin.EventPage(m))
}

func (s *Server) event(c *fiber.Ctx, who *signedIn) (*admin.Event, error) {
	message, err := s.Campaigns.Message(c.UserContext(), messageID(c.Params("id")))
	if err != nil {
		return nil, err
	}
	return &admin.Event{
		Page: s.page(c, who, "events", "events.detail.title"), Message: message, Zone: campaigns.Shanghai(),
		CanReveal: who.can(people.ClaimsReveal), CanWrite: who.can(people.AccountWrite),
	}, nil
}

// handleReprocess reads a stored message again.
func (s *Server) handleReprocess(c *fiber.Ctx, who *signedIn) error {
	id := messageID(c.Params("id"))
	actor := campaigns.Actor{ID: string(who.Person.ID), Name: who.Person.Name, IP: s.clientIP(c)}
	result, err := s.Campaigns.Reprocess(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	kind := "success"
	if result == campaigns.PushUnmatched {
		kind = "warning"
	}
	s.flash(c, kind, "events.reprocessed."+string(result))
	return seeOther(c, "/admin/events/"+strconv.FormatInt(id, 10))
}

// handleReconcile shows what reconciliation changed and could not change.
func (s *Server) handleReconcile(c *fiber.Ctx, who *signedIn) error {
	ctx := c.UserContext()
	m := &admin.Reconcile{Run: messageID(c.Query("run")), Zone: campaigns.Shanghai(), CanWrite: who.can(people.AccountWrite) && s.Reconciler != nil}
	var err error
	if m.Runs, err = s.Campaigns.Runs(ctx, shownRuns); err != nil {
		return err
	}
	if m.Differences, err = s.Campaigns.Differences(ctx, m.Run, shownDifferences); err != nil {
		return err
	}
	m.Page = s.page(c, who, "events", "events.reconcile.title")
	return render(c, fiber.StatusOK, admin.ReconcilePage(m))
}

// handleReconcileNow asks WeChat at once about the claims that wait.
func (s *Server) handleReconcileNow(c *fiber.Ctx, who *signedIn) error {
	if s.Reconciler == nil {
		return errNoReconciler
	}
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "events.reconcile", "reconcile", "manual", nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(i18n.With(s.Background, i18n.Lang(c.UserContext())), reconcileLimit)
	defer cancel()
	c.SetUserContext(ctx)
	run, err := s.Reconciler.Run(ctx, campaigns.RunManual)
	switch {
	case errors.Is(err, campaigns.ErrReconciling):
		s.flash(c, "warning", campaigns.ErrReconciling.Key)
	case err != nil:
		return err
	case run.Stopped != "":
		s.flash(c, "warning", "events.reconcile.stopped."+run.Stopped, "checked", run.Checked, "repaired", run.Repaired)
	default:
		s.flash(c, "success", "events.reconcile.done", "checked", run.Checked, "repaired", run.Repaired, "differing", run.Differing)
	}
	return seeOther(c, "/admin/events/reconcile")
}
