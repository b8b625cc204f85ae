/** Well-known secrets in arguments never leave the machine; everything else does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../src/probe/processes/command-line.js';
import { maskSecrets } from '../../src/probe/processes/mask-secrets.js';

const SECRET = 'hunter2hunter2';

const secret: readonly (readonly [string, readonly string[]])[] = [
  ['an option with =', ['app', `--password=${SECRET}`]],
  ['an option with a value after it', ['app', '--api-key', SECRET, '--verbose']],
  ['an option with one dash', ['app', '-token', SECRET]],
  ['an option in camel case', ['app', `--clientSecret=${SECRET}`]],
  ['a Java property', ['java', `-Djavax.net.ssl.keyStorePassword=${SECRET}`, '-jar', 'app.jar']],
  ['a variable', ['env', `PGPASSWORD=${SECRET}`, 'psql']],
  ['a variable with more words', ['env', `AWS_SECRET_ACCESS_KEY=${SECRET}`]],
  ['a value with spaces', ['app', `--password=${SECRET} and more ${SECRET}`]],
  ['a URL', ['app', `postgres://me:${SECRET}@db:5432/x`]],
  ['a URL within an option', ['app', `--url=https://me:${SECRET}@host/path`]],
  ['a URL with an @ in the password', ['app', `amqp://me:a@${SECRET}@host`]],
  ['a URL with a token for its user', ['git', 'clone', `https://${SECRET}${SECRET}@host/x.git`]],
  ['a Go data source name', ['app', `me:${SECRET}@tcp(db:3306)/x`]],
  ['a header', ['curl', '-H', `Authorization: Bearer ${SECRET}`, 'https://host']],
  ['a header with basic credentials', ['curl', '-H', `authorization: Basic ${SECRET}==`]],
  ['a header of an API', ['curl', '-H', `X-Api-Key: ${SECRET}`]],
  ['a cookie', ['curl', '-H', `Cookie: session=${SECRET}; other=${SECRET}`]],
  ['JSON', ['app', `{"user":"me","password":"${SECRET}"}`]],
  ['a connection string', ['app', `Server=db;User=me;Password=${SECRET};Timeout=3`]],
  ['MySQL', ['/usr/bin/mysql', '-uroot', `-p${SECRET}`, 'shop']],
  ['MySQL behind sudo', ['sudo', 'mysqldump', `-p${SECRET}`]],
  ['curl', ['curl', '-u', `me:${SECRET}`, 'https://host']],
  ['curl, glued', ['curl', `-ume:${SECRET}`]],
  ['Redis', ['redis-cli', '-a', SECRET, 'ping']],
  ['sshpass', ['sshpass', `-p${SECRET}`, 'ssh', 'host']],
  ['LDAP', ['ldapsearch', '-w', SECRET]],
  ['a script', ['sh', '-c', `mysql -p${SECRET} < x.sql`]],
  ['a script with an option', ['sh', '-c', `app --password ${SECRET} --port 80`]],
  ['a title', [`worker --password ${SECRET} running`]],
  ['a token of GitHub', ['app', `ghp_${'a1'.repeat(18)}${SECRET}`]],
  ['a key of AWS', ['app', `AKIAIOSFODNN7EXAMPLE`, SECRET.slice(0, 0)]],
  ['a JSON web token', ['app', `eyJhbGciOiJIUzI1NiJ9.${SECRET}.${SECRET}`]],
];

for (const [what, args] of secret) {
  test(`masks the secret in ${what}`, () => {
    const masked = maskSecrets(args);
    assert.equal(masked.length, args.length);
    assert.ok(!masked.join(' ').includes(SECRET), masked.join(' '));
    assert.ok(masked.join(' ').includes('***'), masked.join(' '));
  });
}

const innocent: readonly (readonly string[])[] = [
  ['/usr/bin/python3', '-m', 'http.server', '8080'],
  ['app', '--token-file', '/run/secrets/token'],
  ['app', '--password-file=/run/secrets/password'],
  ['app', '--compass=north', '--passive', '--keyboard=de', '--monkey', 'banana'],
  ['app', '--max-tokens', '100', '--tokenizer=bpe'],
  ['docker', 'run', '-p', '8080:80', '-v', '/run/secrets:/run/secrets', 'nginx:1.25@sha256:0123456789abcdef'],
  ['ssh', '-p', '2222', 'me@host'],
  ['curl', 'http://[::1]:8080/a:b@c', '-o', 'x'],
  ['nginx: master process /usr/sbin/nginx -g daemon off;'],
  ['rsync', 'host:/etc/passwd', '.'],
  ['mysql', '-p', 'shop'],
];

for (const args of innocent) {
  test(`leaves ${args.join(' ').slice(0, 60)} as it is`, () => {
    assert.deepEqual(maskSecrets(args), args);
  });
}

test('what surrounds a secret stays', () => {
  assert.deepEqual(maskSecrets(['curl', '-u', `me:${SECRET}`, 'https://host']), [
    'curl',
    '-u',
    'me:***',
    'https://host',
  ]);
  assert.deepEqual(maskSecrets(['app', `postgres://me:${SECRET}@db/x`]), ['app', 'postgres://me:***@db/x']);
  assert.deepEqual(maskSecrets(['a', '-H', `Authorization: Bearer ${SECRET}`]), [
    'a',
    '-H',
    'Authorization: Bearer ***',
  ]);
});

test('a secret is masked wherever it stands among other arguments', () => {
  const word = fc.stringMatching(/^[a-z0-9./=-]{1,12}$/);
  fc.assert(
    fc.property(fc.array(word), fc.constantFrom(...secret), fc.array(word), (before, [, args], after) => {
      const masked = maskSecrets(['program', ...before, ...args, ...after]);
      assert.equal(masked.length, 1 + before.length + args.length + after.length);
      assert.ok(!masked.join(' ').includes(SECRET), masked.join(' '));
    }),
  );
});

test('any bytes are a command line', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const policy of ['masked', 'withheld', 'verbatim'] as const) {
        const { name, cmdline } = parseCommandLine(Buffer.from(bytes), policy);
        assert.ok(cmdline.startsWith(name.trimEnd()));
      }
    }),
  );
});

test('withheld arguments leave the program only, from a title too', () => {
  assert.deepEqual(parseCommandLine(Buffer.from('/bin/app\0--x\0y\0'), 'withheld'), {
    name: '/bin/app',
    cmdline: '/bin/app',
  });
  assert.deepEqual(parseCommandLine(Buffer.from('worker: for customer 17'), 'withheld'), {
    name: 'worker:',
    cmdline: 'worker:',
  });
});

test('verbatim arguments are all there', () => {
  const { cmdline } = parseCommandLine(Buffer.from(`app\0--password=${SECRET}\0`), 'verbatim');
  assert.equal(cmdline, `app --password=${SECRET}`);
});
