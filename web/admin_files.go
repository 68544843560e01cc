package web

import (
	"context"
	"io"
	"mime/multipart"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// Errors of a verification file, at the field they are about.
var (
	errFileMissing = fault.New(fault.Invalid, "files.error.missing").On("file")
	errFileName    = fault.New(fault.Invalid, "files.error.name").On("file")
	errFileSize    = fault.New(fault.Invalid, "files.error.size").On("file")
	errFileContent = fault.New(fault.Invalid, "files.error.content").On("file")
	errFileGone    = fault.New(fault.NotFound, "files.error.gone")
)

// handleFiles lists the verification files and takes new ones.
func (s *Server) handleFiles(c *fiber.Ctx, who *signedIn) error {
	return s.filesPage(c, who, fiber.StatusOK, admin.FileForm{Errors: ui.Errors{}})
}

func (s *Server) filesPage(c *fiber.Ctx, who *signedIn, status int, form admin.FileForm) error {
	files, err := s.Files.VerifyFiles(c.UserContext())
	if err != nil {
		return err
	}
	m := &admin.Files{Page: s.page(c, who, "health", "files.title"), Files: files, Form: form, Zone: campaigns.Shanghai(), Public: s.PublicURL}
	return render(c, status, admin.FilesPage(m))
}

// handleFileSave keeps an uploaded file, or one that was pasted as a name and a content.
func (s *Server) handleFileSave(c *fiber.Ctx, who *signedIn) error {
	form := admin.FileForm{Name: strings.TrimSpace(c.FormValue("name")), Content: c.FormValue("content"), Errors: ui.Errors{}}
	f, err := sentFile(c, form)
	if err == nil {
		f.AddedBy, f.AddedAt = who.Person.Name, s.Now()
		err = s.Files.SaveVerifyFile(c.UserContext(), f)
	}
	if fault.CodeOf(err) == fault.Invalid {
		for _, e := range fault.All(err) {
			form.Errors.Add(e.Field, i18n.TArgs(c.UserContext(), e.Key, e.Args))
		}
		return s.filesPage(c, who, fiber.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "files.save", "file", f.Name, nil); err != nil {
		return err
	}
	s.flash(c, "success", "files.saved", "name", f.Name)
	return seeOther(c, "/admin/files")
}

// sentFile is the file of the form. Messages about a pasted one stand at its own fields.
func sentFile(c *fiber.Ctx, form admin.FileForm) (wechat.VerifyFile, error) {
	upload, err := c.FormFile("file")
	pasted := err != nil || upload.Filename == ""
	if pasted {
		if form.Name == "" && form.Content == "" {
			return wechat.VerifyFile{}, errFileMissing
		}
		return checkedFile(form.Name, []byte(form.Content), "name", "content")
	}
	if upload.Size > wechat.MaxVerifyFile {
		return wechat.VerifyFile{}, errFileSize
	}
	content, err := readUpload(upload)
	if err != nil {
		return wechat.VerifyFile{}, err
	}
	return checkedFile(upload.Filename, content, "file", "file")
}

func readUpload(upload *multipart.FileHeader) ([]byte, error) {
	file, err := upload.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, wechat.MaxVerifyFile+1))
}

func checkedFile(name string, content []byte, nameField, contentField string) (wechat.VerifyFile, error) {
	switch {
	case !wechat.IsVerifyName(name):
		return wechat.VerifyFile{}, errFileName.On(nameField)
	case len(content) > wechat.MaxVerifyFile:
		return wechat.VerifyFile{}, errFileSize.On(contentField)
	case !wechat.IsVerifyContent(content):
		return wechat.VerifyFile{}, errFileContent.On(contentField)
	}
	return wechat.VerifyFile{Name: name, Content: content}, nil
}

// handleFileDelete stops serving a file.
func (s *Server) handleFileDelete(c *fiber.Ctx, who *signedIn) error {
	name := c.Params("name")
	_, found, err := s.Files.VerifyFile(c.UserContext(), name)
	if err == nil && !found {
		err = errFileGone
	}
	if err != nil {
		return err
	}
	if err := s.Files.DeleteVerifyFile(c.UserContext(), name); err != nil {
		return err
	}
	if err := s.People.Record(c.UserContext(), who.Person, s.clientIP(c), "files.delete", "file", name, nil); err != nil {
		return err
	}
	s.flash(c, "success", "files.deleted", "name", name)
	return seeOther(c, "/admin/files")
}

const (
	fileLimit = 5 * time.Second
	// servedEvery spares a write for every request.
	servedEvery = time.Minute
)

// handleVerifyFile answers WeChat at the root of the site (protocol 0.4): the bytes as
// they were uploaded, by http and https alike, without a redirect.
func (s *Server) handleVerifyFile(c *fiber.Ctx) error {
	name := strings.TrimPrefix(c.Path(), "/")
	if !wechat.IsVerifyName(name) {
		return c.Next()
	}
	ctx, cancel := context.WithTimeout(s.Background, fileLimit)
	defer cancel()
	f, found, err := s.Files.VerifyFile(ctx, name)
	if err != nil {
		return err
	}
	if !found {
		return c.Next()
	}
	if now := s.Now(); now.Sub(f.ServedAt) > servedEvery {
		if err := s.Files.VerifyFileServed(ctx, name, now); err != nil {
			s.Log.Warn("note served file", "err", err)
		}
	}
	c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set(fiber.HeaderCacheControl, "no-cache")
	return c.Send(f.Content)
}
