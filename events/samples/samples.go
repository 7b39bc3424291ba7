// Package samples holds one golden JSON document for every request of the guides,
// every command and every status event. Tests read them, and so can
// 'usher request -f'.
package samples

import "embed"

// Files are the documents: requests at the top, commands/ and status/ below.
//
//go:embed *.json commands/*.json status/*.json
var Files embed.FS
