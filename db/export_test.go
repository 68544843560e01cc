package db

// Raw lets tests look at the file behind the store's methods.
func (d *DB) Raw(query string) (n int, err error) {
	err = d.read.QueryRow(query).Scan(&n)
	return n, err
}
