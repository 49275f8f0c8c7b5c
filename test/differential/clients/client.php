<?php
// PHP's http:// streams: a connection for each request. See driver.ts for what is read and written.
function ask(string $method, string $url): array {
    $options = ['method' => $method, 'ignore_errors' => true, 'follow_location' => 0, 'timeout' => 60];
    if ($method === 'POST') $options += ['content' => 'hello', 'header' => 'Content-Type: text/plain'];
    $body = @file_get_contents($url, false, stream_context_create(['http' => $options]));
    $headers = $http_response_header ?? [];
    $status = 0;
    $length = null;
    foreach ($headers as $header) {
        if (preg_match('~^HTTP/1\.\d (\d{3})~', $header, $found)) {
            $status = (int) $found[1];
            $length = null;
        } elseif (preg_match('~^Content-Length: (\d+)$~i', $header, $found)) $length = (int) $found[1];
    }
    // A body in chunks that ends early is no error here, nor one that is shorter than its length: the caller has to look.
    $whole = $body === false ? false : null;
    $hasBody = $method !== 'HEAD' && $status !== 204 && $status !== 304;
    if ($body !== false && $length !== null && $hasBody) $whole = strlen($body) === $length;
    return ['status' => $status, 'body' => base64_encode((string) $body), 'whole' => $whole];
}

while (($line = fgets(STDIN)) !== false) {
    [$id, $method, $port] = explode(' ', trim($line));
    $first = ask($method, "http://127.0.0.1:$port/r$id");
    $next = ask('GET', "http://127.0.0.1:$port/n$id");
    echo json_encode(['id' => (int) $id, 'first' => $first, 'next' => $next]), "\n";
}
