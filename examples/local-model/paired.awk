# A paired bootstrap over sentences. Input: the output of counts.jq. Prints the
# difference in F1 and its 95 % interval, from 2,000 resamples.
{ for (i = 1; i <= 6; i++) count[NR, i] = $i }

function f1(tp, fp, fn) { return 2 * tp + fp + fn ? 100 * 2 * tp / (2 * tp + fp + fn) : 0 }

function difference(resample,    sum, i, n, s) {
	for (n = 1; n <= NR; n++) {
		s = resample ? 1 + int(rand() * NR) : n
		for (i = 1; i <= 6; i++) sum[i] += count[s, i]
	}
	return f1(sum[4], sum[5], sum[6]) - f1(sum[1], sum[2], sum[3])
}

END {
	srand(1)
	resamples = 2000
	for (r = 1; r <= resamples; r++) {
		d = difference(1)
		for (i = r; i > 1 && drawn[i - 1] > d; i--) drawn[i] = drawn[i - 1] # sorted as they come
		drawn[i] = d
	}
	low = drawn[resamples * 0.025]
	high = drawn[resamples * 0.975]
	printf "%-42s %+6.2f  [%+.2f, %+.2f]%s\n", name, difference(0), low, high, (low > 0 || high < 0) ? "  *" : ""
}
