// Package mini is the mini program's side of the product: which mini program belongs to an
// official account, sign-in by code, sessions that a header carries, the person behind
// them, and what they choose to show.
//
// It may import fault, campaigns and wechat; db implements its Store. The HTTP side is
// web/mini_*.go and docs/mini-api.md its contract. A new thing that a person can show goes
// beside phone.go and profile.go, a new refusal into errors.go with its sentence in
// i18n/locales/mini.*.json.
package mini
