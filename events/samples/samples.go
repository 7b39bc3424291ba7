// Package samples holds one golden JSON document for every request of the guides,
// every command and every status event, and one invocation of every function's own
// binary. Tests read them, and so can 'usher request -f'.
package samples

import "embed"

// Files are the documents: requests at the top, commands/, status/ and invocations/ below.
//
//go:embed *.json commands/*.json status/*.json invocations/*.json
var Files embed.FS
