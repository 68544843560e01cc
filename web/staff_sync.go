package web

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/redemption"
	"kaquan/views/staff"
)

type (
	syncRequest struct {
		Items []struct {
			Text string `json:"text"`
			At   int64  `json:"at"` // milliseconds of the till's clock
			Key  string `json:"key"`
		} `json:"items"`
	}
	syncAnswer struct {
		Done []syncDone `json:"done"`
	}
	syncDone struct {
		Key     string `json:"key"`
		Verdict string `json:"verdict"`
		Words   string `json:"words"`
	}
)

var errSyncBody = fault.New(fault.Invalid, "error.invalid")

// sync books what a till accepted without network. What cannot be booked is a task for the
// manager, and the answer says so; what is not in the answer is to be sent again.
func (t *tills) sync(c *fiber.Ctx, who *till) error {
	var in syncRequest
	if err := json.Unmarshal(c.BodyRaw(), &in); err != nil {
		return errSyncBody.Because(err)
	}
	if len(in.Items) > redemption.MaxOffline {
		return redemption.ErrTooMany
	}
	answer := syncAnswer{Done: []syncDone{}}
	for _, item := range in.Items {
		list, err := t.Redemption.Sync(c.UserContext(), &who.Till, []redemption.Offline{{Text: item.Text, At: time.UnixMilli(item.At), Key: item.Key}})
		verdict := redemption.Unknown
		switch code := fault.CodeOf(err); {
		case err == nil && len(list) == 1:
			verdict = list[0].Verdict
		case errors.Is(err, redemption.ErrNotAllowed):
			return err
		case code == fault.Invalid, code == fault.Conflict: // no pass of ours, or its key is another's: again would not help
		default:
			t.Log.ErrorContext(c.UserContext(), "queue of a till not booked", "account", who.Staff.Account, "err", err)
			if len(answer.Done) == 0 {
				return err
			}
			return c.JSON(answer)
		}
		answer.Done = append(answer.Done, syncDone{item.Key, string(verdict), staff.ShortVerdict(c.UserContext(), verdict)})
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(answer)
}
