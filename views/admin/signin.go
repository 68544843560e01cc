package admin

import "kaquan/views/ui"

// SignIn is the form with login and password. The password is never sent back.
type SignIn struct {
	Login  string
	Next   string
	Empty  bool // there is nobody yet who could sign in
	Errors ui.Errors
}

// Link is the page behind a one-time link.
type Link struct {
	Token  string
	Errors ui.Errors
}

// Setup is the form for the first person.
type Setup struct {
	Token  string
	Login  string
	Name   string
	Errors ui.Errors
}
