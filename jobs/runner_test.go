package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"kaquan/jobs"
)

func TestATaskThatFailsOrPanicsIsTriedAgainAndStopWaits(t *testing.T) {
	t.Parallel()
	r := jobs.New(slog.New(slog.DiscardHandler))
	turns := make(chan int)
	n := 0
	r.Add(jobs.Task{Name: "shaky", Every: time.Millisecond, Run: func(ctx context.Context) error {
		n++
		select {
		case turns <- n:
		case <-ctx.Done():
			return ctx.Err()
		}
		if n == 1 {
			return errors.New("first time")
		}
		panic("second time")
	}})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { r.Run(ctx); close(stopped) }()
	for want := 1; want <= 3; want++ {
		if got := <-turns; got != want {
			t.Fatalf("turn %d, want %d", got, want)
		}
	}
	cancel()
	select {
	case <-stopped:
	case <-time.After(5 * time.Second):
		t.Fatal("Run did not return after its context ended")
	}
}

func TestATaskIsCutOffAtItsLimit(t *testing.T) {
	t.Parallel()
	r := jobs.New(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	r.Add(jobs.Task{Name: "stuck", Every: time.Hour, Limit: time.Millisecond, Run: func(task context.Context) error {
		<-task.Done()
		if errors.Is(task.Err(), context.DeadlineExceeded) {
			cancel()
		}
		return task.Err()
	}})
	r.Run(ctx)
}
