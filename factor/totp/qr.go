package totp

import (
	"errors"
	"fmt"
	"strings"

	"rsc.io/qr"
)

// The quiet zones around a QR code, in modules. The standard asks for four; on a terminal, where the screen around it
// is wide, two are enough for cameras.
const (
	quietZone         = 4
	terminalQuietZone = 2
)

// QR is a QR code, drawn here: a secret goes to no other service.
type QR struct{ code *qr.Code }

// NewQR makes the QR code of a text, with error correction of level M. It fails for an empty text and for one that is
// too long, above some 2300 bytes.
func NewQR(text string) (QR, error) {
	if text == "" {
		return QR{}, errors.New("totp: an empty text has no QR code")
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return QR{}, fmt.Errorf("totp: no QR code of %d bytes: %w", len(text), err)
	}
	return QR{code}, nil
}

// PNG draws the code with eight pixels a module.
func (q QR) PNG() []byte { return q.code.PNG() }

// SVG draws the code as one path on a white ground, without styles and scripts, so that it may stand in a page with
// any content policy. One module is one unit; how large it is, the page says.
func (q QR) SVG() string {
	side := q.code.Size + 2*quietZone
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, side, side)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, side, side)
	for y := range q.code.Size {
		for x := 0; x < q.code.Size; {
			run := 0
			for q.code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quietZone, y+quietZone, run, run)
			}
			x += run + 1
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String()
}

// Terminal draws the code in lines of half blocks, for light letters on a dark ground: what is light is drawn.
func (q QR) Terminal() string {
	light := func(x, y int) bool { return !q.code.Black(x, y) }
	var b strings.Builder
	end := q.code.Size + terminalQuietZone
	for y := -terminalQuietZone; y < end; y += 2 {
		for x := -terminalQuietZone; x < end; x++ {
			// The side is odd: the last line has an upper half only.
			switch upper, lower := light(x, y), y+1 < end && light(x, y+1); {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
