// Package visitor is the pages that a person sees inside WeChat: the card face, the
// sentence of the state, the form, the code, one pinned button.
//
// page.go holds the model, words.go the choice of words per state, page.templ the frame
// and the other templ files its parts. It may import campaigns, wechat, i18n, assets and
// views/ui. A new state gets a constant in page.go, words in i18n/locales/visitor.*, and
// its button in bar.templ.
package visitor
