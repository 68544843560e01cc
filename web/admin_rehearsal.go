package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// handleRehearsal asks who comes to the rehearsal.
func (s *Server) handleRehearsal(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	plan := campaigns.DefaultPlan()
	plan.Seed = uint64(s.Now().UnixMilli() % 1_000_000)
	return s.showRehearsal(c, who, fiber.StatusOK, admin.Rehearsal{Campaign: campaign, Plan: plan})
}

// handleRehearse rehearses and shows what happened. The result is kept nowhere: the seed
// brings it back.
func (s *Server) handleRehearse(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	v := admin.Rehearsal{Campaign: campaign, Errors: ui.Errors{}}
	var problems fault.List
	v.Plan, problems = readPlan(c)
	if len(problems) == 0 {
		v.Result, err = s.rehearser.Run(c.UserContext(), campaign, v.Plan)
	} else {
		err = problems
	}
	if err == nil {
		return s.showRehearsal(c, who, fiber.StatusOK, v)
	}
	if errors.Is(err, context.Canceled) {
		return fault.New(fault.Unavailable, "rehearsal.error.stopped").Because(err)
	}
	status, ok := formErrors(c, v.Errors, err)
	if !ok || status >= fiber.StatusInternalServerError {
		return err
	}
	return s.showRehearsal(c, who, status, v)
}

func (s *Server) showRehearsal(c *fiber.Ctx, who *signedIn, status int, v admin.Rehearsal) error {
	return render(c, status, admin.RehearsalPage(s.page(c, who, "campaigns", "rehearsal.title"), v))
}

// readPlan takes the plan's fields; what is no number is a problem on its field.
func readPlan(c *fiber.Ctx) (campaigns.RehearsalPlan, fault.List) {
	var problems fault.List
	number := func(field string, bits int) uint64 {
		n, err := strconv.ParseUint(typed(c, field), 10, bits)
		if err != nil {
			problems = append(problems, fault.New(fault.Invalid, "admin.campaign.error.number").On(field))
		}
		return n
	}
	plan := campaigns.RehearsalPlan{Visitors: int(number("visitors", 31)), Curve: campaigns.Curve(typed(c, "curve")), Shares: map[campaigns.Behaviour]int{}}
	for _, b := range campaigns.Behaviours[1:] {
		field := "share_" + string(b)
		if typed(c, field) != "" { // behaviours that do not apply are not asked for
			plan.Shares[b] = int(number(field, 31))
		}
	}
	plan.Seed = number("seed", 53)
	return plan, problems
}
