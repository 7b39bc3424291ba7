package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/usher365/usher/shared/fault"
)

// What is asked of AWS (source: AWS STS API reference, GetWebIdentityToken). Entra takes
// RS256; the permission of the role may be limited to 300 seconds.
const (
	awsAlgorithm = "RS256"
	awsSeconds   = 300
	awsTimeout   = 10 * time.Second
)

// aws gives the fetcher of tokens that AWS signs for the role of this process. The
// configuration is loaded once, at the first call that finds it whole.
func (c chooser) aws() fetcher {
	load := c.AWS
	if load == nil {
		load = func(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
	}
	var client *sts.Client
	return func(ctx context.Context) (string, time.Time, error) {
		limited, cancel := context.WithTimeout(ctx, awsTimeout)
		defer cancel()
		if client == nil {
			made, err := newSTS(limited, load)
			if err != nil {
				return "", time.Time{}, err
			}
			client = made
		}
		token, ends, err := webIdentity(limited, client)
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("ask AWS STS for a token: %w", ctx.Err())
		}
		return token, ends, err
	}
}

// newSTS makes the client of the region's end point: the global one has no such call.
func newSTS(ctx context.Context, load func(context.Context) (aws.Config, error)) (*sts.Client, error) {
	c, err := load(ctx)
	if err != nil {
		return nil, fault.Stopf(fault.WorkloadIdentityMissing, "the AWS configuration cannot be read; check the AWS_* variables: %w", err)
	}
	if c.Region == "" || c.Region == "aws-global" {
		return nil, fault.Stopf(fault.WorkloadIdentityMissing, "set AWS_REGION: only regional end points of AWS STS give tokens, and the region is %q", c.Region)
	}
	if c.Credentials == nil {
		return nil, fault.Stopf(fault.WorkloadIdentityMissing, "the AWS configuration names no credentials: give the process a role")
	}
	// The runner retries, by the queue and not by sleeping.
	return sts.NewFromConfig(c, func(o *sts.Options) { o.Retryer = aws.NopRetryer{} }), nil
}

func webIdentity(ctx context.Context, client *sts.Client) (string, time.Time, error) {
	if _, err := client.Options().Credentials.Retrieve(ctx); err != nil {
		return "", time.Time{}, fault.Retry(fault.WorkloadIdentityMissing, 0, fmt.Errorf("AWS gives this process no credentials of a role: %w", err))
	}
	out, err := client.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience: []string{tokenExchange}, SigningAlgorithm: aws.String(awsAlgorithm), DurationSeconds: aws.Int32(awsSeconds),
	})
	if err != nil {
		return "", time.Time{}, ofSTS(err)
	}
	if aws.ToString(out.WebIdentityToken) == "" || out.Expiration == nil {
		return "", time.Time{}, fault.Retry(fault.AnswerNotUnderstood, 0, errors.New("AWS STS answered without a token or its end; check the STS end point"))
	}
	return *out.WebIdentityToken, *out.Expiration, nil
}

// stsRule is one row of the table of STS's answers.
type stsRule struct {
	codes  []string
	class  fault.Class
	remedy string
}

// stsRules tell what a person does about an answer (source: AWS STS API reference,
// GetWebIdentityToken and common errors). Throttling and 5xx are seen before.
var stsRules = []stsRule{
	{[]string{"OutboundWebIdentityFederationDisabledException"}, fault.Permanent,
		"switch outbound identity federation on for the AWS account: aws iam enable-outbound-web-identity-federation"},
	{[]string{"AccessDenied", "AccessDeniedException"}, fault.Permanent,
		"allow the role of this process sts:GetWebIdentityToken for audience " + tokenExchange},
	{[]string{"SessionDurationEscalationException", "ExpiredToken", "ExpiredTokenException", "RequestExpired"}, fault.Transient,
		"the session of the role is at its end, and AWS gives a new one"},
	{[]string{"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken", "RegionDisabledException"}, fault.Permanent,
		"check the AWS credentials of this process, its clock and AWS_REGION"},
	{[]string{"InvalidAction", "JWTPayloadSizeExceededException", "ValidationError"}, fault.Permanent,
		"check AWS_REGION and the STS end point; if they are right, report it"},
}

// noCode is what the SDK calls an answer without an error code.
const noCode = "UnknownError"

func ofSTS(err error) error {
	answered, ok := errors.AsType[smithy.APIError](err)
	status := 0
	if failed, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = failed.HTTPStatusCode()
	}
	switch {
	case ok && isThrottle(answered):
		return fault.Retry(fault.Throttled, 0, fmt.Errorf("AWS STS asks for a pause: %w", err))
	case status >= http.StatusInternalServerError:
		return fault.Retry(fault.ServiceUnavailable, 0, fmt.Errorf("AWS STS is not available: %w", err))
	case !ok && status == 0:
		return fault.Retry(fault.Unreachable, 0, fmt.Errorf("no answer from AWS STS; check the network path to its end point in AWS_REGION: %w", err))
	case !ok, answered.ErrorCode() == noCode:
		return fault.Retry(fault.AnswerNotUnderstood, 0, fmt.Errorf("the answer is not that of AWS STS; check the STS end point: %w", err))
	}
	for _, row := range stsRules {
		if slices.Contains(row.codes, answered.ErrorCode()) {
			return &fault.Error{Class: row.class, Code: fault.WorkloadIdentityMissing, Err: fmt.Errorf("AWS STS gives no token: %s: %w", row.remedy, err)}
		}
	}
	return fault.Retry(fault.Unexpected, 0, fmt.Errorf("AWS STS gives no token, for a reason that is not known here: %w", err))
}

func isThrottle(err error) bool {
	return retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}.IsErrorThrottle(err) == aws.TrueTernary
}
