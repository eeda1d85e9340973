import { once } from "node:events";
import { PatroniCluster } from "./patroni-cluster.ts";

/*
 * Runs the cluster of this folder on this machine until Ctrl-C: `node examples/high-availability/cluster.ts [folder]`. The
 * folder must exist and be empty, and is removed at the end. Root is not needed. Patroni, etcd, HAProxy and PostgreSQL must
 * be installed, but need not run.
 */
const [folder] = process.argv.slice(2);
const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
await using cluster = await PatroniCluster.start(folder === undefined ? {} : { folder });
console.log(`export SEALWIRE_STORE='${cluster.url().replace(`:${cluster.password}@`, "@")}'`);
console.log(`export PGPASSWORD='${cluster.password}'`);
for (const { name, log, restPort } of cluster.members) {
  console.log(`# ${name}: http://127.0.0.1:${restPort}/cluster, log ${log}`);
}
await stopped;
