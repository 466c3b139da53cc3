#!/bin/sh
# Installs Chromium (with and without its window), Node, PostgreSQL, PgBouncer, nginx, HAProxy and promtool for the tests that need them, if they are missing and this may be done here.
set -u
wanted=""
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    wanted="$wanted chromium"
# Most tests of the page take half as long in it; where it cannot be had, they run in the whole Chromium.
if [ "$(id -u)" = 0 ] && ! command -v chromium-headless-shell >/dev/null &&
    apt-cache show chromium-headless-shell >/dev/null 2>&1; then
    wanted="$wanted chromium-headless-shell"
fi
{ command -v node >/dev/null && command -v npm >/dev/null; } || wanted="$wanted nodejs npm"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
for proxy in nginx haproxy pgbouncer; do
    PATH="$PATH:/usr/sbin" command -v $proxy >/dev/null || wanted="$wanted $proxy"
done
command -v promtool >/dev/null || wanted="$wanted prometheus"
[ -z "$wanted" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing for the tests:$wanted"
    # shellcheck disable=SC2086
    # RUNLEVEL=1: what is a service is not started; the tests start what they need.
    apt-get update -qq >/dev/null && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $wanted >/dev/null
else
    echo "not installed, so their tests are skipped:$wanted"
fi
exit 0
