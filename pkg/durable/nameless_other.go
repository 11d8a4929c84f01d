//go:build !linux

package durable

const nameless = 0 // elsewhere a file has a name until it is removed
