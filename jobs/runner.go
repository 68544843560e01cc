package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Task is work that repeats. Run gets a context that ends when the program stops or the
// task takes longer than Limit; it must be safe to repeat.
type Task struct {
	Name  string
	Every time.Duration
	Limit time.Duration // 0 = one minute
	Run   func(ctx context.Context) error
}

// Runner runs tasks until its context ends.
type Runner struct {
	log   *slog.Logger
	tasks []Task
}

// New makes a runner without tasks.
func New(log *slog.Logger) *Runner { return &Runner{log: log} }

// Add registers a task; call it before Run.
func (r *Runner) Add(t Task) {
	if t.Limit == 0 {
		t.Limit = time.Minute
	}
	r.tasks = append(r.tasks, t)
}

// Run starts every task at once, repeats each at its pace with a little jitter, and
// returns when ctx has ended and all of them have stopped. A task that fails or panics
// is logged and tried again at its next turn; a task never overlaps itself.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range r.tasks {
		all.Go(func() { r.repeat(ctx, t) })
	}
	all.Wait()
}

func (r *Runner) repeat(ctx context.Context, t Task) {
	for {
		if err := once(ctx, t); err != nil && ctx.Err() == nil {
			r.log.Error("background task failed", "task", t.Name, "err", err)
		}
		jitter := time.Duration(rand.Int64N(int64(t.Every)/10 + 1))
		wait := time.NewTimer(t.Every + jitter)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

func once(ctx context.Context, t Task) (err error) {
	ctx, cancel := context.WithTimeout(ctx, t.Limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return t.Run(ctx)
}
