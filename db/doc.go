// Package db keeps everything in one SQLite file: it opens it, migrates it, and
// implements the Store interfaces of campaigns, people and wechat.
//
// All SQL of the product is here, one file per aggregate, written in the dialect that
// SQLite and PostgreSQL share ($1 placeholders, ON CONFLICT, RETURNING, no rowid).
// Writes go through the group-committing writer in writer.go, reads through their own
// pool. Only exported methods begin a transaction; helpers take a *Tx.
package db
