// What Prometheus and Grafana are told by deploy/ and the docs, against what real processes have.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { FEEDS } from '../support/feed.js';
import { findProgram } from '../support/programs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'deploy');
const text = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const TEN = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const promtool = findProgram('promtool');

function run(program: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: FOLDER,
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  });
  return { status, said: stdout + stderr };
}

/** One try of an alert, as promtool has it. */
interface Tried {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

describe('what Prometheus reads', () => {
  let cluster: Cluster;
  const pages = new Map<string, string>();
  beforeAll(async () => {
    cluster = await startCluster({ engines: ['uws', 'ws'] });
    const urls = {
      discovery: cluster.discovery.url,
      ...Object.fromEntries([...cluster.nodes].map(([id, { url }]) => [id, url])),
    };
    for (const [name, url] of Object.entries(urls)) {
      // A refusal has a counter of its own from the first one on.
      await fetch(`${url}/v1/poll`, { method: 'POST' });
      await fetch(`${url}/v1/connect`, { method: 'POST', headers: { Authorization: 'Bearer a.b.c' } });
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      pages.set(name, await (await fetch(`${url}/metrics`, { headers })).text());
    }
  });
  afterAll(() => cluster?.close());

  const names = () =>
    new Set([...pages.values()].flatMap((page) => [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '')));

  it('says in words what each metric counts, and on each process what runs there', () => {
    for (const page of pages.values()) {
      expect(page).not.toMatch(/^# HELP fanfare_\S+ \S+ of the process\.$/m);
      expect(page).toMatch(/^fanfare_build_info\{.*version="\d+\.\d+\.\d+".*\} 1$/m);
    }
    expect(pages.get('n1')).toMatch(/^fanfare_build_info\{(?=.*engine="uws")(?=.*node="n1").*\} 1$/m);
  });

  it.skipIf(promtool === undefined)('keeps to the conventions that promtool checks', () => {
    for (const [name, page] of pages) {
      const { said } = run(promtool ?? '', ['check', 'metrics'], page);
      expect([name, said.split('\n').filter((line) => line.startsWith('fanfare_'))]).toEqual([name, []]);
    }
  });

  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  const pagesOfOurs = ['../README.md', ...docs.map((name) => `../docs/${name}`)];
  it.each(['alerts.yml', 'alerts.test.yml', 'grafana.json', ...pagesOfOurs])(
    'names no metric in %s that nobody has',
    (file) => {
      const named = [...text(file).matchAll(/\bfanfare_[a-z_]*[a-z](?=[^a-z_*…(]|$)/gm)].map(([name]) => name);
      const used = named.map((name) => name.replace(/(?<=_seconds)_(bucket|sum|count)$/, ''));
      const functions = /^fanfare_(publish|publish_many|read|tail|append|limits?)$/;
      const metrics = used.filter((name) => !functions.test(name));
      if (!file.startsWith('..') || file.endsWith('OPERATIONS.md')) expect(metrics.length).toBeGreaterThan(4);
      expect(metrics.filter((name) => !names().has(name))).toEqual([]);
    },
  );

  it('counts 10 messages to 20 clients as 200 deliveries', async () => {
    const deliveries = async () => {
      let sum = 0;
      for (const { url } of cluster.nodes.values()) {
        const page = await (
          await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } })
        ).text();
        for (const [, value] of page.matchAll(/^fanfare_deliveries_total\{.*\} (\d+)$/gm)) sum += Number(value);
      }
      return sum;
    };
    const before = await deliveries();
    const targets = [...cluster.nodes.values()];
    const feeds = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const target = { url: targets[n % 2]?.url ?? '', ticket: await cluster.ticket(`u${n}`) };
        return FEEDS[['websocket', 'sse', 'long-poll'][n % 3] ?? '']?.(target, { 'room:counted': '-1' });
      }),
    );
    try {
      for (let data = 0; data < 10; data++)
        await cluster.redis.admin.fcall('fanfare_publish', 1, 'room:counted', String(data));
      for (const feed of feeds) expect((await feed?.events.take(10, 'message'))?.map(({ data }) => data)).toEqual(TEN);
      expect((await deliveries()) - before).toBe(200);
    } finally {
      for (const feed of feeds) feed?.close();
    }
  });

  it.skipIf(promtool === undefined)('has alerts that fire where they are due and are silent where not', () => {
    expect(run(promtool ?? '', ['check', 'config', '--syntax-only', 'prometheus.yml'])).toMatchObject({ status: 0 });
    expect(run(promtool ?? '', ['test', 'rules', 'alerts.test.yml'])).toMatchObject({ status: 0 });
    const tried: readonly Tried[] = parse(text('alerts.test.yml')).tests.flatMap(
      ({ alert_rule_test }: { readonly alert_rule_test: readonly Tried[] }) => alert_rule_test,
    );
    const alertsThat = (fire: boolean) =>
      new Set(tried.filter(({ exp_alerts }) => exp_alerts.length > 0 === fire).map(({ alertname }) => alertname));
    const alerts = new Set(
      parse(text('alerts.yml')).groups[0].rules.map(({ alert }: { readonly alert: string }) => alert),
    );
    expect([alertsThat(true), alertsThat(false)]).toEqual([alerts, alerts]);
  });

  it('has a dashboard that is what its script writes', () => {
    const before = text('grafana.json');
    expect(run(process.execPath, [join(ROOT, 'scripts/grafana.mjs')]).status).toBe(0);
    expect(text('grafana.json')).toBe(before);
  });
});
