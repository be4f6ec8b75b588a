# Reads a channel by its URL with requests: every page, one long poll, then server-sent events until it has so many messages.
import json
import sys
from urllib.parse import urljoin

import requests

url, ticket, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
session = requests.Session()
session.headers["Authorization"] = f"Bearer {ticket}"
seen = []

page = url
while page:
    response = session.get(page, timeout=30)
    response.raise_for_status()
    seen += response.json()
    offset = response.headers["Stream-Next-Offset"]
    following = response.links.get("next")
    page = urljoin(page, following["url"]) if following else None

response = session.get(url, params={"offset": offset, "live": "long-poll"}, timeout=60)
response.raise_for_status()
seen += response.json()
offset = response.headers["Stream-Next-Offset"]

with session.get(url, params={"offset": offset, "live": "sse"}, stream=True, timeout=60) as events:
    events.raise_for_status()
    kind = None
    for line in events.iter_lines(decode_unicode=True):
        if line.startswith("event:"):
            kind = line[6:].strip()
        if line.startswith("data:") and kind == "data":
            seen += json.loads(line[5:])
            if len(seen) >= wanted:
                break

print(json.dumps(seen))
