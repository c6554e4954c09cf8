#!/usr/bin/env bash
# Installs edgekit into an environment of its own in RUNNER_TEMP, and where apt-get is at hand the cross compiler that
# weighs flash. INPUT_EDGEKIT names a wheel or a checkout; empty takes the repository that this action is of.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
environment="$RUNNER_TEMP/edgekit-check"

python3 -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
  --constraint "$root/tools/constraints.txt" "${INPUT_EDGEKIT:-$root}"
echo "EDGEKIT=$environment/bin/edgekit" >> "$GITHUB_ENV"

if ! command -v xtensa-lx106-elf-gcc > /dev/null && command -v apt-get > /dev/null; then
  packages=(gcc-xtensa-lx106 binutils-xtensa-lx106 picolibc-xtensa-lx106-elf)
  if ! { sudo apt-get update -qq && sudo apt-get install -qq --no-install-recommends "${packages[@]}" > /dev/null; }; then
    echo "::warning title=edgekit::The cross compiler could not be installed: flash is not measured."
  fi
fi
