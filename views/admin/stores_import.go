package admin

import (
	"context"

	"kaquan/i18n"
	"kaquan/views/ui"
)

func (m *StoreImport) tab() string {
	if m.What == "stock" {
		return "movements"
	}
	return m.What
}

func (m *StoreImport) path() string { return m.Back + "/import" }

func (m *StoreImport) paste(ctx context.Context) ui.Input {
	return ui.Input{
		Name: "rows", Label: i18n.T(ctx, "stores.import.paste"), Type: "textarea", Rows: 6, Value: m.Rows, Errors: m.Errors.Of("rows"),
		Attrs: attrs("spellcheck", "false", "wrap", "off"),
	}
}
