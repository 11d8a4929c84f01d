#!/bin/sh
# killed.sh FILE COMMAND ...: runs COMMAND, and kills it once FILE has three lines.
# It does nothing if FILE already exists.
file=$1
shift
[ ! -e "$file" ] || exit 0
"$@" 2> /dev/null &
while kill -0 $! 2> /dev/null; do
	if [ -e "$file" ] && [ "$(wc -l < "$file")" -ge 3 ]; then
		kill -9 $!
		echo "killed the first run after $(wc -l < "$file") answers"
	fi
	sleep 0.1
done
wait $! 2> /dev/null || true
