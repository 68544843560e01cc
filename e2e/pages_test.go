package e2e

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// idPart is a part of a path that names one thing among many.
var idPart = regexp.MustCompile(`^(?:[0-9a-z]{10,13}|[0-9]+|[0-9a-f]{8}-[0-9a-f-]{27})$`)

// shape is what the pages of one kind have in common: the path with {id} for the names of
// things, and the step or tab of the query.
func shape(u *url.URL) string {
	parts := strings.Split(u.Path, "/")
	for i, part := range parts {
		// Words of ten letters have no digits, as nearly all names of things have.
		if idPart.MatchString(part) && strings.ContainsAny(part, "0123456789") {
			parts[i] = "{id}"
		}
	}
	name := strings.Join(parts, "/")
	for _, key := range []string{"step", "tab", "template"} {
		if value := u.Query().Get(key); value != "" {
			name += "?" + key + "=" + value
		}
	}
	return name
}

// walk follows the links of the admin from page to page and gives one address for each
// kind of page, sorted by kind. Downloads are left out.
func walk(t *testing.T, admin *tab, p *program) (names []string, pages map[string]string) {
	t.Helper()
	pages = map[string]string{}
	queue := []string{p.App + "/admin"}
	for len(queue) > 0 && len(pages) < 150 {
		address := queue[0]
		queue = queue[1:]
		u, err := url.Parse(address)
		if err != nil || pages[shape(u)] != "" {
			continue
		}
		pages[shape(u)] = address
		admin.open(address)
		admin.await(page, `document.readyState === 'complete'`)
		links, err := eval[[]string](admin, page, `[...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.hasAttribute('download') && a.target !== '_blank').map(a => a.href)`)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links {
			u, err := url.Parse(link)
			if err != nil || !strings.HasPrefix(u.Path, "/admin") || strings.Contains(u.Path, ".") {
				continue
			}
			u.Fragment = ""
			if pages[shape(u)] == "" {
				queue = append(queue, u.String())
			}
		}
	}
	for name := range pages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, pages
}
