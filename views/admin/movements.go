package admin

import (
	"context"

	"kaquan/i18n"
	"kaquan/stores"
	"kaquan/views/ui"
)

func (m *Log) next() string {
	if m.Rows.Next == "" {
		return ""
	}
	return m.At(MovementsPath, m.Query.pairs(m.Rows.Next)...)
}

// to is the other place of a transfer; nothing is chosen for the other kinds.
func (f *MoveForm) to(ctx context.Context, m *Shop) ui.Input {
	in := m.choice(ctx, "to", f.To, placeOptions(f.Places, 0, false, ui.Option{Label: "—"}))
	in.Required, in.Hint = false, i18n.T(ctx, "stores.move.transfer")
	return in
}

// fixed shows the article that the form is about.
func (f *MoveForm) fixed(ctx context.Context, m *Shop) ui.Input {
	in := m.input(ctx, "goods", f.Goods)
	in.Name, in.Required, in.Hint, in.Attrs = "goods_shown", false, "", map[string]any{"readonly": true}
	return in
}

func (m *CountView) open() bool { return m.CanWrite && m.Count.State == stores.CountOpen }

// scan is where a scanner types; the cursor waits in it.
func (m *CountView) scan(ctx context.Context) ui.Input {
	in := m.input(ctx, "goods", m.Goods)
	in.Attrs["autofocus"] = true
	return in
}
