package web

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"kaquan/views/admin"
)

// fieldsOf are the values by step and name, as "stock.total", each as JSON.
func fieldsOf(v admin.Values) map[string]string {
	b, _ := json.Marshal(v) // values are made of text, truth and lists: they encode
	var steps map[string]map[string]json.RawMessage
	_ = json.Unmarshal(b, &steps)
	all := map[string]string{}
	for step, fields := range steps {
		for name, raw := range fields {
			value := string(raw)
			if value == "[]" {
				value = "null" // no rows, however they came about
			}
			all[step+"."+name] = value
		}
	}
	return all
}

// valuesFrom is the way back of fieldsOf.
func valuesFrom(all map[string]string) admin.Values {
	steps := map[string]map[string]json.RawMessage{}
	for key, value := range all {
		step, name, _ := strings.Cut(key, ".")
		if steps[step] == nil {
			steps[step] = map[string]json.RawMessage{}
		}
		steps[step][name] = json.RawMessage(value)
	}
	b, _ := json.Marshal(steps) // the values came from JSON
	var v admin.Values
	_ = json.Unmarshal(b, &v)
	return v
}

func sameValues(a, b admin.Values) bool { return maps.Equal(fieldsOf(a), fieldsOf(b)) }

// mergeValues brings together what two people made of base, field by field: a change of one
// side alone is taken. Of a field that both changed, chosen may say mine or theirs; without
// a word about it mine is kept and the field is a conflict.
func mergeValues(base, mine, theirs admin.Values, chosen map[string]string) (admin.Values, []admin.ConflictField) {
	was, my, their := fieldsOf(base), fieldsOf(mine), fieldsOf(theirs)
	merged := maps.Clone(my)
	var conflicts []admin.ConflictField
	for _, key := range slices.Sorted(maps.Keys(my)) {
		switch {
		case my[key] == their[key]:
		case chosen[key] == "theirs" || my[key] == was[key]:
			merged[key] = their[key]
		case their[key] == was[key]:
		case chosen[key] == "mine":
		default:
			_, name, _ := strings.Cut(key, ".")
			conflicts = append(conflicts, admin.ConflictField{Key: key, Field: name, Mine: decoded(my[key]), Theirs: decoded(their[key])})
		}
	}
	return valuesFrom(merged), conflicts
}

func decoded(raw string) any {
	var v any
	_ = json.Unmarshal([]byte(raw), &v) // it came from JSON
	return v
}
