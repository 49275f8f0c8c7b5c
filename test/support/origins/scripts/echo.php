<?php
// Router for PHP's built-in server: /ok, /size/..., and everything else is echoed.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$file = getenv('DOCUMENTS') . $path;
if ($path === '/ok' || str_starts_with($path, '/size/')) {
    header('Content-Type: application/octet-stream');
    header('Content-Length: ' . filesize($file));
    if ($_SERVER['REQUEST_METHOD'] !== 'HEAD') readfile($file);
    return;
}
$body = file_get_contents('php://input');
header('Content-Type: application/json');
echo json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'url' => $_SERVER['REQUEST_URI'],
    'headers' => getallheaders(),
    'sha256' => hash('sha256', $body),
    'bytes' => strlen($body),
]);
