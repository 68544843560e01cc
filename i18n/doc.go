// Package i18n holds every sentence of the product in Chinese (the reference) and English.
//
// It may import nothing of ours. A new sentence goes into locales/<area>.zh-CN.json and
// locales/<area>.en.json under the same key, area.thing.detail, with the same {{.name}}
// placeholders; a sentence that counts is {"one": …, "other": …} with {{.count}}. Formats of
// numbers, money and times are in format.go.
package i18n
