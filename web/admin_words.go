package web

import (
	"errors"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/views/visitor"
)

// ownWords is the form for the words of a sampled page, nil for a state that has none of its
// own.
func ownWords(c *fiber.Ctx, campaign *campaigns.Campaign, p visitor.Page, choice admin.PreviewChoice) *admin.OwnWords {
	if _, known := campaigns.OwnWords[string(p.State)]; !known {
		return nil
	}
	w := &admin.OwnWords{State: p.State, Version: campaign.Version, Errors: ui.Errors{}}
	w.Text, w.Own = campaign.Design.States[string(p.State)]
	if part := c.Query("edit"); slices.Contains([]string{"title", "body", "button"}, part) {
		w.Focus = part
	}
	w.Usual.Title, w.Usual.Body, w.Usual.Button = p.Usual(inLanguage(c.UserContext(), choice))
	return w
}

// editAddress is what the words in the phone lead to, but for the name of their part.
func editAddress(campaign *campaigns.Campaign, state visitor.State, choice admin.PreviewChoice) string {
	choice.State = state
	return admin.PreviewPath(campaign) + "?" + choice.Query().Encode() + "&edit="
}

// handleWords changes a campaign's own words for one state of its page, over the version that
// was read. op reset gives the usual ones back.
func (s *Server) handleWords(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if closed(campaign) {
		return campaigns.ErrWrongState
	}
	choice := readPreview(c)
	state := string(choice.State)
	if _, known := campaigns.OwnWords[state]; !known {
		return fiber.ErrNotFound
	}
	var text campaigns.StateText
	if c.FormValue("op") != "reset" {
		part := func(name string) string { return oneLine(c.FormValue(campaigns.StateField(state, name)), 400) }
		text = campaigns.StateText{Title: part("title"), Body: part("body"), Button: part("button")}
	}
	draft := campaigns.DraftOf(campaign)
	draft.Design = draft.Design.WithState(state, text)
	if draft.Version, err = strconv.ParseInt(c.FormValue("version"), 10, 64); err != nil {
		draft.Version = 0
	}
	if campaign.Design.States[state] == text && draft.Version == campaign.Version {
		return seeOther(c, admin.PreviewPath(campaign)+"?"+choice.Query().Encode()+"#words")
	}
	if _, err = s.Campaigns.Edit(c.UserContext(), who.actor(c), campaign.ID, draft); err == nil {
		s.flash(c, "success", "design.words.done")
		return seeOther(c, admin.PreviewPath(campaign)+"?"+choice.Query().Encode()+"#words")
	}
	status, messages := fiber.StatusUnprocessableEntity, ui.Errors{}
	switch {
	case errors.Is(err, campaigns.ErrEditConflict):
		// Their words stand in the phone now; the next save is over them, knowingly.
		status = fiber.StatusConflict
		messages.Add("", i18n.T(c.UserContext(), "design.words.conflict"))
	case fault.CodeOf(err) == fault.Invalid:
		for _, e := range fault.All(err) {
			field := e.Field
			if _, own := ownField(state, field); !own { // what stands elsewhere is put right there
				field = ""
			}
			messages.Add(field, sentence(c.UserContext(), e))
		}
	default:
		return err
	}
	return s.showPreviewPage(c, who, status, campaign, choice, func(w *admin.OwnWords) { w.Text, w.Errors = text, messages })
}

func ownField(state, field string) (part string, own bool) {
	for _, part := range []string{"title", "body", "button"} {
		if field == campaigns.StateField(state, part) {
			return part, true
		}
	}
	return "", false
}
