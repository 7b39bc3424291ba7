// Package hybrid tells the story of an account that is made in on-premises Active
// Directory: a real domain controller, the emulator as Entra Connect and Entra, and every
// function of Usher between them. It has tests only, which need Samba and root.
package hybrid
