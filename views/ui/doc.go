// Package ui is the small parts that admin pages are put together from: form fields,
// icons, status words, the stock bar, QR codes, masks for personal data.
//
// A part takes a props struct or plain values and looks like Tabler. It may import
// campaigns, i18n and assets, no page and no layout. A new part goes in a file of its
// noun; what only one page needs stays with that page.
package ui
