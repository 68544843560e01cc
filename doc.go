// Kaquan (卡券) is a self-hosted manager for WeChat card campaigns: one program that
// serves the claim pages, the admin and the background work. This folder holds only the
// program's entry; every room beside it has a doc.go that says what lives there, and
// docs/architecture.md draws the map.
package main
