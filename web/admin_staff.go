package web

import (
	"context"
	"io"
	"iter"

	"github.com/gofiber/fiber/v2"

	"kaquan/sheets"
	"kaquan/stores"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

func staffFilter(c *fiber.Ctx, account string) stores.StaffFilter {
	return stores.StaffFilter{
		Account: stores.AccountID(account), Place: stores.ParseID[stores.PlaceID](c.Query("place")), Search: oneLine(c.Query("q"), 30),
		After: stores.ParseID[stores.StaffID](c.Query("after")),
	}
}

// handleStaff lists the staff.
func (s *Server) handleStaff(c *fiber.Ctx, who *signedIn) error {
	place := stores.ParseID[stores.PlaceID](c.Query("place"))
	return s.showStaff(c, who, fiber.StatusOK, ui.Errors{}, &admin.Staff{Draft: stores.StaffDraft{Place: place, Role: stores.Clerk}})
}

func (s *Server) showStaff(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, m *admin.Staff) (err error) {
	if m.Shop, err = s.shop(c, who, "stores.staff.title", errs); err != nil {
		return err
	}
	f := staffFilter(c, m.Account)
	m.Place, m.Search, m.Now = f.Place, f.Search, s.Stores.Now()
	if m.Rows, err = s.Stores.StaffList(c.UserContext(), f); err != nil {
		return err
	}
	if m.Places, err = s.Stores.Places(c.UserContext(), f.Account); err != nil {
		return err
	}
	return render(c, status, admin.StaffPage(m))
}

func typedStaff(c *fiber.Ctx) stores.StaffDraft {
	return stores.StaffDraft{Place: stores.ParseID[stores.PlaceID](c.FormValue("place")), Name: typed(c, "name"), Role: stores.Role(c.FormValue("role"))}
}

// handleStaffNew makes a member and shows the PIN, in this answer only.
func (s *Server) handleStaffNew(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	d := typedStaff(c)
	made, pin, err := s.Stores.CreateStaff(c.UserContext(), who.keeper(c), account, d)
	if err != nil {
		return again(c, err, func(status int, errs ui.Errors) error {
			return s.showStaff(c, who, status, errs, &admin.Staff{Draft: d})
		})
	}
	return s.showStaff(c, who, fiber.StatusOK, ui.Errors{}, &admin.Staff{Draft: stores.StaffDraft{Place: d.Place, Role: d.Role}, Made: &made, PIN: pin})
}

// handleStaffExport is the filtered list as xlsx.
func (s *Server) handleStaffExport(c *fiber.Ctx, who *signedIn) error {
	account, err := s.shopAccount(c)
	if err != nil {
		return err
	}
	f := staffFilter(c, string(account))
	f.After, f.Limit = 0, 500
	return s.storeFile(c, who, "staff", func(ctx context.Context, w io.Writer, o sheets.StoreSheet, check func(int) error) error {
		_, err := sheets.Staff(ctx, w, o, s.eachStaff(ctx, f), check)
		return err
	})
}

func (s *Server) eachStaff(ctx context.Context, f stores.StaffFilter) iter.Seq2[stores.StaffRow, error] {
	return func(yield func(stores.StaffRow, error) bool) {
		for {
			page, err := s.Stores.StaffList(ctx, f)
			if err != nil {
				yield(stores.StaffRow{}, err)
				return
			}
			for _, row := range page.Rows {
				if !yield(row, nil) {
					return
				}
			}
			if f.After = page.Next; f.After == 0 {
				return
			}
		}
	}
}

func (s *Server) member(c *fiber.Ctx) (stores.Staff, error) {
	return s.Stores.Member(c.UserContext(), stores.ParseID[stores.StaffID](c.Params("id")))
}

// handleMember is one of the staff.
func (s *Server) handleMember(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		return s.showMember(c, who, fiber.StatusOK, ui.Errors{}, &admin.Member{Staff: m, Draft: stores.StaffDraft{Place: m.Place, Name: m.Name, Role: m.Role}})
	})
}

func (s *Server) withMember(c *fiber.Ctx, do func(m stores.Staff) error) error {
	m, err := s.member(c)
	if err != nil {
		return err
	}
	return do(m)
}

func (s *Server) showMember(c *fiber.Ctx, who *signedIn, status int, errs ui.Errors, m *admin.Member) (err error) {
	ctx := c.UserContext()
	if m.Shop, err = s.shopOf(c, who, m.Staff.Account, m.Staff.Name, errs); err != nil {
		return err
	}
	m.Now = s.Stores.Now()
	if m.Places, err = s.Stores.Places(ctx, m.Staff.Account); err != nil {
		return err
	}
	if m.Sessions, err = s.Stores.CountSessions(ctx, m.Staff.ID); err != nil {
		return err
	}
	return render(c, status, admin.MemberPage(m))
}

func (s *Server) handleMemberEdit(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		d := typedStaff(c)
		if err := s.Stores.EditStaff(c.UserContext(), who.keeper(c), m.ID, d); err != nil {
			return again(c, err, func(status int, errs ui.Errors) error {
				return s.showMember(c, who, status, errs, &admin.Member{Staff: m, Draft: d})
			})
		}
		s.flash(c, "success", "stores.done.saved")
		return seeOther(c, admin.MemberPath(m.ID))
	})
}

// handlePINReset makes a new PIN and shows it, in this answer only.
func (s *Server) handlePINReset(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		pin, err := s.Stores.ResetPIN(c.UserContext(), who.keeper(c), m.ID)
		if err != nil {
			return err
		}
		if m, err = s.member(c); err != nil {
			return err
		}
		return s.showMember(c, who, fiber.StatusOK, ui.Errors{}, &admin.Member{Staff: m, PIN: pin, Draft: stores.StaffDraft{Place: m.Place, Name: m.Name, Role: m.Role}})
	})
}

func (s *Server) handleMemberSwitch(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		off := c.FormValue("to") == "off"
		if err := s.Stores.SwitchStaff(c.UserContext(), who.keeper(c), m.ID, off); err != nil {
			return err
		}
		s.flash(c, "success", switched(off))
		return seeOther(c, admin.MemberPath(m.ID))
	})
}

func (s *Server) handleMemberRevoke(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		n, err := s.Stores.RevokeSessions(c.UserContext(), who.keeper(c), m.ID)
		if err != nil {
			return err
		}
		s.flash(c, "success", "stores.done.revoked", "count", n)
		return seeOther(c, admin.MemberPath(m.ID))
	})
}

// handleMemberBind makes a link for the member's own WeChat, shown in this answer only.
func (s *Server) handleMemberBind(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		token, _, err := s.Stores.BindLink(c.UserContext(), who.keeper(c), m.ID)
		if err != nil {
			return err
		}
		v := &admin.Member{Staff: m, BindLink: s.PublicURL + "/s/bind/" + token, Draft: stores.StaffDraft{Place: m.Place, Name: m.Name, Role: m.Role}}
		if v.BindQR, err = ui.LinkQR(v.BindLink); err != nil {
			return err
		}
		return s.showMember(c, who, fiber.StatusOK, ui.Errors{}, v)
	})
}

func (s *Server) handleMemberUnbind(c *fiber.Ctx, who *signedIn) error {
	return s.withMember(c, func(m stores.Staff) error {
		if err := s.Stores.Unbind(c.UserContext(), who.keeper(c), m.ID); err != nil {
			return err
		}
		s.flash(c, "success", "stores.done.unbound")
		return seeOther(c, admin.MemberPath(m.ID))
	})
}
