package admin

import (
	"kaquan/people"
	"kaquan/views/ui"
)

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

// SecondStep is the form with the code after the password.
type SecondStep struct {
	Next   string
	Errors ui.Errors
}

// NewPassword is the page behind a link to set a password; without a person the link does
// not work. The password is never sent back.
type NewPassword struct {
	Token  string
	Person people.Person
	Errors ui.Errors
}
