// Package guides tells each vendor's guide as a test, in the guide's own order: the whole
// application, as 'usher serve' runs it, on the embedded tenant, in virtual time.
package guides
