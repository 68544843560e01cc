// Package fault is the one error type of the product: a code for machines, a
// translation key for people, the field it belongs to, and the cause for the log.
//
// Every domain package returns *Error (or a List of them for a form); web maps the
// code to a status and renders the key in the reader's language. fault imports
// nothing of ours. New codes go in fault.go beside the others.
package fault
