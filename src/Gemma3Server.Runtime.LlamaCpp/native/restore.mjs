// Restores one ready-built llama.cpp library set from npm into obj/<variant>/.
//
//   node restore.mjs <variant> <package> [<package> ...]
//
// Pins and hashes stand in package-lock.json. npm ci runs in a staging folder on a copy of the lock that names only the wanted packages;
// the finished folder is renamed into place, so a killed restore leaves nothing half done and a parallel one sees all or nothing. The lock
// file only keeps two processes from downloading the same archive; correctness does not rest on it.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { constants, copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [variant, ...packages] = process.argv.slice(2);
const root = join(here, "obj");
const target = join(root, variant);
const stamp = join(target, "restored.json");

// C++ only, and the add-on of another program: of no use from C#.
const unwanted = /^libllama-common\./;

// The largest set takes minutes on a slow line; a killed restore's folder is nobody's long before an hour is over.
const longestWaitSeconds = Number(process.env.LLAMA_RESTORE_WAIT_SECONDS ?? 600);
const oldestStagingSeconds = 3600;

const fail = (message) => {
  console.error(message);
  process.exit(1);
};

const lock = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const pinned = Object.fromEntries(packages.map((name) => [name, lock.packages[`node_modules/${name}`] ?? fail(`package-lock.json does not pin ${name}.`)]));
const wanted = JSON.stringify(Object.fromEntries(packages.map((name) => [name, pinned[name].integrity])));

const isRestored = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;

function finishIfRestored() {
  if (!isRestored()) return false;
  utimesSync(stamp, new Date(), new Date()); // tells MSBuild that it is newer than the lock file
  return true;
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

const wait = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const read = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return "";
  }
};

/**
 * Takes the lock of this variant, waiting for a living owner; returns the function that gives it back. A dead owner's lock is taken over, and
 * so is one that is held for too long, since its owner's pid may be another program's by now. Where two take over at the same time, both
 * may go on; that costs a second download and nothing else.
 */
function takeLock() {
  const path = join(root, `${variant}.lock`);
  const me = `${process.pid} ${randomUUID()}`;
  const mine = `${path}.${process.pid}`;
  const deadline = Date.now() + longestWaitSeconds * 1000;
  const release = () => {
    if (read(path) === me) rmSync(path, { force: true });
  };
  try {
    for (;;) {
      writeFileSync(mine, me);
      try {
        linkSync(mine, path);
        return release;
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
      }

      const owner = read(path);
      const isGivenBack = owner === "";
      if ((isGivenBack || isAlive(Number.parseInt(owner, 10))) && Date.now() < deadline) {
        wait(isGivenBack ? 1 : 200);
        continue;
      }

      renameSync(mine, path);
      wait(200); // another may have seen the same dead owner, and the last one to rename has the lock
      if (read(path) === me || Date.now() >= deadline) return release;
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function install(staging) {
  const dependencies = Object.fromEntries(packages.map((name) => [name, pinned[name].version]));
  const self = { ...lock.packages[""], dependencies };
  const kept = Object.fromEntries(packages.map((name) => [`node_modules/${name}`, pinned[name]]));
  writeFileSync(join(staging, "package.json"), JSON.stringify({ ...manifest, dependencies }));
  writeFileSync(join(staging, "package-lock.json"), JSON.stringify({ ...lock, packages: { "": self, ...kept } }));
  copyFileSync(join(here, ".npmrc"), join(staging, ".npmrc"));

  const cpu = packages[0].includes("arm64") ? "arm64" : "x64";
  const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--os=linux", `--cpu=${cpu}`, "--libc=glibc"], { cwd: staging, encoding: "utf8" });
  if (npm.error?.code === "ENOENT") fail("npm was not found. Install Node.js 20 or newer with npm: the build takes the pinned llama.cpp library from npm.");
  if (npm.error) fail(`npm could not be started: ${npm.error.message}`);
  if (npm.status !== 0) {
    const reason = npm.stderr.split("\n").filter((line) => /npm (error|ERR!)/.test(line)).map((line) => line.replace(/^npm (error|ERR!)\s*/, "")).filter((line) => line && !line.startsWith("A complete log")).join("; ");
    fail(`npm ci could not restore ${packages.join(" and ")}: ${reason || `exit code ${npm.status}`}. The first build needs the network; later ones do not.`);
  }
}

/** Copies the libraries of bins/<folder>/ (and of its fallback/, if any) into the new variant folder. */
function collect(staging, folder) {
  for (const name of packages) {
    const bins = join(staging, "node_modules", name, "bins");
    for (const set of readdirSync(bins)) copyLibraries(join(bins, set), folder);
    copyFileSync(join(staging, "node_modules", name, "LICENSE"), join(folder, "LICENSE"));
  }
}

function copyLibraries(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copyLibraries(join(from, entry.name), join(to, entry.name));
    else if (entry.name.endsWith(".so") && !unwanted.test(entry.name)) copyFileSync(join(from, entry.name), join(to, entry.name), constants.COPYFILE_FICLONE);
  }
}

if (!variant || packages.length === 0) fail("usage: node restore.mjs <variant> <package> [<package> ...]");
mkdirSync(root, { recursive: true });
if (finishIfRestored()) process.exit(0);

const release = takeLock();
process.on("exit", release);
if (finishIfRestored()) process.exit(0); // another build was faster

for (const name of readdirSync(root)) {
  if (!name.startsWith(`${variant}.staging-`)) continue;
  const age = Date.now() - (statSync(join(root, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > oldestStagingSeconds * 1000) rmSync(join(root, name), { recursive: true, force: true }); // of a killed restore
}

const staging = mkdtempSync(join(root, `${variant}.staging-${process.pid}-`));
process.on("exit", () => rmSync(staging, { recursive: true, force: true }));
install(staging);
const fresh = join(staging, "fresh");
collect(staging, fresh);
writeFileSync(join(fresh, "restored.json"), wanted);
if (finishIfRestored()) process.exit(0); // another one took over a lock that this one held for long
try {
  if (existsSync(target)) renameSync(target, join(staging, "old"));
  renameSync(fresh, target);
} catch (error) {
  if (!isRestored()) throw error; // otherwise another process put the same set there
}
