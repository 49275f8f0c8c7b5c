<?php
// A page that asks three services, again and again, as PHP does it: each call opens a connection and closes it.
// Arguments: seconds, file of the authority to trust or '', URLs of the three. Prints one line of JSON.
[, $seconds, $authority, $small, $list, $upload] = $argv;
$tls = $authority === '' ? [] : ['cafile' => $authority, 'peer_name' => 'localhost'];
$get = stream_context_create(['http' => ['timeout' => 10], 'ssl' => $tls]);
$post = stream_context_create(['http' => [
    'timeout' => 10,
    'method' => 'POST',
    'header' => 'Content-Type: application/json',
    'content' => str_repeat('{"n":123}', 200),
], 'ssl' => $tls]);
$calls = [["$small/small", $get, 32], ["$list/size/10k", $get, 10240], ["$upload/upload", $post, 4]];

mt_srand(getmypid());
$requests = 0;
$errors = 0;
$pagesMs = [];
$end = microtime(true) + (float) $seconds;
while (microtime(true) < $end) {
    // What the rest of the page takes.
    usleep(mt_rand(5_000, 25_000));
    $begin = hrtime(true);
    foreach ($calls as [$url, $context, $length]) {
        $answer = @file_get_contents($url, false, $context);
        $requests++;
        if ($answer === false || strlen($answer) !== $length) {
            $errors++;
        }
    }
    $pagesMs[] = round((hrtime(true) - $begin) / 1e6, 3);
}
echo json_encode(['requests' => $requests, 'errors' => $errors, 'pagesMs' => $pagesMs]), "\n";
