# Sourced by the launchers: the Python, and a check of numbers.
python=${PYTHON:-$here/../.venv/bin/python}
[ -x "$python" ] || command -v "$python" >/dev/null || python=python
command -v "$python" >/dev/null || python=python3

# is_count NAME VALUE: whether VALUE is a whole number of at least 1; says so if it is not
is_count() {
  case $2 in
    '' | *[!0-9]* | 0*) echo "error: $1 must be at least 1 and a whole number, but got '$2'." >&2; return 1 ;;
  esac
}
