package wire

import "time"

// Traffic is what the router has counted of the services that a caller sees, and what their spherelets use. Counts go on from the start
// of csphd, or its last upgrade: rates are the difference of two answers.
type Traffic struct {
	Time     time.Time        `json:"time"`
	Started  time.Time        `json:"started"` // the counting; another value than before means that counts began anew
	Bounds   []float64        `json:"bounds"`  // upper bounds of the latency buckets but the last, in seconds
	Services []ServiceTraffic `json:"services"`
}

// ServiceTraffic is what was counted of one service.
type ServiceTraffic struct {
	Service     string `json:"service"` // id
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Project     string `json:"project"`

	Requests Requests `json:"requests"` // ended
	InFlight int      `json:"in_flight"`
	BytesIn  uint64   `json:"bytes_in"`  // bodies of requests
	BytesOut uint64   `json:"bytes_out"` // bodies of answers
	Upstream uint64   `json:"upstream_errors"`
	// Use is of the spherelets of what is live, all together; absent while none runs.
	Use *ServiceUse `json:"use,omitempty"`
	// Latency counts requests by bucket; websockets and streams are not in it.
	Latency []uint64 `json:"latency"`
}

// ServiceUse is what the spherelets of a service use, all together.
type ServiceUse struct {
	Spherelets  int     `json:"spherelets" doc:"Those that run"`
	CPU         float64 `json:"cpu_seconds" doc:"CPU time since they were made; less than before when one of them has gone"`
	MilliCPU    int64   `json:"milli_cpu" doc:"Thousandths of a vCPU that they may use"`
	Memory      int64   `json:"memory" doc:"Bytes, without what the kernel can take back"`
	MemoryLimit int64   `json:"memory_limit" doc:"Bytes that they may use"`
}

// Requests counts requests by the class of their status.
type Requests struct {
	Informational uint64 `json:"1xx"` // websockets are 101
	Successful    uint64 `json:"2xx"`
	Redirected    uint64 `json:"3xx"`
	ClientErrors  uint64 `json:"4xx"`
	ServerErrors  uint64 `json:"5xx"`
	Unanswered    uint64 `json:"none"` // the connection ended without an answer
}

// Total is all of them.
func (r Requests) Total() uint64 {
	return r.Informational + r.Successful + r.Redirected + r.ClientErrors + r.ServerErrors + r.Unanswered
}
