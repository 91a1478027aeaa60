# SPDX-License-Identifier: MIT
# setup.sh: what tools/demo and tools/test share: install what is missing, configure, build. Sourced by them.
# Needs nothing but the base system: no git, no curl, no sudo when run as root.

kedge_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Prints the packages of the given tools/deps list that are not installed.
setup_missing() {
	local package
	for package in $("$kedge_top/tools/deps" "$1"); do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# setup_install LIST ALLOWED: installs what is missing.
setup_install() {
	local missing as_root
	missing=$(setup_missing "$1" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	as_root=$(setup_as_root "$2")
	# The lists of a fresh system are empty: without them apt knows no package at all.
	# shellcheck disable=SC2086
	if ! { $as_root apt-get -q update && $as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install $missing; } >"$kedge_log" 2>&1; then
		echo "kedge: installing failed; the end of $kedge_log:" >&2
		tail -n 15 "$kedge_log" >&2
		exit 3
	fi
}

# setup_build PRESET [TARGET...]: configures, builds; shows the log's end when that fails. Configures each time, in half a second: what was
# configured before Python was installed has no scenarios.
setup_build() {
	local preset=$1 dir
	shift
	dir="$kedge_top/build-$preset"
	[ "$preset" = dev ] && dir="$kedge_top/build"
	if ! (cd "$kedge_top" && cmake --preset "$preset") >"$kedge_log" 2>&1 ||
		! ninja -C "$dir" "$@" >>"$kedge_log" 2>&1; then
		echo "kedge: the build failed; the end of $kedge_log:" >&2
		tail -n 40 "$kedge_log" >&2
		exit 1
	fi
}

# setup_as_root ALLOWED: prints what makes a command root's; fails where it may not or cannot be.
setup_as_root() {
	if [ "$1" = no ]; then
		return 1
	elif [ "$(id -u)" != 0 ]; then
		sudo -n true 2>/dev/null && echo "sudo -n"
	fi
}

# setup_plan LIST ALLOWED WHAT TIME: the first line: what will be installed, built and run, and how long that takes.
# Exit 3 with the one apt line where packages are missing and may not or cannot be installed.
setup_plan() {
	local missing count plan=""
	missing=$(setup_missing "$1")
	if [ -n "$missing" ] && ! setup_as_root "$2" >/dev/null; then
		echo "kedge: these packages are missing; as root run:" >&2
		# shellcheck disable=SC2086,SC2116
		echo "  apt-get update && apt-get install -y --no-install-recommends $(echo $missing)" >&2
		exit 3
	fi
	count=$(printf '%s' "$missing" | grep -c . || true)
	if [ "$count" -gt 0 ]; then
		plan="install $count packages (about 4 min), "
	fi
	[ -x "$kedge_top/build/kedge" ] || plan="${plan}build (about 2 min), "
	echo "kedge: will ${plan}run $3 ($4)"
}

# Thousands of calls need their sockets: the soft descriptor limit is raised to the hard one.
setup_limits() {
	ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
}

kedge_log=$(mktemp "${TMPDIR:-/tmp}/kedge-setup.XXXXXX")
trap 'rm -f "$kedge_log"' EXIT
