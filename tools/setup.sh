# shellcheck shell=bash
# Sourced by tools/check and tools/demo: changes to the checkout's root, installs what is missing, puts .venv first on PATH.
# Settings: EDGEKIT_PYTHON (a Python 3.11 or 3.12), EDGEKIT_VENV and XDG_CACHE_HOME (see tools/setup_venv.py).

if [[ ${1:-} == -h || ${1:-} == --help ]]; then # of the script that sources this
  sed -n '2,/^[^#]/s/^# //p' "$0"
  exit
fi

debian_packages=(
  g++ git clang chromium
  clang-format gcc-xtensa-lx106 binutils-xtensa-lx106 picolibc-xtensa-lx106-elf qemu-system-misc # the emulated board
)

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

apt_install() {
  local install=(apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@")
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >/dev/null 2>&1 || { apt-get update -qq && "${install[@]}" >/dev/null; }
}

install_debian_packages() {
  command -v dpkg-query >/dev/null || return 0
  local package missing=()
  for package in "${debian_packages[@]}"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [[ $(id -u) == 0 ]]; then
    echo "Installing ${missing[*]} with apt-get."
    apt_install "${missing[@]}" || echo "apt-get could not install ${missing[*]}: what needs them will fail." >&2
  else
    echo "Missing: ${missing[*]}. What needs them will fail. Install them with: sudo apt-get install ${missing[*]}" >&2
  fi
}

find_python() {
  local candidate
  for candidate in ${EDGEKIT_PYTHON:+"$EDGEKIT_PYTHON"} python3.11 python3.12 python3 python; do
    # ensurepip: Debian's python3 comes without it until python3-venv is installed
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

install_debian_packages
if ! python=$(find_python) && command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
  apt_install python3-venv || true
fi
if ! python=$(find_python); then
  echo "edgekit needs Python 3.11 or 3.12 with its venv module. Install one, or name it in EDGEKIT_PYTHON." >&2
  exit 1
fi
venv=$("$python" tools/setup_venv.py)
export PATH="$venv/bin:$PATH"
