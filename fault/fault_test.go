package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"kaquan/fault"
)

func TestErrorKeepsCodeKeyAndCauseThroughWrapping(t *testing.T) {
	t.Parallel()
	soldOut := fault.New(fault.Conflict, "claim.sold_out", "total", 100)
	cause := errors.New("row count 0")
	err := fmt.Errorf("claim: %w", soldOut.Because(cause))
	if !errors.Is(err, soldOut) || !errors.Is(err, cause) {
		t.Fatalf("identity or cause lost: %v", err)
	}
	if fault.CodeOf(err) != fault.Conflict || fault.All(err)[0].Args["total"] != 100 {
		t.Fatalf("code or arguments lost: %v", err)
	}
	if soldOut.Err != nil {
		t.Fatal("Because changed the shared value")
	}
}

func TestListCarriesEveryFieldAndEmptyListIsNil(t *testing.T) {
	t.Parallel()
	var problems fault.List
	if problems.OrNil() != nil {
		t.Fatal("an empty list must be a nil error")
	}
	short := fault.New(fault.Invalid, "form.short")
	problems = append(problems, short.On("name"), fault.New(fault.Invalid, "form.phone").On("phone"))
	err := fmt.Errorf("create: %w", problems.OrNil())
	if got := fault.All(err); len(got) != 2 || got[1].Field != "phone" {
		t.Fatalf("fields lost: %v", got)
	}
	if !errors.Is(err, short) {
		t.Fatal("a member of the list must be found")
	}
	if fault.CodeOf(errors.New("disk")) != fault.Internal || fault.CodeOf(nil) != "" {
		t.Fatal("foreign errors are internal, nil has no code")
	}
}
