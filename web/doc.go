// Package web is the HTTP face: Fiber routes, middleware, forms in, pages out.
//
// Handlers parse a request into domain types, call one service and render a view or
// return the error; errors.go alone turns errors into answers. routes.go lists every
// route, and every admin route names its permission there. web sees the database only
// through the services. A new page gets a handler in the file of its noun and a view in
// views; rules belong to campaigns or people.
package web
