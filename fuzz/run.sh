#!/bin/sh
# Runs one fuzzer with its limits and words: fuzz/run.sh TARGET SECONDS [FOLDER...]
# What it finds worth keeping goes to fuzz/found/TARGET (not committed), what breaks a promise to fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")"
target=$1 seconds=$2
shift 2
case $target in
camt | pain) words=xml ;;
statement_table | reply_table) words=table ;;
opening_list | claimant_list) words=list ;;
*) words=$target ;;
esac
mkdir -p "found/$target" "artifacts/$target"
exec cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "found/$target" "corpus/$target" "regressions/$target" "$@" -- \
    -max_len=65536 -timeout=10 -rss_limit_mb=1024 -max_total_time="$seconds" -dict="dictionaries/$words.dict" -reload=0
