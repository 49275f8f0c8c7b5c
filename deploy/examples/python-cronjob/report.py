"""Adds up every order. urllib opens a connection for each request; the sidecar does not."""
import json
import os
import urllib.request

api = os.environ["SIDEPOOL_ORDERS_URL"]


def ask(path):
    with urllib.request.urlopen(api + path, timeout=30) as answer:
        return answer.read()


count = sum(1 for number in range(200) if ask(f"/orders/{number}"))
print(json.dumps({"orders": count}))
