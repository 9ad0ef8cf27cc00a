package platform

import "fmt"

// Shape is the size of one spherelet. Both limits are enforced by the kernel (SPEC section 1).
type Shape struct {
	Name     string `json:"name"`
	MilliCPU int64  `json:"milli_cpu"` // thousandths of a vCPU
	Memory   int64  `json:"memory"`    // bytes, swap included
}

// Shapes lists the shapes on offer, smallest first.
func Shapes() []Shape {
	return []Shape{
		{Name: "FLX", MilliCPU: 250, Memory: 512 << 20},
		{Name: "MAX", MilliCPU: 1000, Memory: 2 << 30},
		{Name: "PWR", MilliCPU: 2000, Memory: 4 << 30},
	}
}

// DefaultShape is the shape of a service that names none.
const DefaultShape = "FLX"

// ShapeNamed returns the shape called name (exact, upper case); ErrInvalid lists those on offer.
func ShapeNamed(name string) (Shape, error) {
	for _, s := range Shapes() {
		if s.Name == name {
			return s, nil
		}
	}
	return Shape{}, fmt.Errorf("%w: shape %q is not on offer; choose FLX (0.25 vCPU, 512 MB), MAX (1 vCPU, 2 GB) or PWR (2 vCPU, 4 GB)", ErrInvalid, name)
}

// Larger returns the next larger shape than name, false when there is none.
func Larger(name string) (Shape, bool) {
	all := Shapes()
	for i, s := range all {
		if s.Name == name && i+1 < len(all) {
			return all[i+1], true
		}
	}
	return Shape{}, false
}
