<?php
// A worker as PHP applications write it. Answers `reverse` with the workload turned round.
// Run: php reverse_worker.php HOST PORT
declare(strict_types=1);

$worker = new GearmanWorker();
$worker->addServer($argv[1], (int) $argv[2]);
$worker->addFunction('reverse', fn (GearmanJob $job): string => strrev($job->workload()));
while ($worker->work()) {
}
fwrite(STDERR, $worker->error() . "\n");
exit(1);
