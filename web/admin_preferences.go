package web

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/fault"
	"kaquan/i18n"
)

const (
	themeCookie    = "kq_theme"
	preferenceLife = 365 * 24 * time.Hour
)

var errPreference = fault.New(fault.Invalid, "error.invalid")

// handleLanguage keeps the language in this browser, for visitors' pages too.
func (s *Server) handleLanguage(c *fiber.Ctx) error {
	language := c.FormValue("language")
	if language != string(i18n.ZH) && language != string(i18n.EN) {
		return errPreference
	}
	s.setCookie(c, languageCookie, language, preferenceLife)
	return seeOther(c, localPath(c.FormValue("next")))
}

// handleTheme keeps the colours in this browser.
func (s *Server) handleTheme(c *fiber.Ctx) error {
	theme := c.FormValue("theme")
	if theme != "auto" && theme != "light" && theme != "dark" {
		return errPreference
	}
	s.setCookie(c, themeCookie, theme, preferenceLife)
	return seeOther(c, localPath(c.FormValue("next")))
}
