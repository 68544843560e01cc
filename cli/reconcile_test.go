package cli

import (
	"testing"

	"kaquan/campaigns"
)

func TestACardWhosePushWasLostIsConfirmedByAskingAndAForgedReportIsNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	w.turn("push_off", true)
	v := w.visitor()
	v.enter("latte").wants("form")
	signed, ok := v.signature()
	if !ok {
		t.Fatal("the page has no signature")
	}
	v.works(signed)
	v.claim("latte").wants("claiming")
	id, ext := v.card("latte")
	sealed := v.add(signed, id, ext)
	claims, err := w.app.DB.Claims(t.Context(), campaigns.ClaimFilter{States: []campaigns.ClaimState{campaigns.Opened}, Limit: 5})
	if err != nil || len(claims.Rows) != 1 {
		t.Fatalf("%d claims are open (%v)", len(claims.Rows), err)
	}
	lost := claims.Rows[0].Claim
	if _, err := w.app.Campaigns.Report(t.Context(), lost.ID, lost.Visitor, campaigns.SheetReport{Outcome: campaigns.WalletAdded, Sealed: sealed}); err != nil {
		t.Fatal(err)
	}

	// Somebody else only says so, with a code that is not theirs.
	liar := w.visitor()
	liar.enter("latte").wants("form")
	liar.claim("latte").wants("claiming")
	liar.card("latte")
	claims, err = w.app.DB.Claims(t.Context(), campaigns.ClaimFilter{States: []campaigns.ClaimState{campaigns.Opened}, Limit: 5})
	if err != nil || len(claims.Rows) != 1 {
		t.Fatalf("%d claims are open (%v)", len(claims.Rows), err)
	}
	forged := claims.Rows[0].Claim
	if _, err := w.app.Campaigns.Report(t.Context(), forged.ID, forged.Visitor, campaigns.SheetReport{Outcome: campaigns.WalletAdded, Sealed: sealed}); err != nil {
		t.Fatal(err)
	}

	var run campaigns.Run
	w.until("the runs of the program end", func() bool {
		run, err = w.app.reconciler.Run(t.Context(), campaigns.RunManual)
		return err == nil
	})
	if run.Repaired != 1 || run.Checked != 2 || run.Stopped != "" {
		t.Errorf("run %+v", run)
	}
	for id, want := range map[campaigns.ClaimID]campaigns.ClaimState{lost.ID: campaigns.Confirmed, forged.ID: campaigns.Reported} {
		claim, err := w.app.DB.ClaimByID(t.Context(), id)
		if err != nil || claim.State != want {
			t.Errorf("the claim is %s, want %s (%v)", claim.State, want, err)
		}
	}
	v.open("/c/latte?ch=poster")
	if state := found(statePattern, v.body); state != "claimed" && state != "already" {
		t.Errorf("the visitor sees %q", state)
	}
}
