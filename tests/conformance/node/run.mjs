// Runs the rows of Node. Not a place for rows: each family of libraries has a file of its own.
import { main } from "./frame.mjs";
import "./express.mjs";
import "./flexible.mjs";
import "./frameworks.mjs";
import "./logs.mjs";
import "./bottleneck.mjs";
import "./counters.mjs";
import "./cluster.mjs";

await main(process.argv.slice(2));
