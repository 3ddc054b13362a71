#!/bin/sh
# Prepares a real Tryton 8.0 for the tests: a Python environment and an empty database to copy from.
#
#   scripts/tryton.sh FOLDER        or: HUDUN_TRYTON=FOLDER scripts/tryton.sh
#
# Afterwards FOLDER holds venv/ and template.sqlite (user admin, password in admin-password). It takes about two
# minutes the first time and nothing later. The tests of crates/gateway/tests/tryton.rs run when HUDUN_TRYTON names
# the folder.
set -eu

folder=${1:-${HUDUN_TRYTON:-}}
if [ -z "$folder" ]; then
    echo "usage: scripts/tryton.sh FOLDER (or set HUDUN_TRYTON)" >&2
    exit 2
fi
python=${PYTHON:-python3}
command -v "$python" >/dev/null || {
    echo "tryton.sh: $python is not installed; install Python 3.10 or newer with venv" >&2
    exit 1
}
mkdir -p "$folder"
folder=$(CDPATH='' cd -- "$folder" && pwd)

# Raise this number when the packages or the database change.
edition=1
stamp="$folder/edition"
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$edition" ]; then
    echo "Tryton is ready in $folder"
    exit 0
fi

# One at a time; whatever an interrupted run left behind is made again.
lock="$folder/lock"
if ! mkdir "$lock" 2>/dev/null; then
    echo "tryton.sh: another run is at work in $folder; if none is, remove $lock" >&2
    exit 1
fi
trap 'rmdir "$lock"' EXIT
trap 'exit 1' HUP INT TERM
rm -rf "$folder/venv" "$folder/template.sqlite" "$folder/making"

echo "Installing Tryton 8.0 into $folder"
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    'gunicorn>=23,<27' 'trytond>=8.0,<8.1' 'trytond-party>=8.0,<8.1' \
    'trytond-sale>=8.0,<8.1' 'trytond-sale-opportunity>=8.0,<8.1'

echo "Making an empty database"
mkdir "$folder/making"
cat > "$folder/making/trytond.conf" <<CONF
[database]
uri = sqlite:///
path = $folder/making
CONF
printf 'Tryton-Test-2026\n' > "$folder/admin-password"
: > "$folder/making/crm.sqlite"
TRYTONPASSFILE="$folder/admin-password" "$folder/venv/bin/trytond-admin" \
    -c "$folder/making/trytond.conf" -d crm -u sale sale_opportunity --activate-dependencies \
    --email admin@example.invalid -l zh_CN
mv "$folder/making/crm.sqlite" "$folder/template.sqlite"
rm -rf "$folder/making"
echo "$edition" > "$stamp"
echo "Tryton is ready in $folder"
