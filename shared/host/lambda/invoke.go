package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// invoker makes the one call that wakes a consumer. (The client for AWS Lambda of the SDK
// is not linked: what it sets up costs each start of a function a millisecond.)
type invoker struct {
	client           *http.Client
	endpoint, region string
	credentials      aws.Credentials
	prefix           string
	now              func() time.Time
}

// wakerFrom makes the waker that the environment asks for with USHER_WAKE_PREFIX: the
// consumer of a queue is the Lambda function of that prefix and the queue's name. Nil
// when it asks for none. All else is what Lambda puts into the environment of a function
// (source: AWS Lambda Developer Guide, "Defined runtime environment variables").
func wakerFrom(env func(string) (string, bool)) waker {
	get := func(name string) string { value, _ := env(name); return value }
	prefix := get("USHER_WAKE_PREFIX")
	if prefix == "" {
		return nil
	}
	i := invoker{
		client: &http.Client{}, prefix: prefix, region: get("AWS_REGION"), now: time.Now,
		credentials: aws.Credentials{AccessKeyID: get("AWS_ACCESS_KEY_ID"), SecretAccessKey: get("AWS_SECRET_ACCESS_KEY"), SessionToken: get("AWS_SESSION_TOKEN")},
	}
	i.endpoint = "https://lambda." + i.region + "." + domainOf(i.region)
	// Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"} {
		if at := get(name); at != "" {
			i.endpoint = strings.TrimSuffix(at, "/")
		}
	}
	return i.wake
}

// domainOf is where the endpoints of a region are (source: AWS General Reference, "AWS
// Lambda endpoints and quotas").
func domainOf(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// wake invokes the consumer of a queue, and does not wait for what it does (source: AWS
// Lambda API Reference, "Invoke").
func (i invoker) wake(ctx context.Context, queue string) error {
	body := []byte(`{"job":"` + jobDrain + `"}`)
	at := i.endpoint + "/2015-03-31/functions/" + url.PathEscape(i.prefix+queue) + "/invocations"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("invoke %s%s: %w", i.prefix, queue, err)
	}
	r.Header.Set("X-Amz-Invocation-Type", "Event")
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, i.credentials, r, hex.EncodeToString(sum[:]), "lambda", i.region, i.now()); err != nil {
		return fmt.Errorf("sign the call of %s%s: %w", i.prefix, queue, err)
	}
	resp, err := i.client.Do(r)
	if err != nil {
		return fmt.Errorf("invoke %s%s: %w", i.prefix, queue, err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("invoke %s%s: %s %s %s", i.prefix, queue, resp.Status, resp.Header.Get("X-Amzn-Errortype"), bytes.TrimSpace(said))
	}
	return nil
}
