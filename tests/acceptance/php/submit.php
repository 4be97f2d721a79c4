<?php
// A client as PHP applications write it. Submits each line of standard input as a background job.
// Run: php submit.php HOST PORT FUNCTION < LINES
declare(strict_types=1);

$client = new GearmanClient();
$client->addServer($argv[1], (int) $argv[2]);
while (($line = fgets(STDIN)) !== false) {
    $handle = $client->doBackground($argv[3], rtrim($line, "\n"));
    if ($client->returnCode() !== GEARMAN_SUCCESS) {
        fwrite(STDERR, $client->error() . "\n");
        exit(1);
    }
    echo $handle, "\n";
}
