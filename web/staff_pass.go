package web

import (
	"context"

	"kaquan/campaigns"
	"kaquan/views/visitor"
)

// pass is the text for the QR code of a card: signed where the server redeems, the bare
// code otherwise.
func (s *Server) pass(ctx context.Context, claim *campaigns.Claim, c *campaigns.Campaign) (string, error) {
	if s.Redemption == nil {
		return string(claim.Code), nil
	}
	return s.Redemption.Pass(ctx, claim, c)
}

// passes fills in the QR texts of the cards that a page shows.
func (s *Server) passes(ctx context.Context, p *visitor.Page) error {
	if p.Campaign == nil || !p.Campaign.ShowsCode() {
		return nil
	}
	for i := range p.Cards {
		card := &p.Cards[i]
		if card.State != campaigns.Confirmed || card.Code == "" {
			continue
		}
		text, err := s.pass(ctx, card, p.Campaign)
		if err != nil {
			return err
		}
		if p.Passes == nil {
			p.Passes = map[campaigns.ClaimID]string{}
		}
		p.Passes[card.ID] = text
	}
	return nil
}
