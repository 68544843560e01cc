package admin

import (
	"context"

	"kaquan/i18n"
	"kaquan/views/ui"
)

// person is the field of somebody's name.
func (m *Shop) person(ctx context.Context, value string) ui.Input {
	in := m.input(ctx, "name", value)
	in.Label, in.Attrs = i18n.T(ctx, "stores.field.person"), attrs("maxlength", "30")
	return in
}

func (m *Staff) next() string {
	if m.Rows.Next == 0 {
		return ""
	}
	return m.At(StaffPath, "q", m.Search, "place", idText(m.Place), "after", m.Rows.Next.String())
}
