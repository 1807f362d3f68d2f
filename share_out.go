package nightlatch

import "net/netip"

// networkOf is the network by which what is scarce is shared out: of IPv4 24 bits, of IPv6 48, which is what one site is
// given (RFC 6177). It is coarser than what wrong tries are counted by: who is in the network of a flood waits a little
// longer, and loses nothing by it. "": it cannot be told.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return ""
	}
	bits := 24
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 48
	}
	return netip.PrefixFrom(ip, bits).Masked().String()
}
