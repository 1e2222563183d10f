"""Write a review into one comment on the merge request that GitLab CI runs for.

Reads CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID and REVIEW_TOKEN.
"""

import json
import os
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

MARKER = "<!-- ecom review -->"
PICTURE = "![Curves of both sides]"
MISSING = f"{MARKER}\n\n## ⚠️ No comparison\n\nThe pipeline did not finish: see its job.\n"


def ask(method: str, address: str, body: dict[str, str] | None = None) -> Any:
    """Send a request to GitLab's API; return what it answers."""
    request = urllib.request.Request(  # noqa: S310  the address is GitLab's own
        address,
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={"PRIVATE-TOKEN": os.environ["REVIEW_TOKEN"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.loads(response.read())


def main() -> None:
    """Update the comment that bears the marker, or write the first."""
    review = Path(sys.argv[1])
    text = review.read_text(encoding="utf-8") if review.exists() else MISSING
    text = "\n".join(line for line in text.splitlines() if not line.startswith(PICTURE))
    project = urllib.parse.quote(os.environ["CI_PROJECT_ID"], safe="")
    notes = (
        f"{os.environ['CI_API_V4_URL']}/projects/{project}"
        f"/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    )
    page = 1
    while found := ask("GET", f"{notes}?per_page=100&page={page}"):
        for note in found:
            if note["body"].startswith(MARKER):
                ask("PUT", f"{notes}/{note['id']}", {"body": text})
                return
        page += 1
    ask("POST", notes, {"body": text})


if __name__ == "__main__":
    main()
