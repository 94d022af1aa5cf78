//go:build !linux && !darwin

package datadir

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
