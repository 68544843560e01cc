package sandbox

import "time"

// shelf is a map whose entries go away after a time, oldest first when it is full.
type shelf[V any] struct {
	limit int
	items map[string]shelved[V]
	order []string
}

type shelved[V any] struct {
	value V
	until time.Time
}

func newShelf[V any](limit int) shelf[V] {
	return shelf[V]{limit: limit, items: map[string]shelved[V]{}}
}

// put stores a value until a time. A key that is there keeps its place in the queue.
func (s *shelf[V]) put(now time.Time, key string, v V, until time.Time) {
	if _, known := s.items[key]; !known {
		s.order = append(s.order, key)
	}
	s.items[key] = shelved[V]{v, until}
	for len(s.order) > 0 {
		oldest, there := s.items[s.order[0]]
		if there && now.Before(oldest.until) && len(s.order) <= s.limit {
			return
		}
		delete(s.items, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *shelf[V]) get(now time.Time, key string) (V, bool) {
	it, ok := s.items[key]
	if !ok || !now.Before(it.until) {
		var none V
		return none, false
	}
	return it.value, true
}

// take gets a value and removes it.
func (s *shelf[V]) take(now time.Time, key string) (V, bool) {
	v, ok := s.get(now, key)
	if it, there := s.items[key]; there {
		it.until = time.Time{}
		s.items[key] = it
	}
	return v, ok
}
