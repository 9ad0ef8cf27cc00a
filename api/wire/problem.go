package wire

import "csph/platform"

// Problem is the body of every error (RFC 9457, application/problem+json).
type Problem struct {
	Type      string `json:"type" doc:"Always about:blank: code tells the kinds apart"`
	Title     string `json:"title" doc:"The meaning of the status" example:"Not Found"`
	Status    int    `json:"status" doc:"The HTTP status" example:"404"`
	Code      string `json:"code" doc:"Machine-readable kind" example:"not_found"`
	Detail    string `json:"detail" doc:"What happened, for a person"`
	Hint      string `json:"hint,omitempty" doc:"What to do next, for a person"`
	RequestID string `json:"request_id" doc:"Names the request in the server's log"`
	// RetryAfter is also in the header of that name.
	RetryAfter int            `json:"retry_after,omitempty" doc:"Seconds after which it is worth trying again"`
	Errors     []ProblemField `json:"errors,omitempty" doc:"What is wrong with single fields"`
}

// ProblemField is one field of a request that was refused.
type ProblemField struct {
	Location string `json:"location" doc:"Where in the request" example:"body.count"`
	Message  string `json:"message"`
}

// Codes of problems.
const (
	CodeBadRequest   = "bad_request"
	CodeInvalid      = "invalid"
	CodeUnauthorized = "unauthorized"
	CodeForbidden    = "forbidden"
	CodeNotFound     = "not_found"
	CodeConflict     = "conflict"
	CodeTooLarge     = "too_large"
	CodeCapacity     = "capacity_exceeded"
	CodePrecondition = "changed_meanwhile"
	CodeRateLimited  = "rate_limited"
	CodeUnavailable  = "unavailable"
	CodeInternal     = "internal"
)

// Error is what happened, as shown to a person.
func (p *Problem) Error() string {
	if len(p.Errors) == 0 {
		return p.Detail
	}
	return p.Detail + ": " + p.Errors[0].Location + ": " + p.Errors[0].Message
}

// Is lets clients branch on the sentinels of platform, as the server's own code does.
func (p *Problem) Is(target error) bool {
	switch target {
	case platform.ErrInvalid:
		return p.Code == CodeInvalid
	case platform.ErrUnauthorized:
		return p.Code == CodeUnauthorized
	case platform.ErrForbidden:
		return p.Code == CodeForbidden
	case platform.ErrNotFound:
		return p.Code == CodeNotFound
	case platform.ErrConflict:
		return p.Code == CodeConflict
	case platform.ErrCapacity:
		return p.Code == CodeCapacity
	case platform.ErrPrecondition:
		return p.Code == CodePrecondition
	}
	return false
}
