// Package secrets makes passwords and keeps them sealed. A password is made and
// sealed before its account exists, and only a reference to it travels.
//
// FileVault keeps them in a directory. Packages secretsmanager and keyvault keep them
// in AWS Secrets Manager and Azure Key Vault, under the same contract (vaulttest).
package secrets
