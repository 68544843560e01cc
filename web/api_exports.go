package web

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/people"
)

type (
	apiExport struct {
		ID      string                 `json:"id"`
		Kind    campaigns.ExportKind   `json:"kind"`
		Format  campaigns.ExportFormat `json:"format"`
		State   campaigns.ExportState  `json:"state"`
		Columns []string               `json:"columns"`
		Masked  bool                   `json:"masked"`
		Rows    int64                  `json:"rows"`
		Total   int64                  `json:"total"` // 0 = not known
		Size    int64                  `json:"size"`
		SHA256  string                 `json:"sha256,omitempty"`

		Problem campaigns.ExportProblem `json:"problem,omitempty"`

		CreatedAt string `json:"created_at"`
		DoneAt    string `json:"done_at,omitempty"`
		ExpiresAt string `json:"expires_at,omitempty"`
		File      string `json:"file,omitempty"`
	}
	apiExportNew struct {
		Account string                 `json:"account"`
		Kind    campaigns.ExportKind   `json:"kind"`
		Format  campaigns.ExportFormat `json:"format"`
		Columns []string               `json:"columns"` // null = all
		Masked  bool                   `json:"masked"`  // also for a token that may see everything
		Hours   int                    `json:"keep_hours"`
		Reason  string                 `json:"reason"`
		Filter  struct {
			Campaign string                 `json:"campaign"`
			States   []campaigns.ClaimState `json:"states"`
			Channel  string                 `json:"channel"`
			From     time.Time              `json:"from"`
			To       time.Time              `json:"to"`
			Search   string                 `json:"q"`
		} `json:"filter"`
	}
)

func apiExportOf(e *campaigns.Export) apiExport {
	one := apiExport{
		ID: e.ID, Kind: e.Kind, Format: e.Format, State: e.State, Masked: e.Masked, Rows: e.Rows, Total: e.Total, Size: e.Size, SHA256: e.SHA256,
		Columns: e.Columns, Problem: e.Problem,
		CreatedAt: stamp(e.CreatedAt), DoneAt: stamp(e.DoneAt), ExpiresAt: stamp(e.ExpiresAt),
	}
	if one.Columns == nil {
		for _, c := range campaigns.ExportColumns(e.Kind) {
			one.Columns = append(one.Columns, c.Name)
		}
	}
	if e.State == campaigns.ExportReady {
		one.File = "/api/v1/exports/" + e.ID + "/file"
	}
	return one
}

// exportScopes are what a token needs besides, to read what the file holds.
var exportScopes = map[campaigns.ExportKind]people.Scope{
	campaigns.ExportClaims: people.ScopeClaims, campaigns.ExportUsers: people.ScopeUsers, campaigns.ExportCampaigns: people.ScopeCampaigns,
}

// exportNew begins to make a file; the program asks for it until it is ready.
func (a *api) exportNew(c *fiber.Ctx, who *people.APIAccess) error {
	body := apiExportNew{Format: campaigns.ExportXLSX}
	if err := decode(c, &body); err != nil {
		return err
	}
	account, err := a.knownOf(c, who, cmp.Or(body.Account, c.Query("account")))
	if err != nil {
		return err
	}
	if scope, known := exportScopes[body.Kind]; known && !who.Has(scope) {
		return a.refuse(c, who, errAPIScope)
	}
	filter := campaigns.ExportFilter{States: body.Filter.States, Channel: oneLine(body.Filter.Channel, 64), From: body.Filter.From, To: body.Filter.To}
	for _, state := range body.Filter.States {
		if !slices.Contains(campaigns.ClaimStates, state) {
			return badFilter("filter.states")
		}
	}
	for name, t := range map[string]time.Time{"filter.from": filter.From, "filter.to": filter.To} {
		if !t.IsZero() && (t.Year() < 2000 || t.Year() > 2099) {
			return badFilter(name)
		}
	}
	if body.Filter.Campaign != "" {
		one, err := a.Campaigns.Campaign(c.UserContext(), campaigns.ParseID[campaigns.ID](body.Filter.Campaign))
		if err == nil && one.Account != account {
			err = campaigns.ErrCampaignNotFound
		}
		if err != nil {
			return err
		}
		filter.Campaign = one.ID
	}
	var e campaigns.Export
	err = a.startExport(c.UserContext(), exportWish{search: oneLine(body.Filter.Search, 64), Export: campaigns.Export{
		Account: account, Kind: body.Kind, Format: body.Format, Reason: body.Reason, Filter: filter, Columns: body.Columns,
		Masked: body.Masked || !who.Has(people.ScopeReveal), Life: keepHours(body.Hours),
		Owner: campaigns.ExportOwner{Kind: "api_token", ID: who.ID, Name: who.Name},
	}}, func(made *campaigns.Export) error {
		e = *made
		actor, detail := people.Person{ID: people.ID(who.ID), Name: who.Name}, exportDetail(made)
		detail["by"] = "api_token"
		return a.People.Record(context.WithoutCancel(c.UserContext()), actor, a.clientIP(c), "claims.export", "export", made.ID, detail)
	})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, "/api/v1/exports/"+e.ID)
	return sendJSON(c, fiber.StatusAccepted, apiExportOf(&e))
}

// exportMine is the export of the path; a token sees only its own.
func (a *api) exportMine(c *fiber.Ctx, who *people.APIAccess) (campaigns.Export, error) {
	e, err := a.Campaigns.Export(c.UserContext(), c.Params("id"))
	if err == nil && (e.Owner.Kind != "api_token" || e.Owner.ID != who.ID) {
		err = campaigns.ErrNoExport
	}
	return e, err
}

func (a *api) export(c *fiber.Ctx, who *people.APIAccess) error {
	e, err := a.exportMine(c, who)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, apiExportOf(&e))
}

// exportFile hands the file out, and writes down to whom.
func (a *api) exportFile(c *fiber.Ctx, who *people.APIAccess) error {
	e, err := a.exportMine(c, who)
	if err == nil && e.Exposes() && !who.Has(people.ScopeReveal) {
		err = a.refuse(c, who, errAPIScope)
	}
	if err != nil {
		return err
	}
	return a.sendExport(c, &e, who.Name, func() error {
		actor := people.Person{ID: people.ID(who.ID), Name: who.Name}
		return a.People.Record(c.UserContext(), actor, a.clientIP(c), "exports.download", "export", e.ID, map[string]any{"by": "api_token", "kind": e.Kind, "rows": e.Rows, "masked": e.Masked})
	})
}
