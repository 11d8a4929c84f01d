//go:build !linux

package durable

const nameless = 0 // on other systems, a file has a name until it is removed
