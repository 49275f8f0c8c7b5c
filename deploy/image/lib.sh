# Sourced by the scripts beside it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Names with a host part that is nobody's: such an image can be neither pulled nor pushed by mistake.
build_base=sidepool.test/build:local
runtime_base=sidepool.test/runtime:local

say() { printf '%(%H:%M:%S)T %s\n' -1 "$*" >&2; }
die() { say "error: $*"; exit 1; }

need() {
  local program
  for program; do
    type "$program" >/dev/null 2>&1 || die "$program is missing: install it (in Debian: docker.io debootstrap binutils)"
  done
}
need_engine() {
  need docker
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    die "no Docker engine answers: start one, or run this by test/support/docker-engine"
}

# The Debian release of this machine, and where its packages come from.
debian_release() { . /etc/os-release && echo "$VERSION_CODENAME"; }
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$(debian_release)" '$1 == release { print $2; exit }')
  [[ $mirror ]] || die "apt names no mirror for $(debian_release)"
  echo "$mirror"
}
