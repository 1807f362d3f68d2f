module github.com/nightlatch/nightlatch/bench

go 1.26.0

require (
	github.com/nightlatch/nightlatch v0.0.0
	github.com/pquerna/otp v1.5.0
)

require (
	github.com/boombuler/barcode v1.0.1-0.20190219062509-6c824513bacc // indirect
	rsc.io/qr v0.2.0 // indirect
)

replace github.com/nightlatch/nightlatch => ../
