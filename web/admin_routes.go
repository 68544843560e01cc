package web

import (
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
	"kaquan/views/admin"
)

// adminHandler answers a request of somebody who is signed in and may make it.
type adminHandler func(c *fiber.Ctx, who *signedIn) error

// adminRoute is a line of the admin's table. No permission means: anybody signed in.
type adminRoute struct {
	method, path string
	permission   people.Permission
	handle       adminHandler
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// adminTable is every page and write behind the sign-in, each with its permission.
func (s *Server) adminTable() []adminRoute {
	return []adminRoute{
		{get, "/admin", people.CampaignsRead, s.handleOverview},
		{get, "/admin/search", people.CampaignsRead, s.handleSearch},
		{post, "/admin/density", "", s.handleDensity},
		{post, "/admin/account", people.CampaignsRead, s.handleAccountSwitch},
		{post, "/admin/logout", "", s.handleSignOut},

		{get, "/admin/campaigns", people.CampaignsRead, s.handleCampaigns},
		{get, "/admin/campaigns.xlsx", people.CampaignsRead, s.handleCampaignStats("xlsx")},
		{get, "/admin/campaigns.csv", people.CampaignsRead, s.handleCampaignStats("csv")},
		{post, "/admin/campaigns/bulk", people.CampaignsWrite, s.handleBulk},
		{post, "/admin/campaigns/undo/:undo", people.CampaignsWrite, s.handleUndo},
		{post, "/admin/campaigns/views", people.CampaignsRead, s.handleViewSave},
		{post, "/admin/campaigns/views/:view", people.CampaignsRead, s.handleViewChange},
		{get, "/admin/campaigns/new", people.CampaignsWrite, s.handleCampaignNew},
		{post, "/admin/campaigns/new", people.CampaignsWrite, s.handleCampaignCreate},
		{get, "/admin/campaigns/:id", people.CampaignsRead, s.handleCampaign},
		{get, "/admin/campaigns/:id/edit", people.CampaignsWrite, s.handleCampaignEdit},
		{post, "/admin/campaigns/:id/edit", people.CampaignsWrite, s.handleCampaignSave},
		{get, "/admin/campaigns/:id/edit/page", people.CampaignsWrite, s.handleEditorPage},
		{post, "/admin/campaigns/:id/pictures", people.CampaignsWrite, s.handlePictureUpload},
		{post, "/admin/campaigns/:id/webhook", people.CampaignsWrite, s.handleWebhook},
		{post, "/admin/campaigns/:id/preview/words", people.CampaignsWrite, s.handleWords},
		{post, "/admin/campaigns/:id/check", people.CampaignsWrite, s.handleFieldCheck},
		{get, "/admin/campaigns/:id/versions", people.CampaignsRead, s.handleVersions},
		{post, "/admin/campaigns/:id/versions/:v/restore", people.CampaignsWrite, s.handleVersionRestore},
		{post, "/admin/campaigns/:id/versions/:v/copy", people.CampaignsWrite, s.handleVersionCopy},
		{get, "/admin/campaigns/:id/preview", people.CampaignsRead, s.handlePreview},
		{get, "/admin/campaigns/:id/preview/page", people.CampaignsRead, s.handlePreviewPage},
		{get, "/admin/campaigns/:id/preflight", people.CampaignsWrite, s.handlePreflight},
		{post, "/admin/campaigns/:id/publish", people.CampaignsWrite, s.handleCampaignPublish},
		{post, "/admin/campaigns/:id/pause", people.CampaignsWrite, s.handleCampaignChange(campaigns.BulkPause)},
		{post, "/admin/campaigns/:id/resume", people.CampaignsWrite, s.handleCampaignChange(campaigns.BulkResume)},
		{post, "/admin/campaigns/:id/end", people.CampaignsWrite, s.handleCampaignChange(campaigns.BulkEnd)},
		{post, "/admin/campaigns/:id/archive", people.CampaignsWrite, s.handleCampaignChange(campaigns.BulkArchive)},
		{post, "/admin/campaigns/:id/copy", people.CampaignsWrite, s.handleCampaignCopy},
		{get, "/admin/campaigns/:id/rehearsal", people.CampaignsWrite, s.handleRehearsal},
		{post, "/admin/campaigns/:id/rehearsal", people.CampaignsWrite, s.handleRehearse},
		{post, "/admin/campaigns/:id/template", people.CampaignsWrite, s.handleTemplateSave},
		{post, "/admin/campaigns/:id/delete", people.CampaignsWrite, s.handleDraftDelete},
		{post, "/admin/templates/:id/delete", people.CampaignsWrite, s.handleTemplateDelete},

		{get, "/admin/claims", people.ClaimsRead, s.handleClaims},
		{get, "/admin/claims/:id", people.ClaimsRead, s.handleClaim},
		{post, "/admin/claims/:id/reveal", people.ClaimsReveal, s.handleReveal},
		{post, "/admin/claims/:id/void", people.ClaimsWrite, s.handleVoid},
		{post, "/admin/claims/:id/block", people.ClaimsWrite, s.handleBlock},
		{post, "/admin/claims/bulk", people.ClaimsWrite, s.handleClaimsBulk},
		{post, "/admin/claims/unblock", people.ClaimsWrite, s.handleUnblock},
		{get, "/admin/exports", people.ClaimsExport, s.handleExports},
		{post, "/admin/exports", people.ClaimsExport, s.handleExportStart},
		{get, "/admin/exports/tray", people.ClaimsExport, s.handleExportTray},
		{post, "/admin/exports/:id/cancel", people.ClaimsExport, s.handleExportCancel},
		{post, "/admin/exports/:id/retry", people.ClaimsExport, s.handleExportRetry},
		{get, "/admin/exports/:id/file", people.ClaimsExport, s.handleExportFile},

		{get, "/admin/events", people.AccountRead, s.handleEvents},
		{get, "/admin/events/reconcile", people.AccountRead, s.handleReconcile},
		{post, "/admin/events/reconcile", people.AccountWrite, s.handleReconcileNow},
		{get, "/admin/events/:id", people.AccountRead, s.handleEvent},
		{post, "/admin/events/:id/reveal", people.ClaimsReveal, s.handleEventReveal},
		{post, "/admin/events/:id/reprocess", people.AccountWrite, s.handleReprocess},

		{get, "/admin/accounts", people.AccountRead, s.handleAccounts},
		{get, "/admin/accounts/:id", people.AccountWrite, s.handleAccountEdit},
		{post, "/admin/accounts/:id", people.AccountWrite, s.handleAccountSave},
		{get, "/admin/accounts/:id/mini", people.AccountWrite, s.handleMini},
		{post, "/admin/accounts/:id/mini", people.AccountWrite, s.handleMiniSave},
		{post, "/admin/accounts/:id/mini/check", people.AccountWrite, s.handleMiniCheck},
		{post, "/admin/accounts/:id/mini/remove", people.AccountWrite, s.handleMiniRemove},
		{get, "/admin/health", people.AccountRead, s.handleHealthBoard},
		{get, "/admin/health/live", people.AccountRead, s.handleHealthLive},
		{post, "/admin/health/recheck", people.AccountWrite, s.handleRecheck},
		{get, "/admin/health/signatures", people.AccountRead, s.handleSignatures},
		{get, "/admin/files", people.AccountWrite, s.handleFiles},
		{post, "/admin/files", people.AccountWrite, s.handleFileSave},
		{post, "/admin/files/:name/delete", people.AccountWrite, s.handleFileDelete},
		{get, "/admin/tokens", people.AccountRead, s.handleTokens},
		{post, "/admin/tokens/:account/:kind/refresh", people.AccountWrite, s.handleTokenRefresh},

		{get, admin.AuditPath, people.PeopleManage, s.handleAudit},
		{get, admin.AuditPath + ".csv", people.PeopleManage, s.handleAuditExport},

		{get, "/admin/api", people.APITokens, s.handleAPITokens},
		{post, "/admin/api", people.APITokens, s.handleAPITokenNew},
		{post, "/admin/api/:id/revoke", people.APITokens, s.handleAPITokenRevoke},
	}
}

// wholeTable is the table with those of the pages that have one of their own.
func (s *Server) wholeTable() []adminRoute {
	return slices.Concat(s.adminTable(), s.peopleTable(), s.ruleTable(), s.reachTable(), s.channelTable(), s.storesTable(), s.moneyTable(), s.redemptionTable())
}

// adminRoutes registers the way in, which needs nobody signed in, and the table. Every
// write below /admin, the sign-in included, is refused when another site started it.
func (s *Server) adminRoutes() {
	admin := s.app.Group("/admin", s.sameOrigin)
	admin.Get("/setup", s.handleSetup)
	admin.Post("/setup", s.handleSetupDone)
	admin.Get("/login", s.handleSignIn)
	admin.Post("/login", s.handleSignInDone)
	admin.Get("/login/link", s.handleLink)
	admin.Post("/login/link", s.handleLinkDone)
	admin.Get("/login/code", s.handleCode)
	admin.Post("/login/code", s.handleCodeDone)
	admin.Get("/login/password", s.handlePasswordLink)
	admin.Post("/login/password", s.handlePasswordLinkDone)
	admin.Post("/language", s.handleLanguage)
	admin.Post("/theme", s.handleTheme)
	for _, r := range s.wholeTable() {
		s.app.Add(r.method, r.path, s.admin(r.permission, r.handle))
	}
}
