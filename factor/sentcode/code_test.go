package sentcode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

func numbers(ns ...uint32) *bytes.Buffer {
	var b bytes.Buffer
	for _, n := range ns {
		_ = binary.Write(&b, binary.BigEndian, n)
	}
	return &b
}

func TestNewCode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		random []uint32
		digits int
		want   string
	}{
		"leading zeros are digits":  {[]uint32{42}, 6, "000042"},
		"the last that counts":      {[]uint32{4294*1_000_000 - 1}, 6, "999999"},
		"the first that is uneven":  {[]uint32{4294 * 1_000_000, 7}, 6, "000007"},
		"the last that is uneven":   {[]uint32{1<<32 - 1, 1<<32 - 1, 8}, 6, "000008"},
		"eight digits":              {[]uint32{123_456_789}, 8, "23456789"},
		"eight digits, uneven":      {[]uint32{4_200_000_000, 99}, 8, "00000099"},
		"seven digits, last counts": {[]uint32{4_290_000_000 - 1}, 7, "9999999"},
	} {
		if got, err := newCode(numbers(tc.random...), tc.digits); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if code, err := newCode(bytes.NewReader(bytes.Repeat([]byte{0xff}, 1<<20)), 6); err == nil {
		t.Errorf("a source that is stuck gave %q", code)
	}
	if code, err := newCode(numbers(1<<32-1), 6); err == nil {
		t.Errorf("a source that ended gave %q", code)
	}
	if code, err := newCode(iotest.ErrReader(errors.New("gone")), 6); err == nil {
		t.Errorf("a source that failed gave %q", code)
	}
}

// Every digit comes at every place about as often as the others.
func TestCodesAreEven(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8([32]byte{7})
	var count [6][10]int
	const codes = 20_000
	for range codes {
		code, err := newCode(random, 6)
		if err != nil {
			t.Fatal(err)
		}
		for at, digit := range code {
			count[at][digit-'0']++
		}
	}
	for at := range count {
		chi := 0.0
		for _, n := range count[at] {
			d := float64(n) - codes/10
			chi += d * d / (codes / 10)
		}
		if chi > 33.7 { // one chance in ten thousand, of 9 degrees of freedom; the source is seeded
			t.Errorf("place %d: %v", at, count[at])
		}
	}
}
