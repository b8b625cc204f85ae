/** The few programs whose short options carry a password, by the name they are called by. */

export interface ShortOption {
  readonly option: string;
  /** `glued`: `-psecret` only; `next`: the argument after it only. */
  readonly value: 'glued' | 'next' | 'either';
  /** The value is `user:password` (or `user%password`): the user stays. */
  readonly separator?: string;
}

const MYSQL: readonly ShortOption[] = [{ option: '-p', value: 'glued' }];
const LDAP: readonly ShortOption[] = [{ option: '-w', value: 'either' }];
const REDIS: readonly ShortOption[] = [{ option: '-a', value: 'either' }];
const MONGO: readonly ShortOption[] = [{ option: '-p', value: 'either' }];
const SQL_SERVER: readonly ShortOption[] = [{ option: '-P', value: 'either' }];
const HTTPIE: readonly ShortOption[] = [{ option: '-a', value: 'either', separator: ':' }];
const SAMBA: readonly ShortOption[] = [{ option: '-U', value: 'either', separator: '%' }];
const CURL: readonly ShortOption[] = [
  { option: '-u', value: 'either', separator: ':' },
  { option: '-U', value: 'either', separator: ':' },
  { option: '--user', value: 'next', separator: ':' },
  { option: '--proxy-user', value: 'next', separator: ':' },
];

const BY_PROGRAM: ReadonlyMap<string, readonly ShortOption[]> = new Map([
  ...[
    'mysql',
    'mysqldump',
    'mysqladmin',
    'mysqlimport',
    'mysqlbinlog',
    'mariadb',
    'mariadb-dump',
    'mariadb-admin',
  ].map((program) => [program, MYSQL] as const),
  ...['ldapsearch', 'ldapadd', 'ldapmodify', 'ldapdelete', 'ldappasswd', 'ldapwhoami'].map(
    (program) => [program, LDAP] as const,
  ),
  ...['redis-cli', 'keydb-cli', 'valkey-cli'].map((program) => [program, REDIS] as const),
  ...['mongo', 'mongosh', 'mongodump', 'mongorestore', 'mongoexport', 'mongoimport'].map(
    (program) => [program, MONGO] as const,
  ),
  ...['sqlcmd', 'bcp', 'isql', 'tsql'].map((program) => [program, SQL_SERVER] as const),
  ...['http', 'https', 'xh'].map((program) => [program, HTTPIE] as const),
  ...['smbclient', 'rpcclient'].map((program) => [program, SAMBA] as const),
  ['sshpass', [{ option: '-p', value: 'either' }]],
  ['curl', CURL],
]);

/** Undefined when `word` calls no program of the table. @param word perhaps with a path before it */
export function shortOptionsOf(word: string): readonly ShortOption[] | undefined {
  return BY_PROGRAM.get(word.slice(word.lastIndexOf('/') + 1));
}
