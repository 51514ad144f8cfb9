#!/usr/bin/env bash
# Runs the symbolic models and compares every verdict with expected.tsv.
# Usage: run.sh [word]   only rows that contain the word.
# VERIFPAL names the program (default: verifpal on PATH), LIMIT the longest
# run of one row in seconds (default 1200). Exit status 0: all as expected.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tool=${VERIFPAL:-verifpal}
limit=${LIMIT:-1200}
word=${1:-}
command -v "$tool" >/dev/null || {
  echo "verifpal not found: cargo install verifpal --version 1.6.7 --ignore-rust-version" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0 good=0
while IFS=$'\t' read -r model sessions variants queries expected _; do
  case $model in '' | '#'*) continue ;; esac
  row="$model $sessions $variants $queries"
  case $row in *"$word"*) ;; *) continue ;; esac
  edits=()
  if [ "$variants" != - ]; then
    for name in ${variants//+/ }; do
      # A variant that changes nothing would prove nothing.
      grep -qE "//(- (.* )?|\+ )$name( |\$)" "$here/$model.vp" || { echo "no variant $name in $model" >&2; exit 2; }
      edits+=(-e "/\/\/- \(.* \)\{0,1\}$name\( .*\)\{0,1\}\$/d" -e "s|^//+ $name ||")
    done
  fi
  if [ "$queries" != all ]; then
    for name in ${queries//+/ }; do
      grep -qE "//\? $name\$" "$here/$model.vp" || { echo "no query $name in $model" >&2; exit 2; }
      edits+=(-e "s|//? $name\$||")
    done
    edits+=(-e '/\/\/? /d')
  fi
  sed "${edits[@]}" -e '/^\/\/ /d' "$here/$model.vp" >"$work/$model.vp"
  start=$(date +%s.%N)
  code=$(timeout "$limit" "$tool" verify "$work/$model.vp" --sessions "$sessions" --result-code --quiet 2>"$work/err" | tail -1)
  spent=$(date +%s.%N | awk -v s="$start" '{ printf "%.1f", $1 - s }')
  if [ "$code" = "$expected" ]; then
    word_out=ok good=$((good + 1))
  else
    word_out="NOT AS EXPECTED ($expected)" bad=$((bad + 1))
    sed 's/^/    /' "$work/err" | head -5
  fi
  printf '%-13s %s %-37s %-15s %-14s %6s s  %s\n' "$model" "$sessions" "$variants" "$queries" "${code:-none}" "$spent" "$word_out"
done <"$here/expected.tsv"
echo "$good as expected, $bad not"
[ "$bad" = 0 ] && [ "$good" != 0 ]
