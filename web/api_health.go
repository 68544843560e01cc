package web

import (
	"github.com/gofiber/fiber/v2"

	"kaquan/doctor"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
)

var errAPIHealth = fault.New(fault.Unavailable, "apiv1.error.health")

type (
	apiHealth struct {
		Level    doctor.Level `json:"level"`
		Problems int          `json:"problems"`
		Checks   []apiCheck   `json:"checks"`
	}
	apiCheck struct {
		Check   doctor.Check `json:"check"`
		Account string       `json:"account,omitempty"`
		Level   doctor.Level `json:"level"`
		Name    string       `json:"name"`
		What    string       `json:"what"`
		Impact  string       `json:"impact,omitempty"`
		Fix     string       `json:"fix,omitempty"`
		Code    int          `json:"code,omitempty"` // of WeChat
		Since   string       `json:"since,omitempty"`
		At      string       `json:"at"`
	}
)

// health is what the health board shows, of the program and of the accounts that the token
// may speak for, in the language that the program asks for.
func (a *api) health(c *fiber.Ctx, who *people.APIAccess) error {
	if a.Doctor == nil {
		return errAPIHealth
	}
	found, err := a.Doctor.Latest(c.UserContext())
	if err != nil {
		return err
	}
	ctx := i18n.With(c.UserContext(), i18n.Match(c.Get(fiber.HeaderAcceptLanguage)))
	say := func(t doctor.Text) string {
		if t.Empty() {
			return ""
		}
		return i18n.TArgs(ctx, t.Key, t.Args)
	}
	var mine []doctor.Finding
	answer := apiHealth{Checks: []apiCheck{}}
	for _, f := range found {
		if f.Account != "" && !who.AllowsAccount(f.Account) {
			continue
		}
		mine = append(mine, f)
		answer.Checks = append(answer.Checks, apiCheck{
			Check: f.Check, Account: f.Account, Level: f.Level, Name: i18n.T(ctx, f.Check.Name()), What: say(f.What), Impact: say(f.Impact), Fix: say(f.Fix),
			Code: f.Code, Since: stamp(f.Since), At: stamp(f.At),
		})
	}
	answer.Level, answer.Problems = doctor.Overall(mine)
	return sendJSON(c, fiber.StatusOK, answer)
}
