package tenantfake

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scheduleRequest is a PIM request for an active or an eligible role.
type scheduleRequest struct {
	ID, Schedule     string
	Eligible         bool
	Body             scheduleBody
	Status           string
	Created, Removed time.Time
	Ends             time.Time
}

// scheduleBody is what a client asks for.
type scheduleBody struct {
	roleBody
	Action, Justification string
	IsValidationOnly      bool
	ScheduleInfo          struct {
		StartDateTime time.Time
		Expiration    struct {
			Type, Duration string
			EndDateTime    time.Time
		}
	}
	TicketInfo struct{ TicketNumber, TicketSystem string }
}

// minimumActive is the time an assignment must have lasted before it can be removed.
const minimumActive = 5 * time.Minute

func (c *graphCall) requestActive() *response   { return c.requestSchedule(false) }
func (c *graphCall) requestEligible() *response { return c.requestSchedule(true) }
func (c *graphCall) listActive() *response      { return c.listSchedules(false) }
func (c *graphCall) listEligible() *response    { return c.listSchedules(true) }
func (c *graphCall) readActive() *response      { return c.readSchedule(false) }
func (c *graphCall) readEligible() *response    { return c.readSchedule(true) }

func schedulePath(eligible bool) string {
	if eligible {
		return rolePath + "roleEligibilityScheduleRequests"
	}
	return rolePath + "roleAssignmentScheduleRequests"
}

// requestSchedule serves adminAssign, adminUpdate and adminRemove; the self-service actions need a person's MFA session.
func (c *graphCall) requestSchedule(eligible bool) *response {
	var body scheduleBody
	if resp := c.decode(&body); resp != nil {
		return resp
	}
	if !c.t.p2 {
		return c.unlicensed()
	}
	def, resp := c.checkTarget(body.roleBody)
	if resp != nil {
		return resp
	}
	body.PrincipalID, body.RoleDefinitionID = strings.ToLower(body.PrincipalID), def.ID
	req := &scheduleRequest{ID: c.s.guid(), Schedule: c.s.guid(), Eligible: eligible, Body: body, Status: "Provisioned", Created: c.now.UTC()}
	switch body.Action {
	case "adminAssign":
		resp = c.schedule(req)
	case "adminUpdate":
		resp = c.reschedule(req)
	case "adminRemove":
		resp = c.unschedule(req)
	default:
		resp = c.fail(http.StatusBadRequest, "RoleAssignmentRequestPolicyValidationFailed", `The following policy rules failed: ["MfaRule"]`)
	}
	if resp != nil {
		return resp
	}
	if !body.IsValidationOnly {
		c.t.pim = append(c.t.pim, req)
	}
	return c.entity(http.StatusCreated, schedulePath(eligible)+"/$entity", req.object())
}

// schedule assigns the role, unless the request is a trial, for later, or of eligibility only.
func (c *graphCall) schedule(req *scheduleRequest) *response {
	b := req.Body
	active := c.t.assignment(b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID)
	if c.t.standing(req, c.now) != nil || !req.Eligible && active != nil {
		return c.fail(http.StatusBadRequest, "RoleAssignmentExists", "The Role assignment already exists.")
	}
	ends, err := b.ends(c.now)
	if err != nil {
		return c.fail(http.StatusBadRequest, "RoleAssignmentRequestPolicyValidationFailed", `The following policy rules failed: ["ExpirationRule"]`)
	}
	req.Ends = ends
	if b.ScheduleInfo.StartDateTime.After(c.now) {
		req.Status = "Granted"
		return nil
	}
	if !req.Eligible && !b.IsValidationOnly {
		c.t.assign(c.now, b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID).current().Ends = ends
	}
	return nil
}

func (c *graphCall) unlicensed() *response {
	return c.fail(http.StatusBadRequest, "AadPremiumLicenseRequired", "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")
}

// reschedule moves the end of a standing assignment.
func (c *graphCall) reschedule(req *scheduleRequest) *response {
	b := req.Body
	standing := c.t.standing(req, c.now)
	if standing == nil {
		return c.fail(http.StatusNotFound, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
	}
	ends, err := b.ends(c.now)
	if err != nil {
		return c.fail(http.StatusBadRequest, "RoleAssignmentRequestPolicyValidationFailed", `The following policy rules failed: ["ExpirationRule"]`)
	}
	if req.Ends = ends; b.IsValidationOnly {
		return nil
	}
	standing.Ends = ends
	if active := c.t.assignment(b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID); active != nil && !req.Eligible {
		active.current().Ends = ends
	}
	return nil
}

func (c *graphCall) unschedule(req *scheduleRequest) *response {
	b := req.Body
	standing := c.t.standing(req, c.now)
	active := c.t.assignment(b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID)
	if standing == nil && (req.Eligible || active == nil) {
		return c.fail(http.StatusNotFound, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
	}
	if standing != nil && c.now.Sub(standing.Created) < minimumActive {
		return c.fail(http.StatusBadRequest, "ActiveDurationTooShort", "The Active duration is too short. Minimum required is 5 minutes.")
	}
	req.Status = "Revoked"
	if b.IsValidationOnly {
		return nil
	}
	if standing != nil {
		standing.Removed = c.now
	}
	if !req.Eligible && active != nil {
		active.set(c.now, nil)
	}
	return nil
}

// standing returns the earlier request that still gives the same role to the same principal, or nil.
func (t *Tenant) standing(req *scheduleRequest, now time.Time) *scheduleRequest {
	for _, r := range t.pim {
		ended := !r.Ends.IsZero() && !r.Ends.After(now)
		if r.Eligible == req.Eligible && r.Body.Action == "adminAssign" && r.Removed.IsZero() && !ended &&
			r.Body.PrincipalID == req.Body.PrincipalID && r.Body.RoleDefinitionID == req.Body.RoleDefinitionID &&
			*r.Body.DirectoryScopeID == *req.Body.DirectoryScopeID {
			return r
		}
	}
	return nil
}

// startSchedules begins the active assignments whose start has come.
func (t *Tenant) startSchedules(now time.Time) {
	for _, r := range t.pim {
		if r.Status != "Granted" || r.Body.ScheduleInfo.StartDateTime.After(now) || !r.Removed.IsZero() {
			continue
		}
		r.Status = "Provisioned"
		b := r.Body
		if !r.Eligible && t.principalType(b.PrincipalID) != "" && t.assignment(b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID) == nil {
			t.assign(now, b.PrincipalID, b.RoleDefinitionID, *b.DirectoryScopeID).current().Ends = r.Ends
		}
	}
}

// ends computes when the role ends; zero means never.
func (b scheduleBody) ends(now time.Time) (time.Time, error) {
	start := b.ScheduleInfo.StartDateTime
	if start.Before(now) {
		start = now
	}
	switch e := b.ScheduleInfo.Expiration; e.Type {
	case "", "notSpecified", "noExpiration":
		return time.Time{}, nil
	case "afterDateTime":
		if !e.EndDateTime.After(start) {
			return time.Time{}, fmt.Errorf("end %s is not after the start", e.EndDateTime)
		}
		return e.EndDateTime, nil
	case "afterDuration":
		d, err := isoDuration(e.Duration)
		return start.Add(d), err
	default:
		return time.Time{}, fmt.Errorf("unknown expiration type %q", e.Type)
	}
}

var isoParts = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// isoDuration parses days, hours, minutes and seconds of ISO 8601, such as P14D and PT8H; years and months have no fixed length.
func isoDuration(s string) (time.Duration, error) {
	m := isoParts.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("duration %q", s)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, err := strconv.Atoi("0" + m[i+1])
		if err != nil || n > 1_000_000 {
			return 0, fmt.Errorf("duration %q is out of range", s)
		}
		total += time.Duration(n) * unit
	}
	if total <= 0 {
		return 0, fmt.Errorf("duration %q is empty", s)
	}
	return total, nil
}

func (r *scheduleRequest) object() map[string]any {
	b := r.Body
	expiration := map[string]any{"type": "noExpiration", "endDateTime": timeOrNull(b.ScheduleInfo.Expiration.EndDateTime),
		"duration": orNull(b.ScheduleInfo.Expiration.Duration)}
	if t := b.ScheduleInfo.Expiration.Type; t != "" {
		expiration["type"] = t
	}
	return map[string]any{
		"id": r.ID, "status": r.Status, "createdDateTime": timeOrNull(r.Created), "completedDateTime": timeOrNull(r.Created),
		"approvalId": nil, "customData": nil, "action": b.Action, "principalId": b.PrincipalID, "roleDefinitionId": b.RoleDefinitionID,
		"directoryScopeId": *b.DirectoryScopeID, "appScopeId": nil, "isValidationOnly": b.IsValidationOnly, "targetScheduleId": r.Schedule,
		"justification": orNull(b.Justification),
		"scheduleInfo":  map[string]any{"startDateTime": timeOrNull(b.ScheduleInfo.StartDateTime), "recurrence": nil, "expiration": expiration},
		"ticketInfo":    map[string]any{"ticketNumber": orNull(b.TicketInfo.TicketNumber), "ticketSystem": orNull(b.TicketInfo.TicketSystem)},
	}
}

func (c *graphCall) listSchedules(eligible bool) *response {
	objects := []map[string]any{}
	for _, r := range c.t.pim {
		if r.Eligible == eligible {
			objects = append(objects, r.object())
		}
	}
	fields := map[string]filterable{"principalId": basic, "roleDefinitionId": basic, "status": basic, "action": basic, "targetScheduleId": basic}
	return c.collection(schedulePath(eligible), fields, objects)
}

// listStanding serves the schedules of active assignments: those made by request, and
// those made directly, which never end.
func (c *graphCall) listStanding() *response {
	if !c.t.p2 {
		return c.unlicensed()
	}
	objects := []map[string]any{}
	for _, rec := range c.t.roles {
		a := rec.current()
		if a == nil {
			continue
		}
		objects = append(objects, map[string]any{
			"id": a.ID, "principalId": a.PrincipalID, "roleDefinitionId": a.RoleDefinitionID, "directoryScopeId": a.DirectoryScopeID,
			"appScopeId": nil, "status": "Provisioned", "assignmentType": "Assigned", "memberType": "Direct",
			"scheduleInfo": map[string]any{"startDateTime": nil, "recurrence": nil, "expiration": expirationAt(a.Ends)},
		})
	}
	return c.collection(rolePath+"roleAssignmentSchedules", map[string]filterable{"principalId": basic, "roleDefinitionId": basic}, objects)
}

// expirationAt is when a schedule ends; zero is never.
func expirationAt(end time.Time) map[string]any {
	if end.IsZero() {
		return map[string]any{"type": "noExpiration", "endDateTime": nil, "duration": nil}
	}
	return map[string]any{"type": "afterDateTime", "endDateTime": timeOrNull(end), "duration": nil}
}

// listEligibilities serves the schedules of those who may activate a role.
func (c *graphCall) listEligibilities() *response {
	if !c.t.p2 {
		return c.unlicensed()
	}
	objects := []map[string]any{}
	for _, r := range c.t.pim {
		if !r.Eligible || c.t.standing(r, c.now) != r {
			continue
		}
		objects = append(objects, map[string]any{
			"id": r.Schedule, "principalId": r.Body.PrincipalID, "roleDefinitionId": r.Body.RoleDefinitionID,
			"directoryScopeId": *r.Body.DirectoryScopeID, "appScopeId": nil, "status": r.Status, "memberType": "Direct",
			"scheduleInfo": map[string]any{"startDateTime": timeOrNull(r.Created), "recurrence": nil, "expiration": expirationAt(r.Ends)},
		})
	}
	return c.collection(rolePath+"roleEligibilitySchedules", map[string]filterable{"principalId": basic, "roleDefinitionId": basic}, objects)
}

func (c *graphCall) readSchedule(eligible bool) *response {
	for _, r := range c.t.pim {
		if r.Eligible == eligible && strings.EqualFold(r.ID, c.params["id"]) {
			return c.entity(http.StatusOK, schedulePath(eligible)+"/$entity", r.object())
		}
	}
	return c.notFound(c.params["id"])
}
