#!/bin/sh
# Unpacks Debian's llama-server and its libraries into the folder given, to be run with their own dynamic loader.
# No root, no container. Exits 1, with the reason, where Debian's packages cannot be had.
# usage: setup.sh FOLDER
set -eu
[ $# = 1 ] || { echo "usage: setup.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ -x "$folder/unpacked/usr/bin/llama-server" ] && { echo "llama-server is already in $1"; exit 0; }

give_up() { echo "llama-server cannot be set up: $1" >&2; exit 1; }
command -v apt-get >/dev/null && command -v dpkg >/dev/null || give_up "no apt-get and dpkg"
[ "$(dpkg --print-architecture)" = amd64 ] || give_up "only Debian's amd64 build is known to work"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || give_up "$keyring is missing (package debian-archive-keyring)"
# The mirror that the system's own sources name, unless DEBIAN_MIRROR says otherwise.
mirror=${DEBIAN_MIRROR:-$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n1 | tr -d ' ')}
[ -n "$mirror" ] || give_up "no Debian mirror among the system's apt sources; set DEBIAN_MIRROR"

# A private apt state, so that nothing of the machine's is touched.
state=$folder/apt
mkdir -p "$state/etc/apt/apt.conf.d" "$state/etc/apt/trusted.gpg.d" "$state/etc/apt/preferences.d" "$state/lists/partial" "$state/cache/archives/partial" "$folder/debs" "$folder/unpacked"
: > "$state/status"
echo "deb [signed-by=$keyring] $mirror forky main" > "$state/etc/apt/sources.list"
cat > "$state/apt.conf" <<CONF
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
Dir::Etc "$state/etc/apt";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Architecture "amd64";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$state/apt.conf"
apt-get update -qq || give_up "the package index of $mirror cannot be read"
wanted='^(llama|libllama|libggml|libc6$|libstdc|libgcc-s1|libgomp|libssl|libcurl|lib.*(ssl|crypto|z|zstd|brotli|nghttp|idn2|psl|rtmp|ssh2|gnutls|krb5|gssapi|ldap|sasl|unistring|nettle|hogweed|gmp|p11|tasn1|ffi|keyutils|com-err)[0-9a-z.-]*$)'
packages=$(apt-get install -s --no-install-recommends llama.cpp-tools 2>/dev/null | awk '/^Inst/{print $2}' | grep -E "$wanted") || give_up "llama.cpp-tools is not in the index"
(cd "$folder/debs" && apt-get download -qq $packages) || give_up "the packages cannot be downloaded"
for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/unpacked"; done
rm -rf "$state/lists" "$state/cache" "$folder/debs"
[ -x "$folder/unpacked/usr/bin/llama-server" ] || give_up "the packages hold no llama-server"
