package admin

import (
	"time"

	"kaquan/views/layout"
	"kaquan/views/ui"
)

// ImportsView is the page that takes tables of people.
type ImportsView struct {
	Page              layout.Page
	Account, Campaign string
	Accounts          []ui.Option
	Campaigns         []ui.Option // that cards can be imported into
	Running           []ImportView
	Errors            ui.Errors
	Zone              *time.Location
}
