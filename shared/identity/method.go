package identity

// Method is a way to sign in to tenants.
type Method string

// The methods, in the order in which New prefers them.
const (
	Certificate  Method = "certificate"
	TokenFile    Method = "federated-token-file"
	ClientSecret Method = "client-secret"
	// AWSRole is the role of an AWS function or task, by outbound identity federation.
	AWSRole Method = "aws-role"
	// FederatedManagedIdentity is Azure's managed identity, trusted by an application.
	FederatedManagedIdentity Method = "federated-managed-identity"
	// ManagedIdentity is Azure's managed identity as itself, for its home tenant only.
	ManagedIdentity Method = "managed-identity"
)

// String says in words what signs in.
func (m Method) String() string {
	switch m {
	case Certificate:
		return "a certificate (" + varCert + ")"
	case TokenFile:
		return "a federated token (" + varFederated + ")"
	case ClientSecret:
		return "a client secret (" + varSecret + ")"
	case AWSRole:
		return "the AWS role of this process"
	case FederatedManagedIdentity:
		return "the Azure managed identity of this process, as " + varClientID
	case ManagedIdentity:
		return "the Azure managed identity of this process"
	}
	return string(m)
}

// Warning says what is wrong with a method that is not recommended, empty for the others.
func (m Method) Warning() string {
	if m == ClientSecret {
		return "a client secret can be copied, and stops working on a day that nobody remembers: use the identity that AWS or Azure gives to the process, or a certificate"
	}
	return ""
}
