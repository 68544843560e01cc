// Package people is who may use the admin: persons, roles, sign-in, sessions, the audit.
//
// It holds the rules and the Store it needs; db implements the store, web carries the
// tokens in cookies and cli makes persons. It imports nothing of ours except fault. A new
// permission goes in role.go; a new way to sign in goes in signin.go, and what one person
// does to another in member.go. The second step of the sign-in is two_step.go.
package people
