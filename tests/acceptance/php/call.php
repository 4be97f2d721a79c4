<?php
// A client as PHP applications write it. Runs one job and prints its result.
// Run: php call.php HOST PORT FUNCTION WORKLOAD
declare(strict_types=1);

$client = new GearmanClient();
$client->addServer($argv[1], (int) $argv[2]);
$result = $client->doNormal($argv[3], $argv[4]);
if ($client->returnCode() !== GEARMAN_SUCCESS) {
    fwrite(STDERR, $client->error() . "\n");
    exit(1);
}
echo $result;
