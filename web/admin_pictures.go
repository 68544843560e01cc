package web

import (
	"errors"
	"io"
	"mime"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/media"
	"kaquan/views/admin"
	"kaquan/views/visitor"
)

// uploads are the pictures of the editor by the op of their button: the names of their form
// fields, the field that a refusal stands at, the shape without a choice, and where it goes.
var uploads = map[string]struct {
	name, field string
	ratio       float64
	set         func(s *Server, f *admin.CampaignForm, picture *media.Picture)
}{
	"upload-cover": {"cover", "cover", 16.0 / 9, func(_ *Server, f *admin.CampaignForm, p *media.Picture) { f.Design.Cover = p.Name() }},
	"upload-share": {"share", "share_image", 1, func(s *Server, f *admin.CampaignForm, p *media.Picture) {
		f.Channels.Image = s.PublicURL + visitor.PicturePath(p.Name())
	}},
}

// handlePictureUpload stores a picture of the editor and puts it into its step. What else was
// typed there is kept, whatever becomes of the picture.
func (s *Server) handlePictureUpload(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	if s.Media == nil {
		return fiber.ErrNotFound
	}
	if closed(campaign) {
		return campaigns.ErrWrongState
	}
	u, known := uploads[c.FormValue("op")]
	if !known {
		return fiber.ErrBadRequest
	}
	k, err := s.takeStep(c, who, campaign)
	if err != nil {
		return err
	}
	picture, refused := s.uploadedPicture(c, campaign, u.name, u.ratio)
	if refused == nil {
		form := k.form()
		u.set(s, form, picture)
		k.values = form.Values
	}
	if err := k.lay(); err != nil {
		return err
	}
	if refused == nil {
		s.flash(c, "success", "design.upload.done")
		return seeOther(c, admin.EditPath(k.campaign, k.step))
	}
	all := fault.All(refused)
	if len(all) == 0 || all[0].Code == fault.Internal {
		return refused
	}
	form := k.form()
	_, problems := k.draft(form)
	noteProblems(c, form, append(problems, all[0].On(u.field)))
	form.Kept = k.kept
	return s.showEditor(c, who, fiber.StatusUnprocessableEntity, form)
}

// uploadedPicture makes a picture of the request's file NAME_file.
func (s *Server) uploadedPicture(c *fiber.Ctx, campaign *campaigns.Campaign, name string, ratio float64) (*media.Picture, error) {
	file, err := c.FormFile(name + "_file")
	if err != nil || file.Filename == "" && file.Size == 0 {
		return nil, media.ErrNone.Because(err)
	}
	if file.Size > media.MaxUpload {
		return nil, media.ErrLarge
	}
	opened, err := file.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(opened, media.MaxUpload+1))
	if err = errors.Join(err, opened.Close()); err != nil {
		return nil, err
	}
	crop, err := sentCrop(c, name)
	if err != nil {
		return nil, err
	}
	// The parser of forms leaves only the last part of a name with a path. What was really sent
	// stands in the header.
	sent := file.Filename
	if _, params, err := mime.ParseMediaType(file.Header.Get(fiber.HeaderContentDisposition)); err == nil && params["filename"] != "" {
		sent = params["filename"]
	}
	return s.Media.Add(c.UserContext(), media.Upload{Account: string(campaign.Account), Name: sent, Content: content, Crop: crop, Ratio: ratio})
}

// sentCrop is the part of the picture that was chosen; without a choice it is zero.
func sentCrop(c *fiber.Ctx, name string) (media.Crop, error) {
	var crop media.Crop
	for side, into := range map[string]*int{"x": &crop.X, "y": &crop.Y, "w": &crop.W, "h": &crop.H} {
		text := typed(c, name+"_"+side)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return media.Crop{}, media.ErrCrop
		}
		*into = int(n)
	}
	return crop, nil
}

// lay puts the desk's values where they belong without publishing anything: into a draft that
// nothing is wrong with, else into the person's work.
func (k *desk) lay() error {
	typedOver := min(k.base, k.read)
	before := k.values
	if err := k.merge(nil); err != nil {
		return err
	}
	if k.conflict != nil && len(k.conflict.Fields) > 0 { // the editor asks when it opens
		k.values = before
		return k.keep(typedOver)
	}
	draft, problems := k.draft(k.form())
	if k.campaign.Status == campaigns.StatusDraft && len(problems) == 0 {
		saved, err := k.server.Campaigns.Autosave(k.c.UserContext(), k.who.actor(k.c), k.campaign.ID, draft)
		if err == nil {
			k.campaign = saved
			return k.drop()
		}
		if !errors.Is(err, campaigns.ErrEditConflict) && fault.CodeOf(err) != fault.Invalid {
			return err
		}
	}
	return k.keep(k.campaign.Version)
}
