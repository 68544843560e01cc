package e2e

import "testing"

func TestThePreviewFollowsItsPickersAndItsWordsLeadToTheirPlace(t *testing.T) {
	p := demo(t, t.TempDir())
	admin := browse(t, 1280, 900)
	signIn(admin, p)
	admin.open(p.App + "/admin/campaigns")
	href, err := eval[string](admin, page, `document.querySelector('a[href^="/admin/campaigns/"]:not([href$="new"]):not([href*="?"])').href`)
	if err != nil {
		t.Fatal(err)
	}
	admin.open(href + "/preview")
	if _, err := eval[bool](admin, page, `(window.kept = true, document.getElementById('f-state').value = 'ended', document.getElementById('f-state').dispatchEvent(new Event('change', {bubbles: true})))`); err != nil {
		t.Fatal(err)
	}
	admin.await(page, `document.querySelector('iframe').src.includes('state=ended') && location.search.includes('state=ended') && window.kept === true`)
	admin.open(href + "/preview/page?state=intro")
	styled, err := eval[bool](admin, page, `getComputedStyle(document.querySelector('.kq-ribbon')).position === 'fixed'`)
	if err != nil || !styled {
		t.Errorf("the preview has no style: %v", err)
	}
	admin.click(page, ".kq-btn", "")
	// It claims nothing: its words lead to the place where they are changed.
	admin.await(page, `location.pathname.endsWith('/preview') && location.search.includes('state=intro') && !!document.querySelector('#words')`)
}
