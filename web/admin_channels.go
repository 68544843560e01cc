package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/views/admin"
	"kaquan/views/ui"
)

// channelTable is every page and write about the channels of a campaign. One channel stands
// below /channel/ so that no code can take the name of a page.
func (s *Server) channelTable() []adminRoute {
	const list, one = "/admin/campaigns/:id/channels", "/admin/campaigns/:id/channel/:code"
	return []adminRoute{
		{get, list, people.CampaignsRead, s.handleChannels},
		{post, list, people.CampaignsWrite, s.handleChannelAdd},
		{post, list + "/import", people.CampaignsWrite, s.handleChannelImport},
		{get, list + "/print", people.CampaignsRead, s.handlePosterSheet},
		{get, list + ".xlsx", people.CampaignsRead, s.handleChannelExport},
		{get, one, people.CampaignsRead, s.handleChannel},
		{post, one, people.CampaignsWrite, s.handleChannelEdit},
		{post, one + "/switch", people.CampaignsWrite, s.handleChannelSwitch},
		{post, one + "/delete", people.CampaignsWrite, s.handleChannelDelete},
		{get, one + "/qr.png", people.CampaignsRead, s.handleChannelPNG},
		{get, one + "/qr.svg", people.CampaignsRead, s.handleChannelSVG},
		{get, one + "/poster", people.CampaignsRead, s.handlePoster},
	}
}

// handleChannels lists a campaign's channels.
func (s *Server) handleChannels(c *fiber.Ctx, who *signedIn) error {
	return s.showChannels(c, who, fiber.StatusOK, &admin.ChannelList{Draft: campaigns.ChannelDraft{Code: channelOf(c.Query("code"))}})
}

func (s *Server) showChannels(c *fiber.Ctx, who *signedIn, status int, m *admin.ChannelList) error {
	campaign, all, err := s.channels(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	if m.Loose, err = s.Campaigns.LooseChannels(ctx, campaign.ID); err != nil {
		return err
	}
	m.Page = s.page(c, who, "campaigns", "channels.title")
	m.Campaign, m.Now, m.CanWrite, m.All = campaign, s.Campaigns.Now(), who.can(people.CampaignsWrite), len(all)
	m.Search, m.Sort = oneLine(c.Query("q"), 60), c.Query("sort")
	for i := range all {
		m.Scans, m.Claims, m.Cost = m.Scans+all[i].Scans, m.Claims+all[i].Claims, m.Cost+all[i].Cost
		if all[i].Quiet(campaign, m.Now) {
			m.Quiet++
		}
	}
	search := strings.ToLower(m.Search)
	found := slices.DeleteFunc(all, func(r campaigns.ChannelStats) bool {
		return search != "" && !strings.Contains(strings.ToLower(r.Name+"\n"+r.Note+"\n"+r.Code), search) ||
			m.Sort == "quiet" && !r.Quiet(campaign, m.Now)
	})
	sortChannels(found, m.Sort)
	m.Found = len(found)
	m.From = pageStart(c, admin.ChannelStep, len(found))
	m.To = min(len(found), m.From+admin.ChannelStep)
	m.Rows = found[m.From:m.To]
	if m.Errors == nil {
		m.Errors = ui.Errors{}
	}
	return render(c, status, admin.ChannelsPage(m))
}

// pageStart is the first row of the page that from asks for, 0 for one that is not there.
func pageStart(c *fiber.Ctx, step, rows int) int {
	from, _ := strconv.Atoi(c.Query("from"))
	if from = from / step * step; from < 0 || from >= rows {
		return 0
	}
	return from
}

// sortChannels puts the most of something first; the newest stay first among equals.
func sortChannels(list []campaigns.ChannelStats, by string) {
	value := map[string]func(*campaigns.ChannelStats) int64{
		"scans":  func(r *campaigns.ChannelStats) int64 { return r.Scans },
		"claims": func(r *campaigns.ChannelStats) int64 { return r.Claims },
		"rate":   func(r *campaigns.ChannelStats) int64 { permille, _ := r.ClaimRate(); return permille },
		"unit":   func(r *campaigns.ChannelStats) int64 { fen, _ := r.CostPerClaim(); return fen },
	}[by]
	if value != nil {
		slices.SortStableFunc(list, func(a, b campaigns.ChannelStats) int { return cmp.Compare(value(&b), value(&a)) })
	}
}

func typedChannel(c *fiber.Ctx) campaigns.ChannelDraft {
	return campaigns.ChannelDraft{Name: typed(c, "name"), Code: typed(c, "code"), Note: typed(c, "note"), Cost: typed(c, "cost")}
}

// handleChannelAdd stores one typed channel and shows it.
func (s *Server) handleChannelAdd(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	d := typedChannel(c)
	added, err := s.Campaigns.AddChannel(c.UserContext(), who.actor(c), campaign.ID, d)
	if err != nil {
		m := &admin.ChannelList{Draft: d, Errors: ui.Errors{}}
		status, ok := formErrors(c, m.Errors, err)
		if !ok || status >= fiber.StatusInternalServerError {
			return err
		}
		return s.showChannels(c, who, status, m)
	}
	s.flash(c, "success", "channels.done.add", "name", added.Name)
	return seeOther(c, admin.ChannelPath(&added))
}

// handleChannelImport stores a pasted list or a file. When rows are wrong nothing is stored:
// the rows come back in the text field, with what is wrong above them.
func (s *Server) handleChannelImport(c *fiber.Ctx, who *signedIn) error {
	campaign, err := s.campaign(c)
	if err != nil {
		return err
	}
	m := &admin.ChannelList{Pasted: strings.ReplaceAll(strings.ToValidUTF8(c.FormValue("rows"), ""), "\r\n", "\n"), Errors: ui.Errors{}}
	rows, err := sentRows(c, m.Pasted)
	var added, skipped int
	if err == nil {
		drafts := channelDrafts(rows)
		if len(drafts) == 0 {
			err = fault.New(fault.Invalid, "channels.error.no_rows").On("rows")
		} else {
			added, skipped, err = s.Campaigns.ImportChannels(c.UserContext(), who.actor(c), campaign.ID, drafts)
		}
	}
	var wrong campaigns.RowErrors
	switch {
	case err == nil:
		s.flash(c, "success", "channels.done.import", "added", added, "skipped", skipped)
		return seeOther(c, admin.ChannelsPath(campaign))
	case errors.As(err, &wrong):
		m.RowErrors, m.Pasted = wrong, rowsAsText(rows)
		return s.showChannels(c, who, fiber.StatusUnprocessableEntity, m)
	}
	status, ok := formErrors(c, m.Errors, err)
	if !ok || status >= fiber.StatusInternalServerError {
		return err
	}
	return s.showChannels(c, who, status, m)
}

const channelColumns = 4

// sentRows are the rows of the uploaded file, else of the pasted text; one more than the
// limit, since a header is none of them.
func sentRows(c *fiber.Ctx, pasted string) ([][]string, error) {
	if upload, err := c.FormFile("file"); err == nil && upload.Filename != "" {
		file, err := upload.Open()
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		content, err := io.ReadAll(file) // the server's body limit bounds it
		if err != nil {
			return nil, err
		}
		return sheets.Read(content, campaigns.MaxChannelRows+1, channelColumns)
	}
	rows, err := sheets.ReadText(pasted, campaigns.MaxChannelRows+1, channelColumns)
	if all := fault.All(err); len(all) > 0 {
		return nil, all[0].On("rows")
	}
	return rows, err
}

// channelHeaders are words that people put above the columns.
var channelHeaders = map[string]string{
	"名称": "name", "渠道": "name", "渠道名称": "name", "门店": "name", "门店名称": "name", "店名": "name", "name": "name", "channel": "name", "store": "name",
	"费用": "cost", "成本": "cost", "投放费用": "cost", "费用（元）": "cost", "费用(元)": "cost", "cost": "cost",
	"代码": "code", "渠道代码": "code", "编码": "code", "code": "code", "备注": "note", "说明": "note", "note": "note",
}

// channelDrafts reads rows of name, cost, code and note, in that order or in that of a
// header. Rows count from 1, as spreadsheets do.
func channelDrafts(rows [][]string) []campaigns.ChannelDraft {
	order := []string{"name", "cost", "code", "note"}
	var drafts []campaigns.ChannelDraft
	for i, cells := range rows {
		if len(cells) == 0 {
			continue
		}
		if len(drafts) == 0 {
			if header := headerOf(cells); header != nil {
				order = header
				continue
			}
		}
		d := campaigns.ChannelDraft{Row: i + 1}
		into := map[string]*string{"name": &d.Name, "cost": &d.Cost, "code": &d.Code, "note": &d.Note}
		for j, cell := range cells[:min(len(cells), len(order))] {
			*into[order[j]] = cell
		}
		drafts = append(drafts, d)
	}
	return drafts
}

// headerOf are the columns of a header, nil when the row is none: every cell must be a known
// word, one of them the name.
func headerOf(cells []string) []string {
	var order []string
	for _, cell := range cells {
		name := channelHeaders[strings.ToLower(cell)]
		if name == "" {
			return nil
		}
		order = append(order, name)
	}
	if !slices.Contains(order, "name") {
		return nil
	}
	return order
}

// rowsAsText puts a table into the text field, a line for each row.
func rowsAsText(rows [][]string) string {
	var b strings.Builder
	for _, cells := range rows {
		for i, cell := range cells {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(strings.Join(strings.Fields(cell), " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// channel is the one that the path names, with its campaign.
func (s *Server) channel(c *fiber.Ctx) (*campaigns.Campaign, campaigns.ChannelStats, error) {
	campaign, err := s.campaign(c)
	if err != nil {
		return nil, campaigns.ChannelStats{}, err
	}
	channel, err := s.Campaigns.Channel(c.UserContext(), campaign.ID, c.Params("code"))
	return campaign, channel, err
}

// channelLink is what a printed code of a channel says: the short link, which can be turned
// off and leads on when the campaign's link changes, or the full one, which needs no second
// request. Both are plain ASCII.
func (s *Server) channelLink(campaign *campaigns.Campaign, channel *campaigns.Channel, full bool) string {
	if full {
		return s.visitorLink(campaign.Slug) + "?ch=" + url.QueryEscape(channel.Code) + "&" + scannedMark + "=1"
	}
	return s.PublicURL + "/q/" + channel.Short
}

func fullLink(c *fiber.Ctx) bool { return c.Query("link") == "full" }

// handleChannel shows a channel with its code, links and numbers.
func (s *Server) handleChannel(c *fiber.Ctx, who *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	return s.showChannel(c, who, fiber.StatusOK, &admin.ChannelView{Campaign: campaign, Channel: channel, Draft: campaigns.ChannelDraft{
		Name: channel.Name, Note: channel.Note, Cost: admin.YuanInput(channel.Cost),
	}})
}

func (s *Server) showChannel(c *fiber.Ctx, who *signedIn, status int, m *admin.ChannelView) (err error) {
	m.Page = s.page(c, who, "campaigns", "channels.title")
	m.Page.Title = m.Channel.Name
	m.Now, m.CanWrite, m.Full = s.Campaigns.Now(), who.can(people.CampaignsWrite), fullLink(c)
	m.Link = s.channelLink(m.Campaign, &m.Channel.Channel, m.Full)
	if m.QR, err = ui.LinkQR(m.Link); err != nil {
		return err
	}
	if m.Days, err = s.Campaigns.ScanDays(c.UserContext(), &m.Channel.Channel, 14); err != nil {
		return err
	}
	if m.Errors == nil {
		m.Errors = ui.Errors{}
	}
	return render(c, status, admin.ChannelPage(m))
}

// handleChannelEdit changes name, note and cost.
func (s *Server) handleChannelEdit(c *fiber.Ctx, who *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	d := typedChannel(c)
	if err := s.Campaigns.EditChannel(c.UserContext(), who.actor(c), campaign.ID, channel.Code, d); err != nil {
		m := &admin.ChannelView{Campaign: campaign, Channel: channel, Draft: d, Errors: ui.Errors{}}
		status, ok := formErrors(c, m.Errors, err)
		if !ok || status != fiber.StatusUnprocessableEntity {
			return err
		}
		return s.showChannel(c, who, status, m)
	}
	s.flash(c, "success", "channels.done.edit")
	return seeOther(c, admin.ChannelPath(&channel.Channel))
}

// handleChannelSwitch turns a channel off or on.
func (s *Server) handleChannelSwitch(c *fiber.Ctx, who *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	off, done := c.FormValue("to") == "off", "channels.done.on"
	if off {
		done = "channels.done.off"
	}
	if err := s.Campaigns.SwitchChannel(c.UserContext(), who.actor(c), campaign.ID, channel.Code, off); err != nil {
		return err
	}
	s.flash(c, "success", done, "name", channel.Name)
	return seeOther(c, admin.ChannelPath(&channel.Channel))
}

// handleChannelDelete removes a channel that nobody has claimed through.
func (s *Server) handleChannelDelete(c *fiber.Ctx, who *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	err = s.Campaigns.DeleteChannel(c.UserContext(), who.actor(c), campaign.ID, channel.Code)
	if errors.Is(err, campaigns.ErrChannelUsed) {
		s.flashText(c, "danger", i18n.T(c.UserContext(), campaigns.ErrChannelUsed.Key))
		return seeOther(c, admin.ChannelPath(&channel.Channel))
	}
	if err != nil {
		return err
	}
	s.flash(c, "success", "channels.done.delete", "name", channel.Name)
	return seeOther(c, admin.ChannelsPath(campaign))
}

// handleChannelPNG is the code as a picture of at most px pixels.
func (s *Server) handleChannelPNG(c *fiber.Ctx, _ *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	pixels, err := strconv.Atoi(c.Query("px", "600"))
	if err != nil || pixels < 64 || pixels > 4096 {
		pixels = 600
	}
	content, err := ui.QRPNG(s.channelLink(campaign, &channel.Channel, fullLink(c)), pixels)
	if err != nil {
		return err
	}
	return sendQR(c, "image/png", channel.Code+".png", content)
}

// handleChannelSVG is the code as a drawing for printers.
func (s *Server) handleChannelSVG(c *fiber.Ctx, _ *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	code, err := ui.LinkQR(s.channelLink(campaign, &channel.Channel, fullLink(c)))
	if err != nil {
		return err
	}
	return sendQR(c, "image/svg+xml", channel.Code+".svg", []byte(code.SVG()))
}

// sendQR hands out a picture, as a download when it is asked for so. Codes of channels are
// letters that need no quoting.
func sendQR(c *fiber.Ctx, kind, name string, content []byte) error {
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if c.Query("save") == "1" {
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="qr-`+name+`"`)
	}
	return c.Send(content)
}

// channels are the campaign of the request and its channels with their numbers.
func (s *Server) channels(c *fiber.Ctx) (*campaigns.Campaign, []campaigns.ChannelStats, error) {
	campaign, err := s.campaign(c)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.Campaigns.ChannelList(c.UserContext(), campaign.ID)
	return campaign, list, err
}

// handleChannelExport is the table as xlsx. It is small: five thousand rows at most.
func (s *Server) handleChannelExport(c *fiber.Ctx, who *signedIn) error {
	campaign, rows, err := s.channels(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	var file bytes.Buffer
	link := func(channel *campaigns.Channel) string { return s.channelLink(campaign, channel, false) }
	if _, err := sheets.Channels(ctx, &file, campaign, rows, link, s.Now()); err != nil {
		return err
	}
	if err := s.People.Record(ctx, who.Person, s.clientIP(c), "channels.export", "campaign", campaign.ID.String(), map[string]any{"rows": len(rows)}); err != nil {
		return err
	}
	name := i18n.T(ctx, "channels.file", "slug", string(campaign.Slug), "stamp", s.Now().In(campaign.Zone).Format("20060102_1504"))
	asSheet(c, "channels.xlsx", name)
	return c.Send(file.Bytes())
}

// posterTexts are the words of a poster: what the address says, else the campaign's own.
func posterTexts(c *fiber.Ctx, campaign *campaigns.Campaign) admin.PosterTexts {
	ctx := c.UserContext()
	text := func(name, usual string, limit int) string {
		if c.Context().QueryArgs().Has(name) {
			return oneLine(c.Query(name), limit)
		}
		return usual
	}
	base, ok := parseColour(campaign.Texts.Colour)
	if !ok {
		base = defaultTheme
	}
	return admin.PosterTexts{
		Headline: text("headline", campaign.Texts.Benefit, 24), Brand: text("brand", campaign.Texts.Brand, 24),
		Call:     text("call", i18n.T(ctx, "channels.poster.call_usual"), 24),
		Validity: text("validity", i18n.T(ctx, "channels.poster.until", "date", i18n.Date(ctx, campaign.EndsAt, campaign.Zone)), 40),
		Colour:   base.String(), DarkInk: contrast(base, white) < 4.5,
	}
}

// handlePoster is the composer of one channel's poster.
func (s *Server) handlePoster(c *fiber.Ctx, who *signedIn) error {
	campaign, channel, err := s.channel(c)
	if err != nil {
		return err
	}
	return render(c, fiber.StatusOK, admin.PosterPage(&admin.PosterView{
		Page: s.page(c, who, "campaigns", "channels.poster.title"), Campaign: campaign, Channel: channel.Channel,
		Texts: posterTexts(c, campaign), Full: fullLink(c), Link: s.channelLink(campaign, &channel.Channel, fullLink(c)),
	}))
}

// handlePosterSheet is the print page with the posters of all channels, or of those that ch
// names. The browser prints it to paper or to a PDF.
func (s *Server) handlePosterSheet(c *fiber.Ctx, who *signedIn) error {
	campaign, all, err := s.channels(c)
	if err != nil {
		return err
	}
	ctx := c.UserContext()
	m := &admin.PosterSheet{
		Page: s.page(c, who, "campaigns", "channels.print.title"), Campaign: campaign, Texts: posterTexts(c, campaign),
		Cards: c.Query("layout") == "cards", Full: fullLink(c),
	}
	chosen := map[string]bool{}
	for _, code := range c.Context().QueryArgs().PeekMulti("ch") {
		m.Chosen = append(m.Chosen, string(code))
		chosen[string(code)] = true
	}
	all = slices.DeleteFunc(all, func(r campaigns.ChannelStats) bool { return r.Disabled || len(chosen) > 0 && !chosen[r.Code] })
	slices.SortStableFunc(all, func(a, b campaigns.ChannelStats) int { return cmp.Compare(a.Name, b.Name) })
	m.Total = len(all)
	m.From = pageStart(c, admin.PosterStep, len(all))
	m.To = min(len(all), m.From+admin.PosterStep)
	if m.Posters, err = s.posters(ctx, campaign, all[m.From:m.To], m.Full); err != nil {
		return err
	}
	return render(c, fiber.StatusOK, admin.PosterSheetPage(m))
}

func (s *Server) posters(ctx context.Context, campaign *campaigns.Campaign, list []campaigns.ChannelStats, full bool) ([]admin.Poster, error) {
	posters := make([]admin.Poster, 0, len(list))
	for i := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		link := s.channelLink(campaign, &list[i].Channel, full)
		code, err := ui.LinkQR(link)
		if err != nil {
			return nil, err
		}
		posters = append(posters, admin.Poster{Name: list[i].Name, Link: link, QR: code})
	}
	return posters, nil
}
