// Package events runs what triggers functions apart from the gateway: event source mappings of SQS queues and
// DynamoDB streams, and schedules. It talks to the engines through seam.Service alone, in AWS's JSON
// protocols, so another engine can stand behind it.
//
// The behaviour follows the AWS Lambda Developer Guide, pages "Using Lambda with Amazon SQS", "Process
// DynamoDB records with Lambda", "Control which events Lambda sends to your function" and "Use Lambda recursive
// loop detection".
package events
