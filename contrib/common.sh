# common.sh - what quickstart and check share; read by them.
# shellcheck shell=bash disable=SC2034 # the readers use the lists

# What building ctr takes on Debian.
BUILD_PACKAGES=(
  gcc libc6-dev make autoconf automake pkgconf libyajl-dev libseccomp-dev
)
# The C library of a static ctr; without it that takes glibc, and longer to start.
MUSL_PACKAGE=musl-dev

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# missing_packages NAME... - those that are not installed
missing_packages() {
  local name
  for name; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
      installed) ;;
      *) echo "$name" ;;
    esac
  done
}

# need_packages NAME... - install those that are missing. The package lists are
# fetched only if apt does not know one of them.
need_packages() {
  local missing apt=(apt-get -q -o DPkg::Lock::Timeout=300)
  command -v dpkg-query >/dev/null || die "no Debian system; needed are the likes of: $*"
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "not root, and these packages are missing: ${missing[*]}"
  echo "${0##*/}: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if ! "${apt[@]}" -s install --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    "${apt[@]}" update
  fi
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" ||
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; }
}

# want_package NAME WHAT-WITHOUT - install it where there is one, say so where there is not
want_package() {
  [ -n "$(missing_packages "$1")" ] || return 0
  if (need_packages "$1") >/dev/null 2>&1; then
    echo "${0##*/}: installed $1"
  elif [ "$(id -u)" != 0 ]; then
    echo "${0##*/}: $1 is not installed, which takes root: $2"
  else
    echo "${0##*/}: there is no $1: $2"
  fi
}

# build DIRECTORY CONFIGURE-ARGUMENT... - build the clone in that directory, out of
# tree; a second time only what has changed.
build() {
  local dir=$1 top
  shift
  top=$(pwd)
  if [ ! -e configure ] || [ -n "$(find configure.ac Makefile.am m4 src man tests -newer configure \
    \( -name 'Makefile.am' -o -name configure.ac -o -name '*.m4' \) -print -quit)" ]; then
    ./autogen.sh
    touch configure
  fi
  mkdir -p "$dir"
  if [ "$(cat "$dir/.configured" 2>/dev/null)" != "$*" ] || [ ! -e "$dir/Makefile" ]; then
    rm -f "$dir/.configured"
    (cd "$dir" && "$top/configure" -q "$@") && echo "$*" >"$dir/.configured"
  fi
  make -s -C "$dir" -j"$(nproc)"
}
