// Command hello is the smallest AWS Lambda function: what the functions' figures are
// held against.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartHandlerFunc(func(context.Context, struct{}) (string, error) { return "hello", nil })
}
