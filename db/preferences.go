package db

import (
	"context"

	"kaquan/people"
)

const (
	qPreferences = `SELECT name, value FROM person_preferences WHERE person_id = $1`
	qPrefer      = `INSERT INTO person_preferences (person_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (person_id, name) DO UPDATE SET value = excluded.value`
	qDropPreference = `DELETE FROM person_preferences WHERE person_id = $1 AND name = $2`
)

// Preferences implements people.Store.
func (d *DB) Preferences(ctx context.Context, id people.ID) (p people.Preferences, err error) {
	rows, err := d.rows(ctx, qPreferences, string(id))
	_, err = collect(rows, err, func(row scanner) (struct{}, error) {
		var name, value string
		if err := row.Scan(&name, &value); err != nil {
			return struct{}{}, err
		}
		if field := p.Field(people.Preference(name)); field != nil {
			*field = value
		}
		return struct{}{}, nil
	})
	return p, err
}

// Prefer implements people.Store.
func (d *DB) Prefer(ctx context.Context, id people.ID, name, value string) error {
	if value == "" {
		return d.change(ctx, nil, qDropPreference, string(id), name)
	}
	return d.change(ctx, nil, qPrefer, string(id), name, value)
}
