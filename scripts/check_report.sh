#!/usr/bin/env bash
# Opens pages of `efy report` in headless Chromium: `scripts/check_report.sh PAGE.html...`
# The console has to stay empty (the pages forbid scripts and requests, so that either would be reported there), and no page
# may be wider than its window, be it a phone or a wide screen. Skipped where there is no Chromium.
set -euo pipefail

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "skipped: report pages in a browser, for there is no chromium" && exit 0; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
options=(--headless --disable-gpu --hide-scrollbars --allow-file-access-from-files --user-data-dir="$scratch/profile")
[ "$(id -u)" -ne 0 ] || options+=(--no-sandbox)

cat >"$scratch/frames.html" <<'HTML'
<!doctype html>
<title>not loaded</title>
<script>
  for (const width of [320, 360, 600, 900, 1280, 1920])
    document.write(`<iframe src="page.html" width="${width}" height="800" style="border: 0"></iframe>`);
  onload = () => {
    const wide = [];
    for (const { contentDocument: page, width } of document.querySelectorAll("iframe")) {
      page.querySelectorAll("details").forEach((details) => (details.open = true));
      const found = page.documentElement.scrollWidth;
      if (found > width || !page.querySelector("h1")) wide.push(`${found} px in ${width} px`);
    }
    document.title = wide.length ? `too wide: ${wide.join(", ")}` : "fits";
  };
</script>
HTML

# Says what is wrong with $scratch/page.html; nothing if all is well.
faults() {
    timeout 60 "$browser" "${options[@]}" --enable-logging=stderr --dump-dom "file://$scratch/frames.html" \
        >"$scratch/dom" 2>"$scratch/log" || echo "chromium failed"
    grep -o 'CONSOLE.*' "$scratch/log" || true
    sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' "$scratch/dom" | grep -vx fits || true
}

# A check that finds nothing has to be one that could have.
sed 's|</main>|<p style="width: 3000px">.</p><img src="http://localhost:9/x.png"><script>1</script></main>|' "$1" >"$scratch/page.html"
found=$(faults)
for fault in "too wide" "x.png" "script"; do
    case $found in
        *"$fault"*) ;;
        *) echo "efy: a broken page was not found to be broken ($fault): $found" >&2 && exit 1 ;;
    esac
done

for page; do
    cp -- "$page" "$scratch/page.html"
    found=$(faults)
    [ -z "$found" ] || { echo "efy: $page: $found" >&2 && exit 1; }
    echo "$page: console empty, no wider than its window"
done
