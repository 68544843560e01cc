package web

import (
	"context"
	"fmt"

	"kaquan/campaigns"
	"kaquan/fault"
	"kaquan/i18n"
	"kaquan/stores"
	"kaquan/views/admin"
)

// namesOf are the names of what changes name by id. What was deleted has none.
func (s *Server) namesOf(ctx context.Context, changes ...campaigns.Change) (admin.Names, error) {
	names := admin.Names{}
	for _, t := range admin.Things(changes) {
		name, err := s.nameOf(ctx, t)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return nil, fmt.Errorf("the name of %s %s: %w", t.Kind, t.ID, err)
		}
		names[t] = name
	}
	return names, nil
}

// nameOf is the name of one thing; an error of the code NotFound when it was deleted.
func (s *Server) nameOf(ctx context.Context, t admin.Thing) (string, error) {
	switch t.Kind {
	case admin.AccountThing:
		a, err := s.Accounts.Account(ctx, campaigns.AccountID(t.ID))
		if err != nil {
			return "", err
		}
		return a.Name, nil
	case admin.ListThing:
		l, err := s.Campaigns.List(ctx, campaigns.ListID(t.ID))
		return l.Name, err
	case admin.PoolThing:
		p, err := s.Campaigns.Pool(ctx, campaigns.PoolID(t.ID))
		return p.Name, err
	case admin.PlaceThing:
		if s.Stores != nil {
			p, err := s.Stores.Place(ctx, stores.ParseID[stores.PlaceID](t.ID))
			return p.Name, err
		}
	case admin.GoodsThing:
		if s.Stores != nil {
			g, err := s.Stores.Goods(ctx, stores.ParseID[stores.GoodsID](t.ID))
			return g.Name, err
		}
	case admin.PictureThing:
		if s.Media != nil {
			p, err := s.Media.Find(ctx, t.ID)
			if err != nil {
				return "", err
			}
			return i18n.T(ctx, "design.picture.named", "time", i18n.DateTime(ctx, p.Created, campaigns.Shanghai()), "width", p.Width, "height", p.Height), nil
		}
	}
	return "", nil
}
