package web

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/mini"
	"kaquan/views/visitor"
)

// miniMe is a person as they see themselves.
type miniMe struct {
	ID          string `json:"id"`
	Nickname    string `json:"nickname"`
	Avatar      string `json:"avatar"`
	Phone       string `json:"phone"`
	Joined      bool   `json:"joined"`
	Account     string `json:"account"`
	AccountName string `json:"account_name"`
}

func (m *minis) me(c *fiber.Ctx, who *mini.Session) (*miniMe, error) {
	me, err := m.Mini.Me(c.UserContext(), who)
	if errors.Is(err, campaigns.ErrVisitorNotFound) {
		return nil, mini.ErrRevoked
	}
	if err != nil {
		return nil, err
	}
	account, err := m.Accounts.Account(c.UserContext(), who.Account)
	if err != nil {
		return nil, err
	}
	return &miniMe{
		ID: me.Alias(), Nickname: me.Nickname, Avatar: me.Avatar, Phone: me.Phone, Joined: me.Joined, Account: string(account.ID), AccountName: account.Name,
	}, nil
}

// sendMe answers with the person as they are now.
func (m *minis) sendMe(c *fiber.Ctx, who *mini.Session) error {
	me, err := m.me(c, who)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, me)
}

func (m *minis) handleMe(c *fiber.Ctx, who *mini.Session) error { return m.sendMe(c, who) }

// handleMeSave stores what the person chose to show. The picture is looked at first, so
// that a request that is refused changes nothing.
func (m *minis) handleMeSave(c *fiber.Ctx, who *mini.Session) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	var picture []byte
	text, shown := in.optional("avatar")
	if shown {
		if picture, err = mini.DecodeAvatar(strings.TrimSpace(text)); err != nil {
			return err
		}
	}
	if name, named := in.optional("nickname"); named {
		if err := m.Mini.SetNickname(c.UserContext(), who, name); err != nil {
			return err
		}
	}
	if shown {
		if err := m.Mini.SetAvatar(c.UserContext(), who, picture); err != nil {
			return err
		}
	}
	return m.sendMe(c, who)
}

// handleAvatarUpload takes the picture as wx.uploadFile sends it.
func (m *minis) handleAvatarUpload(c *fiber.Ctx, who *mini.Session) error {
	file, err := c.FormFile("avatar")
	if err != nil {
		return mini.ErrAvatarBad
	}
	if file.Size > mini.MaxAvatar {
		return mini.ErrAvatarLarge
	}
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	picture, err := io.ReadAll(io.LimitReader(from, mini.MaxAvatar+1))
	if err != nil {
		return err
	}
	if len(picture) == 0 {
		return mini.ErrAvatarBad
	}
	if err := m.Mini.SetAvatar(c.UserContext(), who, picture); err != nil {
		return err
	}
	return m.sendMe(c, who)
}

// handleAvatar serves a picture; its name changes with it.
func (m *minis) handleAvatar(c *fiber.Ctx) error {
	body, err := m.Mini.Avatar(c.UserContext(), c.Params("name"))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "image/jpeg")
	c.Set(fiber.HeaderCacheControl, "private, max-age=86400")
	return c.Send(body)
}

// handlePhone stores a number that WeChat verified.
func (m *minis) handlePhone(c *fiber.Ctx, who *mini.Session) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if in.text("encrypted_data") != "" {
		who, err = m.Mini.PhoneData(c.UserContext(), who, in.values["encrypted_data"], in.values["iv"])
	} else {
		who, err = m.Mini.Phone(c.UserContext(), who, in.text("code"))
	}
	if err != nil {
		return err
	}
	return m.sendMe(c, who)
}

// handleOpenData takes what old interfaces deliver.
func (m *minis) handleOpenData(c *fiber.Ctx, who *mini.Session) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	who, err = m.Mini.TakeData(c.UserContext(), who, mini.OpenData{
		Encrypted: in.values["encrypted_data"], IV: in.values["iv"], Raw: in.values["raw_data"], Signature: in.text("signature"),
	})
	if err != nil {
		return err
	}
	return m.sendMe(c, who)
}

// handleMeErase erases what is stored about the person and ends their sessions.
func (m *minis) handleMeErase(c *fiber.Ctx, who *mini.Session) error {
	in, err := miniBody(c)
	if err != nil {
		return err
	}
	if !slices.Contains(visitor.EraseWords, strings.ToUpper(in.text("confirm"))) {
		return campaigns.ErrEraseWord.On("confirm")
	}
	if err := m.Campaigns.Erase(c.UserContext(), who.Visitor); err != nil && !errors.Is(err, campaigns.ErrVisitorNotFound) {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
