// Package samples holds one golden JSON document for every request of the guides,
// every command, every status event, and every event that a host hands to a function.
// Tests read them, and so can 'usher request -f' and 'sam local invoke'.
package samples

import "embed"

// Files are the documents: requests at the top, commands/, status/ and lambda/ below.
//
//go:embed *.json commands/*.json status/*.json lambda/*.json
var Files embed.FS
