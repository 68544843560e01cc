package admin

import "kaquan/campaigns"

// TemplateChoices are what a new campaign can start from.
type TemplateChoices struct {
	Chosen  string // "" = blank
	Samples []campaigns.Template
	Stored  []campaigns.Template
}

func (c TemplateChoices) path(id string) string {
	if id == "" {
		return "/admin/campaigns/new"
	}
	return "/admin/campaigns/new?template=" + id
}
