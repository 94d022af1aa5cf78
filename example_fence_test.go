package conch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"conch"
)

// Two had the lock one after the other, and the first woke up late: its work is refused.
func ExampleDoFenced() {
	dir, err := os.MkdirTemp("", "conch")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "backup.fence") // /var/lib/backup.fence, say
	ctx := context.Background()

	// The numbers are what Hold.Fence returned to each.
	const early, late = 120924134203981826, 120924134203981827
	for _, fence := range []uint64{early, late, late, early} {
		err := conch.DoFenced(ctx, file, fence, func() error {
			fmt.Println("a step of the work with fence", fence)
			return nil
		})
		if errors.Is(err, conch.ErrStaleFence) {
			fmt.Println("refused:", fence)
		} else if err != nil {
			fmt.Println(err)
		}
	}

	// Output:
	// a step of the work with fence 120924134203981826
	// a step of the work with fence 120924134203981827
	// a step of the work with fence 120924134203981827
	// refused: 120924134203981826
}
