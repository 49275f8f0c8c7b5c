<?php
// Each request of a visitor asks the API once. Without a sidecar that is a DNS query, a TCP and a TLS handshake each time:
// PHP forgets everything between two requests. The variable is there because the pod names its upstream in an annotation.
$orders = file_get_contents(getenv('ORDERS_URL') . '/orders');
header('Content-Type: text/plain');
if ($orders === false) {
    http_response_code(502);
    echo "no orders: " . ($http_response_header[0] ?? 'no response') . "\n";
    exit;
}
echo "orders: $orders\n";
