<?php
// Router for PHP's built-in server: notes the request line and answers.
$line = $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'] . "\n";
file_put_contents(getenv('SEEN'), $line, FILE_APPEND);
strlen(file_get_contents('php://input'));
header('Content-Length: 2');
echo 'ok';
