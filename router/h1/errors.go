package h1

// Error says why a message is refused, and the status a server answers it with.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return e.Reason }

func bad(reason string) *Error { return &Error{Status: 400, Reason: reason} }

// The reasons for which a message is refused. They are compared by identity and never changed.
var (
	ErrBareLF        = bad("a line ends in LF without CR")
	ErrEmptyHead     = bad("the message starts with an empty line")
	ErrRequestLine   = bad("malformed request line")
	ErrTarget        = bad("malformed request target")
	ErrFieldLine     = bad("malformed header line")
	ErrFieldValue    = bad("forbidden byte in a header value")
	ErrNoHost        = bad("no Host header")
	ErrManyHosts     = bad("more than one Host header")
	ErrHost          = bad("malformed host")
	ErrLength        = bad("malformed Content-Length")
	ErrManyLengths   = bad("more than one Content-Length")
	ErrCoding        = bad("unsupported Transfer-Encoding")
	ErrLengthCoding  = bad("both Content-Length and Transfer-Encoding")
	ErrOldCoding     = bad("Transfer-Encoding in an HTTP/1.0 message")
	ErrConnection    = bad("malformed Connection header")
	ErrChunk         = bad("malformed chunk")
	ErrTrailer       = bad("malformed trailer section")
	ErrStatusLine    = bad("malformed status line")
	ErrVersion       = &Error{Status: 505, Reason: "unsupported HTTP version"}
	ErrManyFields    = &Error{Status: 431, Reason: "too many header lines"}
	ErrConnectMethod = &Error{Status: 405, Reason: "CONNECT is not offered here"}
	ErrExpectation   = &Error{Status: 417, Reason: "unknown expectation"}
)
