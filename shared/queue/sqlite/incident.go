package sqlite

import "github.com/usher365/usher/shared/queue"

// Incident is queue.Incident.
type Incident = queue.Incident
