package web

import (
	"io"
	"mime/multipart"

	"github.com/gofiber/fiber/v2"

	"kaquan/reach"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// readPicture reads one byte more than allowed, so that larger ones are noticed.
func readPicture(upload *multipart.FileHeader) ([]byte, error) {
	file, err := upload.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, reach.MaxPicture+1))
}

// handleScenes lists the scene codes and their scans.
func (s *Server) handleScenes(c *fiber.Ctx, who *signedIn) error {
	return s.scenesPage(c, who, fiber.StatusOK, reach.SceneDraft{Days: "30"}, nil)
}

func (s *Server) scenesPage(c *fiber.Ctx, who *signedIn, status int, draft reach.SceneDraft, messages ui.Errors) error {
	frame, err := s.reachOf(c, who, "reach", "reach.title")
	if err != nil {
		return err
	}
	m := &admin.Scenes{Reach: frame, Draft: draft, Errors: messages, Pictures: map[string]string{}}
	if m.Account != "" {
		if m.Scenes, err = s.Reach.Scenes(c.UserContext(), m.Account); err != nil {
			return err
		}
		for i := range m.Scenes {
			address, err := s.Reach.ScenePicture(c.UserContext(), &m.Scenes[i])
			if err != nil {
				return err
			}
			m.Pictures[m.Scenes[i].Scene] = address
		}
	}
	return render(c, status, admin.ScenesPage(m))
}

// handleSceneNew makes a code at WeChat. A refusal stands above the form, which keeps what
// was typed.
func (s *Server) handleSceneNew(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	draft := reach.SceneDraft{
		Name: typed(c, "name"), Scene: typed(c, "scene"), Channel: typed(c, "channel"), Days: typed(c, "days"), Permanent: c.FormValue("permanent") == "1",
	}
	ctx, cancel := asking(c)
	defer cancel()
	messages := ui.Errors{}
	sc, err := s.Reach.CreateScene(ctx, account, draft)
	if err != nil {
		status, ok := formErrors(c, messages, err)
		switch {
		case ok:
		case fromWeChat(err):
			s.Log.Warn("scene code refused", "account", account, "err", err)
			status = fiber.StatusUnprocessableEntity
			messages.Add("", wechatWords(c.UserContext(), err))
		default:
			return err
		}
		return s.scenesPage(c, who, status, draft, messages)
	}
	if err := s.record(c, who, "reach.scene.create", account, map[string]any{"scene": sc.Scene, "channel": sc.Channel, "permanent": sc.Permanent}); err != nil {
		return err
	}
	s.flash(c, "success", "reach.done.scene", "name", sc.Name)
	return seeOther(c, forAccount("/admin/reach/scenes", account))
}

func (s *Server) handleSceneDelete(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	scene := typed(c, "scene")
	if err := s.Reach.DeleteScene(c.UserContext(), account, scene); err != nil {
		return s.told(c, err, forAccount("/admin/reach/scenes", account))
	}
	if err := s.record(c, who, "reach.scene.delete", account, map[string]any{"scene": scene}); err != nil {
		return err
	}
	s.flash(c, "success", "reach.done.deleted")
	return seeOther(c, forAccount("/admin/reach/scenes", account))
}
