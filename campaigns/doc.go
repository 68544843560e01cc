// Package campaigns is the domain: campaigns, visitors, claims and the ledger that
// makes stock add up.
//
// It holds the rules and the interfaces it needs (Store, Gateway); db implements the
// store and cli joins the parts. It may import wechat (its vocabulary) and fault,
// never db, web or Fiber. A new rule of a campaign goes in the file of its noun; a new
// way to hand over a card is an Issuer in issuer.go.
package campaigns
