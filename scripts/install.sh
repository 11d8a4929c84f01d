#!/bin/sh
# Builds the four programs and installs them, with their completions and man pages.
set -eu

help() {
	cat <<END
usage: $0 PREFIX

Installs the programs below PREFIX, such as /usr/local or ~/.local:

  bin                                 ner-prompt, ner-run, ner-batch and ner-collect
  share/man/man1                      their man pages
  share/bash-completion/completions   what bash, zsh and fish complete
  share/zsh/site-functions
  share/fish/vendor_completions.d
END
}

case ${1-} in
-h | --help)
	help
	exit 0
	;;
'' | -*)
	help >&2
	exit 2
	;;
/*) prefix=$1 ;;
*) prefix=$PWD/$1 ;;
esac
if [ $# -gt 1 ]; then
	help >&2
	exit 2
fi
cd "$(dirname -- "$(readlink -f -- "$0")")/.."

bin=$prefix/bin man=$prefix/share/man/man1
bash=$prefix/share/bash-completion/completions
zsh=$prefix/share/zsh/site-functions
fish=$prefix/share/fish/vendor_completions.d
mkdir -p -- "$bin" "$man" "$bash" "$zsh" "$fish"
go build -o "$bin/" ./cmd/...
for name in ner-prompt ner-run ner-batch ner-collect; do
	"$bin/$name" man >"$man/$name.1"
	"$bin/$name" completion bash >"$bash/$name"
	"$bin/$name" completion zsh >"$zsh/_$name"
	"$bin/$name" completion fish >"$fish/$name.fish"
done
echo "installed ner-prompt, ner-run, ner-batch and ner-collect in $bin"
case :$PATH: in
*:"$bin":*) ;;
*) echo "add it to your PATH: export PATH=\"$bin:\$PATH\"" ;;
esac
