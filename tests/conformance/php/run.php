<?php
// Runs the rows of PHP. Not a place for rows: each library has a file of its own.
declare(strict_types=1);

// Debian's packages are older than its PHP; what is deprecated in them is not the row's business.
error_reporting(E_ALL & ~E_DEPRECATED);
require __DIR__ . '/frame.php';
$rows = [...require __DIR__ . '/laravel.php', ...require __DIR__ . '/symfony.php'];
main($rows, ...array_slice($argv, 1));
