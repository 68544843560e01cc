package campaigns

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// maxSlug is the most characters of a slug.
const maxSlug = 40

// SlugTaken reports whether a campaign other than id has the slug; id 0 is a new one. It
// decides nothing: saving asks the store again.
func (s *Service) SlugTaken(ctx context.Context, id ID, slug Slug) (bool, error) {
	if !slugPattern.MatchString(string(slug)) {
		return false, nil
	}
	c, err := s.store.CampaignBySlug(ctx, slug)
	if errors.Is(err, ErrCampaignNotFound) {
		return false, nil
	}
	return err == nil && c.ID != id, err
}

// FreeSlugs are n slugs like this one that no campaign has now, none for a text that is no
// slug. A number behind it grows, or begins at 2; a crowd of them leads to letters by chance.
func (s *Service) FreeSlugs(ctx context.Context, slug Slug, n int) ([]Slug, error) {
	if !slugPattern.MatchString(string(slug)) {
		return nil, nil
	}
	const tries = 20
	stem, next := string(slug), 2
	if i := strings.LastIndexByte(stem, '-'); i > 0 && len(stem)-i <= 4 {
		if number, err := strconv.Atoi(stem[i+1:]); err == nil {
			stem, next = stem[:i], number+1
		}
	}
	var free []Slug
	for try := 0; len(free) < n; try++ {
		end := "-" + strconv.Itoa(next+try)
		if try >= tries {
			end = "-" + strings.ToLower(string(NewRef())[:6])
		}
		one := Slug(strings.TrimRight(stem[:min(len(stem), maxSlug-len(end))], "-") + end)
		taken, err := s.SlugTaken(ctx, 0, one)
		if err != nil {
			return nil, err
		}
		if !taken {
			free = append(free, one)
		}
	}
	return free, nil
}
