// Package tenantfake is a Microsoft 365 tenant in memory: Entra sign-in, the parts of Microsoft Graph that provisioning needs, and the
// Exchange admin API, with the delays, refusals and odd answers of the real services.
//
// A [Server] holds one or several tenants. It is reached in process through [Server.Transport], which opens no socket and is safe in a
// testing/synctest bubble, or over TLS through [Server.Start]. Requests are routed by path alone, so every host name works:
//
//	/{tenant}/v2.0/.well-known/openid-configuration, /{tenant}/oauth2/v2.0/token    sign-in
//	/v1.0/..., /beta/...                                                            Graph
//	/adminapi/beta/{tenant}/InvokeCommand                                           Exchange
//
// Three things make it worth testing against. Permissions and directory roles are frozen into the token when it is issued and checked on
// every call. A write is acknowledged before every read path shows it ([Tenant.SetConsistency], [Tenant.SetReplication]). And any call can
// be made to fail, before or after it took effect ([Server.Fault], [Server.OnCall]).
//
// What the emulator answers follows Microsoft's published documentation and the schema of Graph v1.0; property names and types are checked
// against a table derived from that schema (see [Server.SchemaViolations]).
package tenantfake
