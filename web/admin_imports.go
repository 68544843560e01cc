package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/people"
	"kaquan/sheets"
	"kaquan/views/admin"
)

const (
	maxImportFile   = 16 << 20
	maxPeopleFile   = 48 << 20        // the addresses of pictures take most of it
	importReadLimit = 2 * time.Minute // of an upload over a slow line
	importLife      = time.Hour       // how long a report can be looked at
	maxImports      = 20              // that are kept
	importsAtOnce   = 2               // of those, that work
)

// Errors of imports.
var (
	errImportGone  = fault.New(fault.NotFound, "lists.error.import_gone")
	errImportsFull = fault.New(fault.Conflict, "lists.error.imports_full").On("file")
	errImportFile  = fault.New(fault.Invalid, "lists.error.file").On("file")
)

// imports keeps the files that are being looked at and stored. They live in memory alone:
// when the program stops, the same file again adds what is missing.
type imports struct {
	mu    sync.Mutex
	all   map[string]*importJob
	work  chan struct{} // a place for each that works
	group sync.WaitGroup
}

// importWork is what an import does with a file: look finds out what it would do, store
// does it and says how many rows are new; both give the report as it is then.
type importWork struct {
	look  func(ctx context.Context, content []byte, progress campaigns.Progress) (campaigns.ImportReport, error)
	store func(ctx context.Context, progress campaigns.Progress) (campaigns.ImportReport, int, error)
	most  int64 // bytes of the file
}

// rowImport is the work of an import into a list or a pool.
func rowImport(m *campaigns.Import) importWork {
	return importWork{
		look: func(ctx context.Context, content []byte, progress campaigns.Progress) (campaigns.ImportReport, error) {
			rows, err := sheets.ReadImport(content)
			if err == nil {
				err = m.Look(ctx, rows, progress)
			}
			return m.Report, err
		},
		store: func(ctx context.Context, progress campaigns.Progress) (campaigns.ImportReport, int, error) {
			added, err := m.Store(ctx, progress)
			return m.Report, added, err
		},
		most: maxImportFile,
	}
}

// importJob is one file on its way in.
type importJob struct {
	id, name, file, back string
	nav                  string // "" = lists
	owner                people.ID
	started              time.Time
	life                 context.Context // of both parts of the work: it ends with stop, or with the program
	stop                 context.CancelFunc
	work                 importWork

	mu          sync.Mutex
	state       admin.ImportState
	report      campaigns.ImportReport
	done, total int
	added       int
	problem     *fault.Error
	failed      bool // for a reason of ours
}

func (j *importJob) progress(done, total int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done, j.total = done, total
}

// view is the job as pages show it.
func (j *importJob) view() admin.ImportView {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := admin.ImportView{People: j.nav == "upload", Started: j.started, ID: j.id, Name: j.name, File: j.file, Back: j.back, State: j.state, Done: j.done, Total: j.total, Added: j.added, Problem: j.problem, Failed: j.failed}
	if j.state != admin.ImportLooking {
		v.Report = j.report
	}
	return v
}

// start begins to look at a file in the background.
func (s *Server) startImport(j *importJob, content []byte) error {
	m := &s.imports
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all, m.work = map[string]*importJob{}, make(chan struct{}, importsAtOnce)
	}
	for id, old := range m.all {
		if s.Now().Sub(old.started) > importLife {
			old.stop()
			delete(m.all, id)
		}
	}
	if len(m.all) >= maxImports {
		return errImportsFull
	}
	j.life, j.stop = context.WithCancel(s.Background)
	j.id, j.started, j.state = randomText(16), s.Now(), admin.ImportLooking
	m.all[j.id] = j
	m.group.Go(func() {
		s.runImport(j, admin.ImportReady, func() error {
			report, err := j.work.look(j.life, content, j.progress)
			content = nil
			j.mu.Lock()
			defer j.mu.Unlock()
			j.report = report
			return err
		})
	})
	return nil
}

// runImport does one part of a job when there is a place for it, and notes how it ended.
func (s *Server) runImport(j *importJob, then admin.ImportState, do func() error) {
	var err error
	select {
	case s.imports.work <- struct{}{}:
		err = do()
		<-s.imports.work
	case <-j.life.Done():
		err = j.life.Err()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = then
	if err == nil {
		return
	}
	j.state = admin.ImportFailed
	if all := fault.All(err); len(all) > 0 && all[0].Code != fault.Internal {
		j.problem = all[0]
		return
	}
	j.failed = true
	if j.life.Err() == nil {
		s.Log.Error("import failed", "import", j.id, "err", err)
	}
}

// rowImportOf is the job of the request, of the person who started it.
func (s *Server) rowImportOf(c *fiber.Ctx, who *signedIn) (*importJob, error) {
	s.imports.mu.Lock()
	defer s.imports.mu.Unlock()
	j := s.imports.all[c.Params("id")]
	if j == nil || j.owner != who.Person.ID {
		return nil, errImportGone
	}
	return j, nil
}

// sentImport reads the file of the request.
func sentImport(c *fiber.Ctx, most int64) (name string, content []byte, err error) {
	upload, err := c.FormFile("file")
	if err != nil || upload.Filename == "" || upload.Size == 0 {
		return "", nil, errImportFile
	}
	file, err := upload.Open()
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = file.Close() }()
	content, err = io.ReadAll(io.LimitReader(file, most))
	return oneLine(upload.Filename, 60), content, err
}

// handleRowImport shows how far an import is; while it works the page comes anew by itself.
func (s *Server) handleRowImport(c *fiber.Ctx, who *signedIn) error {
	j, err := s.rowImportOf(c, who)
	if err != nil {
		return err
	}
	v := j.view()
	if v.Works() {
		c.Set("Refresh", "1")
	}
	v.Page = s.page(c, who, cmp.Or(j.nav, "lists"), "lists.import.title")
	return render(c, fiber.StatusOK, admin.ImportPage(&v))
}

// handleRowImportRun stores what the look found. A repeat finds it stored already.
func (s *Server) handleRowImportRun(c *fiber.Ctx, who *signedIn) error {
	j, err := s.rowImportOf(c, who)
	if err != nil {
		return err
	}
	j.mu.Lock()
	ready := j.state == admin.ImportReady
	if ready {
		j.state, j.done, j.total = admin.ImportStoring, 0, j.report.Work()
	}
	j.mu.Unlock()
	if ready {
		s.imports.group.Go(func() {
			s.runImport(j, admin.ImportDone, func() error {
				report, added, err := j.work.store(j.life, j.progress)
				j.mu.Lock()
				j.report, j.added = report, added
				j.mu.Unlock()
				return err
			})
		})
	}
	return seeOther(c, admin.ImportPath(j.id))
}

// handleRowImportStop forgets an import; what is stored stays.
func (s *Server) handleRowImportStop(c *fiber.Ctx, who *signedIn) error {
	j, err := s.rowImportOf(c, who)
	if err != nil {
		return err
	}
	s.imports.mu.Lock()
	delete(s.imports.all, j.id)
	s.imports.mu.Unlock()
	j.stop()
	return seeOther(c, j.back)
}

// handleRowImportProblems hands out the lines that could not be imported.
func (s *Server) handleRowImportProblems(c *fiber.Ctx, who *signedIn) error {
	j, err := s.rowImportOf(c, who)
	if err != nil {
		return err
	}
	v := j.view()
	var file bytes.Buffer
	if _, err := sheets.ImportProblems(c.UserContext(), &file, v.Report.Problems, s.Now()); err != nil {
		return err
	}
	asSheet(c, "problems.xlsx", i18n.T(c.UserContext(), "lists.problems")+".xlsx")
	return c.Send(file.Bytes())
}

// ruleTable is every page and write about lists, pools and imports.
func (s *Server) ruleTable() []adminRoute {
	return []adminRoute{
		{get, admin.ListsPath, people.CampaignsRead, s.handleLists},
		{post, admin.ListsPath, people.CampaignsWrite, s.handleListNew},
		{get, admin.ListsPath + "/:id", people.CampaignsRead, s.handleList},
		{post, admin.ListsPath + "/:id/import", people.CampaignsWrite, s.handleListImport},
		{post, admin.ListsPath + "/:id/delete", people.CampaignsWrite, s.handleListDelete},
		{get, admin.PoolsPath, people.CampaignsRead, s.handlePools},
		{post, admin.PoolsPath, people.CampaignsWrite, s.handlePoolNew},
		{get, admin.PoolsPath + "/:id", people.CampaignsRead, s.handlePool},
		{post, admin.PoolsPath + "/:id/import", people.CampaignsWrite, s.handlePoolImport},
		{post, admin.PoolsPath + "/:id/delete", people.CampaignsWrite, s.handlePoolDelete},
		{get, admin.ImportsPath, people.CampaignsWrite, s.handleImports},
		{post, admin.PeopleImportPath, people.CampaignsWrite, s.handlePeopleImport},
		{get, admin.ImportsPath + "/:id", people.CampaignsWrite, s.handleRowImport},
		{post, admin.ImportsPath + "/:id/run", people.CampaignsWrite, s.handleRowImportRun},
		{post, admin.ImportsPath + "/:id/stop", people.CampaignsWrite, s.handleRowImportStop},
		{get, admin.ImportsPath + "/:id/problems.xlsx", people.CampaignsWrite, s.handleRowImportProblems},
	}
}

// importable answers an upload for a list or a pool: the job's page, or the form again.
func (s *Server) importable(c *fiber.Ctx, who *signedIn, j *importJob, again func(status int, err error) error) error {
	name, content, err := sentImport(c, j.work.most)
	if err == nil {
		j.owner, j.file = who.Person.ID, name
		err = s.startImport(j, content)
	}
	if all := fault.All(err); len(all) > 0 && all[0].Field != "" {
		return again(fiber.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return seeOther(c, admin.ImportPath(j.id))
}

// ofAccounts are the things of all accounts, the newest first.
func ofAccounts[T any](ctx context.Context, s *Server, read func(context.Context, campaigns.AccountID) ([]T, error), newer func(a, b T) int) ([]T, error) {
	accounts, err := s.Accounts.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var all []T
	for _, a := range accounts {
		part, err := read(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	slices.SortStableFunc(all, newer)
	return all, nil
}

// known reports whether the account of a form exists.
func (s *Server) knownAccount(ctx context.Context, id campaigns.AccountID) error {
	_, err := s.Accounts.Account(ctx, id)
	if errors.Is(err, campaigns.ErrAccountNotFound) {
		return fault.List{campaigns.ErrAccountNotFound.On("account")}
	}
	return err
}
