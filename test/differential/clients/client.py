"""Python's http.client: two requests on one connection where it can. See driver.ts for what is read and written."""
import base64
import http.client
import json
import sys


def ask(connection, method, path):
    status, body = 0, b""
    try:
        connection.request(method, path, body=b"hello" if method == "POST" else None)
        response = connection.getresponse()
        status = response.status
        body = response.read()
        whole = True
    except http.client.IncompleteRead as error:
        body, whole = error.partial, False
        connection.close()
    except (http.client.HTTPException, OSError, ValueError):
        whole = False
        connection.close()
    return {"status": status, "body": base64.b64encode(body).decode(), "whole": whole}


for line in sys.stdin:
    id, method, port = line.split()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    first = ask(connection, method, "/r" + id)
    next = ask(connection, "GET", "/n" + id)
    connection.close()
    print(json.dumps({"id": int(id), "first": first, "next": next}), flush=True)
