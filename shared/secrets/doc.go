// Package secrets makes passwords and keeps them sealed. A password is made and
// sealed before its account exists, and only a reference to it travels.
package secrets
