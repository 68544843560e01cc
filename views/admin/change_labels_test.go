package admin_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"kaquan/campaigns"
	"kaquan/i18n"
	"kaquan/views/admin"
)

// fill sets everything below v to something that is not zero; texts depend on n.
func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("x", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n) * int64(time.Hour))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for state := range campaigns.OwnWords { // the only map of a draft is that of states
			words := reflect.New(v.Type().Elem()).Elem()
			fill(words, n)
			v.SetMapIndex(reflect.ValueOf(state), words)
		}
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*time.Location]() {
			v.Set(reflect.ValueOf(campaigns.Shanghai()))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), n)
			}
		}
	default:
		panic("a draft holds a " + v.Type().String())
	}
}

func TestEveryDifferenceBetweenDraftsIsCalledByAName(t *testing.T) {
	t.Parallel()
	var none, whole campaigns.Draft
	fill(reflect.ValueOf(&whole).Elem(), 2)
	changes := campaigns.Diff(none, whole)
	for _, sure := range []string{"name", "form", "low_stock_percent", "webhook_url", "places", "from", "fen", "cover"} {
		if !strings.Contains(" "+fields(changes)+" ", " "+sure+" ") {
			t.Errorf("the test does not see %s in %s", sure, fields(changes))
		}
	}
	for _, lang := range []i18n.Language{i18n.ZH, i18n.EN} {
		ctx := i18n.With(context.Background(), lang)
		for _, c := range changes {
			if label := admin.ChangeLabel(ctx, c.Field); label == c.Field || label == "" || strings.HasPrefix(label, "admin.") {
				t.Errorf("%s has no label in %s: %q", c.Field, lang, label)
			}
		}
	}
}

func fields(changes []campaigns.Change) string {
	names := make([]string, 0, len(changes))
	for _, c := range changes {
		names = append(names, c.Field)
	}
	return strings.Join(names, " ")
}
