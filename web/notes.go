package web

import (
	"context"
	"errors"
	"regexp"

	"github.com/gofiber/fiber/v2"

	"kaquan/doctor"
	"kaquan/wechat"
)

// note tells the doctor what a request showed. Strangers can cause most of it, so only
// some of each kind are kept, and a request is not worth failing for it.
func (s *Server) note(ctx context.Context, r doctor.Report) {
	if s.Doctor == nil || !s.notes.allow(string(r.Kind)+"/"+r.Account) {
		return
	}
	if r.At.IsZero() {
		r.At = s.Now()
	}
	if err := s.Doctor.Note(context.WithoutCancel(ctx), r); err != nil {
		s.Log.Warn("note for the health board", "kind", r.Kind, "err", err)
	}
}

var hexSignature = regexp.MustCompile(`^[0-9a-f]{40}$`)

// notePush tells of a push with or without a good signature. What does not even look
// signed is no sign of a wrong token, only of somebody knocking.
func (s *Server) notePush(ctx context.Context, c *fiber.Ctx, account *wechat.Account, kind doctor.ReportKind) {
	if account == nil || kind == doctor.PushRefused && !hexSignature.MatchString(c.Query("signature")) {
		return
	}
	s.note(ctx, doctor.Report{Account: account.Credentials().Account, Kind: kind})
}

// noteOAuth tells of a web authorisation that failed for a reason of the account's.
func (s *Server) noteOAuth(ctx context.Context, account string, err error) {
	var answer *wechat.APIError
	if errors.As(err, &answer) && !usedCode(err) {
		s.note(ctx, doctor.Report{Account: account, Kind: doctor.OAuthFailed, Code: answer.Code, RID: answer.RID})
	}
}
