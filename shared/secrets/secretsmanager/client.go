// Package secretsmanager keeps sealed passwords in AWS Secrets Manager, and fetches
// secret settings from there. It keeps nothing itself: every answer is the service's.
package secretsmanager

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// Scheme begins the references of this package.
const Scheme = "aws-secretsmanager:"

// callTimeout bounds one call. Secrets Manager answers within a second.
const callTimeout = 10 * time.Second

// Options of a Vault or a Resolver.
type Options struct {
	// Load gives credentials, endpoint and transport for a region; an empty region means
	// the one of the environment. Nil means the SDK's own chain: AWS_REGION, the role of
	// a Lambda function or container, shared configuration files.
	Load func(ctx context.Context, region string) (aws.Config, error)
	// Attempts is how often a call is tried in place, with pauses of up to a few
	// seconds. Zero means once: whoever works from a queue comes again anyway.
	Attempts int
}

// clients makes the client of each region once.
type clients struct {
	options Options

	mu    sync.Mutex
	known map[string]*secretsmanager.Client
}

func newClients(o Options) *clients {
	if o.Load == nil {
		o.Load = func(ctx context.Context, region string) (aws.Config, error) {
			return config.LoadDefaultConfig(ctx, config.WithRegion(region))
		}
	}
	return &clients{options: o, known: map[string]*secretsmanager.Client{}}
}

func (c *clients) in(ctx context.Context, region string) (*secretsmanager.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.known[region]; client != nil {
		return client, nil
	}
	loaded, err := c.options.Load(ctx, region)
	if err != nil {
		return nil, sealed.Refused("read the configuration of AWS: %w", err)
	}
	if loaded.Region == "" {
		return nil, sealed.Refused("the AWS region is not known; set AWS_REGION")
	}
	client := secretsmanager.NewFromConfig(loaded, func(o *secretsmanager.Options) { o.RetryMaxAttempts = max(c.options.Attempts, 1) })
	c.known[region] = client
	return client, nil
}

// get fetches the current text of a secret, by name or ARN.
func (c *clients) get(ctx context.Context, region, id string) (s account.Secret, err error) {
	const action = "GetSecretValue"
	err = c.do(ctx, region, action, id, func(ctx context.Context, client *secretsmanager.Client) error {
		found, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err == nil {
			s = account.NewSecret(aws.ToString(found.SecretString))
		}
		return err
	})
	if err == nil && s.IsZero() {
		err = sealed.Refused("the secret %s holds no text", id)
	}
	return s, err
}

// do makes one call. Its error is classified.
func (c *clients) do(ctx context.Context, region, action, id string, call func(context.Context, *secretsmanager.Client) error) error {
	client, err := c.in(ctx, region)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return classify(ctx, action, id, call(limited, client))
}
