/** One name per program, by its executable or by the script of its interpreter, which stays until an exec. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createProcessReporter, type ProcessReporter } from '../../src/probe/processes/index.js';
import { programName } from '../../src/probe/processes/program-name.js';
import { now } from '../../src/report/index.js';
import { startProgram } from '../support/program.js';

const DEADLINE_MS = 20_000;

function reporter(t: TestContext): ProcessReporter {
  const processes = createProcessReporter({ hostName: 'h' });
  t.after(() => processes.close());
  return processes;
}

async function nameOf(processes: ProcessReporter, pid: number): Promise<string | undefined> {
  const topology = (await processes.report(now())).get('Process');
  return topology?.nodes.get(`h;${pid}`)?.latest?.get('name')?.value;
}

/** Waits until a process has these arguments. */
async function untilCalled(pid: number, isMeant: (cmdline: string) => boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!isMeant(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) {
    assert.ok(performance.now() < end, `process ${pid} has not become what it should`);
    await setImmediate();
  }
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'topoprobe-names-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const PYTHON = 'import sys\nprint("up", flush=True)\nsys.stdin.read()\n';
const NODE = 'console.log("up"); process.stdin.resume();\n';
const PERL = '$| = 1; print "up\\n"; my $line = <STDIN>;\n';
const SHELL = 'echo up; read line\n';

/** Scripts by interpreter, and one line of code that does the same. */
const INTERPRETED: readonly [interpreter: string, file: string, text: string, code: string, own: string][] = [
  ['python3', 'worker.py', PYTHON, '-c', 'python3'],
  [process.execPath, 'server.js', NODE, '-e', 'node'],
  ['perl', 'tool.pl', PERL, '-e', 'perl'],
  ['bash', 'run.sh', SHELL, '-c', 'bash'],
  ['sh', 'start', SHELL, '-c', 'sh'],
];

for (const [interpreter, file, text, code, own] of INTERPRETED) {
  const skip = has(interpreter) ? false : `${interpreter} is not installed`;
  test(`${basename(interpreter)} is named by its script, however it is called`, { skip }, async (t) => {
    const path = join(folder(t), file);
    const full = execFileSync('sh', ['-c', 'command -v "$0"', interpreter], { encoding: 'utf8' }).trim();
    writeFileSync(path, `#!${full}\n${text}`);
    chmodSync(path, 0o755);
    const processes = reporter(t);
    for (const command of [[interpreter, path], [full, path, 'x'], [path]]) {
      const { pid } = await startProgram(t, command);
      assert.equal(await nameOf(processes, pid), file, command.join(' '));
    }
    for (const command of [interpreter, full]) {
      const { pid } = await startProgram(t, [command, code, text]);
      assert.equal(await nameOf(processes, pid), own, command);
    }
  });
}

test('a module of Python has its own name', { skip: !has('python3') }, async (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'serving.py'), PYTHON);
  const { pid } = await startProgram(t, ['sh', '-c', `cd ${path} && exec python3 -um serving`]);
  assert.equal(await nameOf(reporter(t), pid), 'serving');
});

test('a program is called by its base name, and a link to it by the name of the link', async (t) => {
  const path = folder(t);
  symlinkSync('/bin/cat', join(path, 'my-cat'));
  const processes = reporter(t);
  // They print what they read, so that they are there when they are looked at.
  for (const [command, name] of [
    ['exec cat', 'cat'],
    ['exec /bin/cat', 'cat'],
    [`exec ${path}/my-cat`, 'my-cat'],
  ] as const) {
    const { pid } = await startProgram(t, ['sh', '-c', `echo up; ${command}`]);
    await untilCalled(pid, (cmdline) => cmdline.endsWith('cat\0'));
    assert.equal(await nameOf(processes, pid), name, command);
  }
});

test('a title does not change the name, nor does that of a thread', { skip: !has('perl') }, async (t) => {
  const path = join(folder(t), 'renamer.pl');
  writeFileSync(
    path,
    '$| = 1; print "up\\n"; my $line = <STDIN>; $0 = "busy: 7 jobs"; print "done\\n"; <STDIN>;',
  );
  const { pid, child } = await startProgram(t, ['perl', path]);
  const processes = reporter(t);
  assert.equal(await nameOf(processes, pid), 'renamer.pl');
  child.stdin!.write('go\n');
  await untilCalled(pid, (cmdline) => cmdline.includes('busy'));
  for (let pass = 0; pass < 25; pass++) assert.equal(await nameOf(processes, pid), 'renamer.pl');
});

test(
  'who is forked has the name of its parent, and another one after an exec',
  { skip: !has('perl') },
  async (t) => {
    const path = join(folder(t), 'prefork.pl');
    writeFileSync(
      path,
      '$| = 1; my $go; pipe(my $r, my $w);\n' +
        'my $pid = fork(); if (!$pid) { close $w; $0 = "worker"; <$r>; exec "sleep", "1000"; }\n' +
        'print "$pid\\n"; <STDIN>; close $w; <STDIN>;\n',
    );
    const { pid, child, firstLine } = await startProgram(t, ['perl', path]);
    const worker = Number(firstLine);
    t.after(() => {
      process.kill(worker, 'SIGKILL');
    });
    const processes = reporter(t);
    assert.deepEqual(
      [await nameOf(processes, pid), await nameOf(processes, worker)],
      ['prefork.pl', 'prefork.pl'],
    );
    child.stdin!.write('go\n');
    await untilCalled(worker, (cmdline) => cmdline.startsWith('sleep'));
    assert.equal(await nameOf(processes, worker), 'sleep');
  },
);

test('a process that has ended keeps the name it had', async (t) => {
  const path = join(folder(t), 'a-server-with-a-long-name.sh');
  writeFileSync(path, SHELL);
  const { pid, child } = await startProgram(t, ['sh', path]);
  const processes = reporter(t);
  assert.equal(await nameOf(processes, pid), 'a-server-with-a-long-name.sh');
  const startTicks = processes.startTicksOf(pid);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  assert.equal(await nameOf(processes, pid), undefined);
  assert.equal(processes.formerName(pid, startTicks, 'sh'), 'a-server-with-a-long-name.sh');
  assert.equal(processes.formerName(pid, (startTicks ?? 0) + 1, 'sh'), 'sh');
  // Of one that was never seen, a comm has the first fifteen bytes.
  assert.equal(processes.formerName(1 << 21, undefined, 'a-server-with-a'), 'a-server-with-a-long-name.sh');
  assert.equal(processes.formerName(1 << 21, undefined, 'python3.11'), 'python3');
});

const RULES: readonly [name: string, comm: string, executable: string | undefined, words: string][] = [
  ['nginx', 'nginx', '/usr/sbin/nginx', 'nginx: worker process'],
  ['postgres', 'postgres', '/usr/lib/postgresql/15/bin/postgres', 'postgres: 15/main: checkpointer '],
  ['bash', 'bash', '/usr/bin/bash', '-bash'],
  ['sleep', 'sleep', '/usr/bin/sleep', 'other|1000'],
  ['nginx', 'nginx', '/usr/sbin/nginx (deleted)', 'nginx|-g|daemon off;'],
  ['nc', 'nc', '/usr/bin/nc.openbsd', '/bin/nc|-l|80'],
  ['httpd', 'httpd', '/bin/busybox', 'httpd|-f'],
  ['httpd', 'busybox', '/bin/busybox', 'busybox|httpd|-f'],
  ['start.sh', 'start.sh', '/bin/busybox', '/bin/sh|/start.sh'],
  ['app.jar', 'java', '/usr/lib/jvm/17/bin/java', 'java|-Xmx1g|-cp|/lib/*|-jar|/srv/app.jar|-x'],
  ['kafka.Kafka', 'java', '/usr/lib/jvm/17/bin/java', 'java|-cp|/lib/*|-Dx=y|kafka.Kafka|server.properties'],
  ['java', 'java', '/usr/lib/jvm/17/bin/java', 'java|-version'],
  ['python3', 'python', '/usr/bin/python3.11', 'python'],
  ['python3', 'python3.11', '/usr/bin/python3.11', '/usr/bin/python3.11|-Ic|pass'],
  ['gunicorn', 'gunicorn', '/usr/bin/python3.11', '/usr/bin/python3|/usr/bin/gunicorn|app:app'],
  ['gunicorn', 'gunicorn', '/usr/bin/python3.11', 'gunicorn: master [app:app]'],
  ['http.server', 'python3', '/usr/bin/python3.11', 'python3|-W|ignore|-m|http.server|80'],
  ['server.mjs', 'MainThread', '/usr/bin/node', 'node|--import|./hook.js|--inspect|/srv/server.mjs'],
  ['sidekiq', 'ruby3.1', '/usr/bin/ruby3.1', 'ruby|-I|lib|-W0|bin/sidekiq'],
  ['perl', 'perl', '/usr/bin/perl5.36.0', 'perl|-ne|print'],
  ['bash', 'bash', '/usr/bin/bash', 'bash|-lc|true'],
  ['index.php', 'php8.2', '/usr/bin/php8.2', 'php|-d|x=1|index.php'],
  ['service.dll', 'dotnet', '/usr/share/dotnet/dotnet', 'dotnet|/app/service.dll|--urls'],
  ['app', 'app', undefined, '/opt/app|x'],
  ['[kworker/0:1]', 'kworker/0:1', undefined, ''],
  // It has ended, and waits for its parent.
  ['vsftpd', 'vsftpd', undefined, ''],
];

test('the rules hold for programs that are not installed here', () => {
  for (const [name, comm, executable, words] of RULES)
    assert.equal(
      programName({
        comm,
        executable,
        isKernelThread: name.startsWith('['),
        arguments: words.split('|'),
      }),
      name,
      words,
    );
});
