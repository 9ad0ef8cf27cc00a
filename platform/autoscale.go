package platform

import "fmt"

// What autoscaling is told where nothing is said.
const (
	DefaultAutoscaleMin = 1
	DefaultAutoscaleCPU = 70 // percent
)

// maxAutoscaleCPU is the highest target that can be exceeded enough to count: a spherelet never uses more than its shape.
const maxAutoscaleCPU = 90

// MaxCount is how many spherelets a service runs at most.
const MaxCount = 100

// Autoscale lets CPU use decide how many spherelets of a service run (SPEC section 4).
type Autoscale struct {
	Min int `json:"min"`
	Max int `json:"max"`
	CPU int `json:"cpu"` // percent of their shape's vCPU that the spherelets use on average, as wanted
}

// Check refuses bounds that cannot be kept to, and targets that could never be met.
func (a Autoscale) Check() error {
	switch {
	case a.Min < 1 || a.Max > MaxCount || a.Min > a.Max:
		return fmt.Errorf("%w: autoscaling between %d and %d spherelets: choose 1 ≤ min ≤ max ≤ %d", ErrInvalid, a.Min, a.Max, MaxCount)
	case a.CPU < 1 || a.CPU > maxAutoscaleCPU:
		return fmt.Errorf("%w: autoscaling at %d %% CPU: choose 1 to %d; spherelets cannot use more than 100 %% of their shape, and a tenth over the target is let pass", ErrInvalid, a.CPU, maxAutoscaleCPU)
	}
	return nil
}

// Within is the count between the bounds that is nearest to count.
func (a Autoscale) Within(count int) int { return max(a.Min, min(count, a.Max)) }

// String says it in words, for a person.
func (a Autoscale) String() string {
	return fmt.Sprintf("%d to %d spherelets, at %d %% CPU", a.Min, a.Max, a.CPU)
}
