/**
 * Tells by its exit code whether all packages of package-lock.json that are made for this machine are installed: npm leaves
 * out an optional one that wants another Node.js than the one that npm runs on, without a word.
 */
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';

/** @param allowed a name, or a list of them; absent: all are */
const fits = (allowed, name) => allowed === undefined || [allowed].flat().includes(name);

const missing = Object.entries(packages)
  .filter(([, { optional, os }]) => optional === true && os !== undefined)
  .filter(
    ([, each]) => fits(each.os, process.platform) && fits(each.cpu, process.arch) && fits(each.libc, libc),
  )
  .filter(([path]) => !existsSync(path));
process.exitCode = missing.length > 0 ? 1 : 0;
