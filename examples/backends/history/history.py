"""What a channel holds, for a page that goes on from there: python3 history.py <URL of a node> <channel> <last>"""
import os
import sys
import urllib.request
from urllib.parse import quote


def history(base, channel, last):
    """The last messages, JSON as it was published, and the offset behind them: what a browser subscribes `after`. The key has the right to read."""
    url = f"{base}/v1/channels/{quote(channel, safe='')}?last={last}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['FANFARE_PUBLISH_KEY']}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return {"messages": answer.read().decode(), "after": answer.headers["Stream-Next-Offset"]}


page = history(sys.argv[1], sys.argv[2], int(sys.argv[3]))
print(f'{{"messages":{page["messages"]},"after":"{page["after"]}"}}')
