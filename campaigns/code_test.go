package campaigns_test

import (
	"testing"
	"time"

	"kaquan/campaigns"
)

func TestAMistypedDigitOrASwapOfNeighboursIsCaught(t *testing.T) {
	t.Parallel()
	for range 200 {
		code := campaigns.NewCode()
		if got, ok := campaigns.ParseCode(code.Grouped()); !ok || got != code {
			t.Fatalf("%s does not read back: %s %v", code, got, ok)
		}
		for i := range code {
			for d := byte('0'); d <= '9'; d++ {
				wrong := []byte(code)
				wrong[i] = d
				if _, ok := campaigns.ParseCode(string(wrong)); ok && d != code[i] {
					t.Fatalf("%s: wrong digit %d passes as %s", code, i, wrong)
				}
			}
			if i > 0 && code[i] != code[i-1] {
				wrong := []byte(code)
				wrong[i], wrong[i-1] = wrong[i-1], wrong[i]
				if _, ok := campaigns.ParseCode(string(wrong)); ok {
					t.Fatalf("%s: swap at %d passes", code, i)
				}
			}
		}
	}
	for _, typed := range []string{"", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２"} {
		if _, ok := campaigns.ParseCode(typed); ok {
			t.Errorf("%q passes as a code", typed)
		}
	}
}

func TestReferencesFitOuterStrAndDoNotRepeat(t *testing.T) {
	t.Parallel()
	seen := map[campaigns.Ref]bool{}
	for range 10_000 {
		ref := campaigns.NewRef()
		if len(ref) != 12 || seen[ref] {
			t.Fatalf("reference %q", ref)
		}
		for _, r := range ref {
			if (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				t.Fatalf("reference %q", ref)
			}
		}
		seen[ref] = true
	}
}

func TestIDsReadBackAndForeignTextNamesNothing(t *testing.T) {
	t.Parallel()
	id := campaigns.FirstClaimID(time.Now())
	if got := campaigns.ParseID[campaigns.ClaimID](id.String()); got != id {
		t.Fatalf("%s read back as %s", id, got)
	}
	for _, text := range []string{"", "0", "-1", "zzzzzzzzzzzzzz", "../x", "1;drop"} {
		if got := campaigns.ParseID[campaigns.ID](text); got != 0 {
			t.Errorf("%q names campaign %d", text, got)
		}
	}
}
