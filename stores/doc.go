// Package stores holds what happens in shops: places (stores and warehouses), the staff who
// work there, goods, and the append-only log of stock movements, whose sum is the stock.
//
// It imports fault only; the database implements Store, and the program brings the Hasher.
// Rules about a noun stand in the file of that noun; what is said to people is in errors.go.
package stores
