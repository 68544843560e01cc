package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/reach"
	"kaquan/views/admin"
	"kaquan/views/ui"
	"kaquan/wechat"
)

// reachLimit is how long a page waits for WeChat.
const reachLimit = 15 * time.Second

// reachTable are the pages about the chat, the menu, scene codes and cards at WeChat.
func (s *Server) reachTable() []adminRoute {
	if s.Reach == nil {
		return nil
	}
	return []adminRoute{
		{get, "/admin/reach", people.AccountRead, s.handleRules},
		{get, "/admin/reach/rules/new", people.AccountWrite, s.handleRuleNew},
		{post, "/admin/reach/rules/new", people.AccountWrite, s.handleRuleSave},
		{get, "/admin/reach/rules/:id", people.AccountWrite, s.handleRuleEdit},
		{post, "/admin/reach/rules/:id", people.AccountWrite, s.handleRuleSave},
		{post, "/admin/reach/rules/:id/switch", people.AccountWrite, s.handleRuleSwitch},
		{post, "/admin/reach/rules/:id/delete", people.AccountWrite, s.handleRuleDelete},
		{get, "/admin/reach/pictures/:id", people.AccountRead, s.handleReplyPicture},
		{get, "/admin/reach/menu", people.AccountRead, s.handleMenu},
		{post, "/admin/reach/menu", people.AccountWrite, s.handleMenuSave},
		{post, "/admin/reach/menu/publish", people.AccountWrite, s.handleMenuPublish},
		{post, "/admin/reach/menu/load", people.AccountWrite, s.handleMenuLoad},
		{post, "/admin/reach/menu/delete", people.AccountWrite, s.handleMenuDelete},
		{get, "/admin/reach/scenes", people.AccountRead, s.handleScenes},
		{post, "/admin/reach/scenes", people.AccountWrite, s.handleSceneNew},
		{post, "/admin/reach/scenes/delete", people.AccountWrite, s.handleSceneDelete},
		{get, "/admin/cards", people.AccountRead, s.handleCards},
		{get, "/admin/cards/options", people.AccountRead, s.handleCardOptions},
		{post, "/admin/cards/stock", people.AccountWrite, s.handleCardStock},
	}
}

// reachOf is the frame of a page about the account that the request names, or the first.
func (s *Server) reachOf(c *fiber.Ctx, who *signedIn, nav, title string) (admin.Reach, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return admin.Reach{}, err
	}
	m := admin.Reach{
		Page: s.page(c, who, nav, title), Accounts: accountOptions(accounts), CanWrite: who.can(people.AccountWrite),
		Zone: campaigns.Shanghai(), Now: s.Now(),
	}
	m.Account, err = pickAccount(accounts, c.Query("account"))
	return m, err
}

func pickAccount(accounts []campaigns.Account, asked string) (string, error) {
	if asked == "" && len(accounts) > 0 {
		return string(accounts[0].ID), nil
	}
	if asked != "" && !slices.ContainsFunc(accounts, func(a campaigns.Account) bool { return string(a.ID) == asked }) {
		return "", campaigns.ErrAccountNotFound
	}
	return asked, nil
}

// reachAccount is the account that a write is about; there must be one.
func (s *Server) reachAccount(c *fiber.Ctx) (string, error) {
	accounts, err := s.Accounts.Accounts(c.UserContext())
	if err != nil {
		return "", err
	}
	account, err := pickAccount(accounts, c.Query("account"))
	if err == nil && account == "" {
		err = campaigns.ErrAccountNotFound
	}
	return account, err
}

func forAccount(path, account string) string { return path + "?account=" + account }

// asking bounds the calls that a request makes to WeChat.
func asking(c *fiber.Ctx) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.UserContext(), reachLimit)
}

// fromWeChat reports whether an error is WeChat's, or of the way to it.
func fromWeChat(err error) bool {
	var (
		api     *wechat.APIError
		network *wechat.NetworkError
		answer  *wechat.AnswerError
	)
	return errors.As(err, &api) || errors.As(err, &network) || errors.As(err, &answer) || errors.Is(err, context.DeadlineExceeded)
}

// wechatWords is WeChat's refusal as a sentence with its code.
func wechatWords(ctx context.Context, err error) string {
	sentence := i18n.T(ctx, wechat.Meaning(err))
	var e *wechat.APIError
	if errors.As(err, &e) {
		return i18n.T(ctx, "reach.wechat_says", "sentence", sentence, "code", e.Code)
	}
	return sentence
}

// told shows WeChat's refusal, or a state that does not allow it, on the page at path.
// Other errors stay errors.
func (s *Server) told(c *fiber.Ctx, err error, path string) error {
	all := fault.All(err)
	switch {
	case len(all) > 0 && (all[0].Code == fault.Conflict || all[0].Code == fault.Invalid):
		s.flashText(c, "danger", sentence(c.UserContext(), all[0]))
	case fromWeChat(err):
		s.Log.Warn("WeChat refused", "path", c.Path(), "err", err)
		s.flashText(c, "danger", wechatWords(c.UserContext(), err))
	default:
		return err
	}
	return seeOther(c, path)
}

// record writes to the audit what the person did about an account's chat.
func (s *Server) record(c *fiber.Ctx, who *signedIn, action, account string, detail map[string]any) error {
	return s.People.Record(c.UserContext(), who.Person, s.clientIP(c), action, "account", account, detail)
}

// handleRules lists the rules.
func (s *Server) handleRules(c *fiber.Ctx, who *signedIn) error {
	frame, err := s.reachOf(c, who, "reach", "reach.title")
	if err != nil {
		return err
	}
	m := &admin.Rules{Reach: frame, Campaigns: map[int64]string{}}
	if m.Account != "" {
		if m.Rules, err = s.Reach.Rules(c.UserContext(), m.Account); err != nil {
			return err
		}
		list, err := s.Campaigns.Campaigns(c.UserContext(), campaigns.CampaignFilter{Account: campaigns.AccountID(m.Account)})
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].Status != campaigns.StatusDraft {
				m.Campaigns[int64(list[i].ID)] = list[i].Name
			}
		}
	}
	return render(c, fiber.StatusOK, admin.RulesPage(m))
}

func (s *Server) handleRuleNew(c *fiber.Ctx, who *signedIn) error {
	return s.ruleForm(c, who, fiber.StatusOK, &admin.RuleForm{
		Trigger: string(reach.OnKeyword), Kind: string(reach.SayText), Priority: "50", Enabled: true,
	})
}

func (s *Server) handleRuleEdit(c *fiber.Ctx, who *signedIn) error {
	r, err := s.rule(c)
	if err != nil {
		return err
	}
	f := &admin.RuleForm{
		ID: r.ID, Name: r.Name, Trigger: string(r.Trigger), Words: strings.Join(r.Words, "\n"), Kind: string(r.Kind), Text: r.Text,
		Channel: r.Channel, Title: r.Title, Detail: r.Detail, Image: r.Image, Priority: strconv.Itoa(r.Priority),
		Picture: strconv.FormatInt(r.Picture, 10), Contains: r.Contains, Enabled: r.Enabled,
	}
	if r.Campaign != 0 {
		f.Campaign = campaigns.ID(r.Campaign).String()
	}
	return s.ruleForm(c, who, fiber.StatusOK, f)
}

// rule is the one that the path names.
func (s *Server) rule(c *fiber.Ctx) (reach.Rule, error) {
	account, err := s.reachAccount(c)
	if err != nil {
		return reach.Rule{}, err
	}
	return s.Reach.Rule(c.UserContext(), account, pathNumber(c))
}

// pathNumber is the id in the path; 0, which nothing has, when it is no number.
func pathNumber(c *fiber.Ctx) int64 {
	id, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

func (s *Server) ruleForm(c *fiber.Ctx, who *signedIn, status int, f *admin.RuleForm) error {
	title := "reach.rules.new"
	if f.ID != 0 {
		title = "reach.rules.edit"
	}
	frame, err := s.reachOf(c, who, "reach", title)
	if err != nil {
		return err
	}
	if frame.Account == "" {
		return seeOther(c, "/admin/reach")
	}
	list, err := s.Campaigns.Campaigns(c.UserContext(), campaigns.CampaignFilter{Account: campaigns.AccountID(frame.Account)})
	if err != nil {
		return err
	}
	f.Reach, f.Campaigns = frame, []ui.Option{{Label: i18n.T(c.UserContext(), "common.none")}}
	for i := range list {
		f.Campaigns = append(f.Campaigns, ui.Option{Value: list[i].ID.String(), Label: list[i].Name})
	}
	return render(c, status, admin.RulePage(f))
}

// handleRuleSave checks and stores a rule; what was typed stays, whatever is wrong with it.
func (s *Server) handleRuleSave(c *fiber.Ctx, who *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	f := &admin.RuleForm{Errors: ui.Errors{}, Contains: c.FormValue("contains") != "", Enabled: c.FormValue("enabled") != ""}
	for name, value := range f.Fields() {
		*value = typed(c, name)
	}
	if c.Params("id") != "" {
		r, err := s.rule(c)
		if err != nil {
			return err
		}
		f.ID = r.ID
	}
	ctx, cancel := asking(c)
	defer cancel()
	r, problems := ruleOf(f)
	r.Account = account
	if err := s.sentPicture(c, f, &r); err != nil {
		problems = append(problems, fault.All(err)...)
		if len(problems) == 0 {
			return err
		}
	}
	id := r.ID
	if err = problems.OrNil(); err == nil {
		id, err = s.Reach.SaveRule(ctx, r)
	}
	if err != nil {
		status, ok := formErrors(c, f.Errors, err)
		if !ok || status >= fiber.StatusInternalServerError {
			return err
		}
		return s.ruleForm(c, who, status, f)
	}
	if err := s.record(c, who, "reach.rule.save", account, map[string]any{"rule": id, "trigger": r.Trigger, "kind": r.Kind, "enabled": r.Enabled}); err != nil {
		return err
	}
	s.flash(c, "success", "reach.done.rule")
	return seeOther(c, forAccount("/admin/reach", account))
}

// sentPicture keeps the picture of the form, which stays chosen if something else is wrong.
func (s *Server) sentPicture(c *fiber.Ctx, f *admin.RuleForm, r *reach.Rule) error {
	upload, err := c.FormFile("picture")
	if err != nil || upload.Filename == "" || r.Kind != reach.SayPicture {
		return nil // a form without a file is fine
	}
	content, err := readPicture(upload)
	if err != nil {
		return err
	}
	if r.Picture, err = s.Reach.AddPicture(c.UserContext(), r.Account, content); err != nil {
		return err
	}
	f.Picture = strconv.FormatInt(r.Picture, 10)
	return nil
}

// ruleOf parses the editor's fields. The rules themselves belong to reach.
func ruleOf(f *admin.RuleForm) (reach.Rule, fault.List) {
	var problems fault.List
	priority := 0
	if f.Priority != "" {
		n, err := strconv.Atoi(f.Priority)
		if err != nil {
			problems = append(problems, fault.New(fault.Invalid, "reach.error.priority", "max", reach.MaxPriority).On("priority"))
		}
		priority = n
	}
	r := reach.Rule{
		ID: f.ID, Name: f.Name, Trigger: reach.Trigger(f.Trigger), Contains: f.Contains, Kind: reach.Kind(f.Kind), Text: f.Text,
		Channel: f.Channel, Title: f.Title, Detail: f.Detail, Image: f.Image, Priority: priority, Enabled: f.Enabled,
	}
	for word := range strings.SplitSeq(f.Words, "\n") {
		if word = strings.TrimSpace(word); word != "" {
			r.Words = append(r.Words, word)
		}
	}
	if f.Campaign != "" {
		if r.Campaign = int64(campaigns.ParseID[campaigns.ID](f.Campaign)); r.Campaign == 0 {
			problems = append(problems, fault.New(fault.Invalid, "reach.error.campaign").On("campaign"))
		}
	}
	if id, err := strconv.ParseInt(f.Picture, 10, 64); err == nil && id > 0 {
		r.Picture = id
	}
	return r, problems
}

func (s *Server) handleRuleSwitch(c *fiber.Ctx, who *signedIn) error {
	r, err := s.rule(c)
	if err != nil {
		return err
	}
	on := c.FormValue("on") == "1"
	if err := s.Reach.SwitchRule(c.UserContext(), r.Account, r.ID, on); err != nil {
		return err
	}
	if err := s.record(c, who, "reach.rule.switch", r.Account, map[string]any{"rule": r.ID, "enabled": on}); err != nil {
		return err
	}
	s.flash(c, "success", map[bool]string{true: "reach.done.on", false: "reach.done.off"}[on])
	return seeOther(c, forAccount("/admin/reach", r.Account))
}

func (s *Server) handleRuleDelete(c *fiber.Ctx, who *signedIn) error {
	r, err := s.rule(c)
	if err != nil {
		return err
	}
	if err := s.Reach.DeleteRule(c.UserContext(), r.Account, r.ID); err != nil {
		return err
	}
	if err := s.record(c, who, "reach.rule.delete", r.Account, map[string]any{"rule": r.ID, "trigger": r.Trigger}); err != nil {
		return err
	}
	s.flash(c, "success", "reach.done.deleted")
	return seeOther(c, forAccount("/admin/reach", r.Account))
}

// handleReplyPicture shows an uploaded picture to those who may see the rules.
func (s *Server) handleReplyPicture(c *fiber.Ctx, _ *signedIn) error {
	account, err := s.reachAccount(c)
	if err != nil {
		return err
	}
	p, err := s.Reach.Picture(c.UserContext(), account, pathNumber(c))
	if err != nil {
		return err
	}
	// The type is one of two that AddPicture lets in, and browsers must not guess another.
	c.Set(fiber.HeaderContentType, p.Type())
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set(fiber.HeaderCacheControl, "private, max-age=3600")
	return c.Send(p.Content)
}
