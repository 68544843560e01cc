// Package admin is the pages of the marketers: sign-in, campaigns, claims, accounts,
// tokens, with their view models.
//
// Each noun has a .go file with its model and a .templ file with its pages. It may import
// campaigns, people, fault, i18n, assets, wechat and its siblings layout and ui; it asks
// nothing itself. A new page goes in the file of its noun.
package admin
