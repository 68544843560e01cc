// Package layout is the frames around admin pages: Admin for people who are signed in,
// Bare for the way there, Header for the line with a page's name and its actions.
//
// It may import people, i18n, assets and views/ui. Something that every page shows goes
// here; parts that pages put together go to ui, pages themselves to admin. A page that
// stands in the navigation is one more line of the table in nav.go.
package layout
