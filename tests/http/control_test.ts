import assert from "node:assert/strict";
import { controlApp, httpApp, type SidecarParts } from "../../src/http/app.ts";
import { type HealthReport, healthReport } from "../../src/http/health.ts";
import { queuePageSchema } from "../../src/http/queue_item.ts";
import { fail } from "../../src/lib/result.ts";
import { SpoolError } from "../../src/spool/spool_error.ts";
import { openSpool } from "../../src/spool/sqlite_spool.ts";
import { answered, keptLog, mapSpool, onSocket, queuedMail, sidecarParts } from "./lib.ts";

const WELL: HealthReport = healthReport([{ name: "spool", status: "ok", reason: null }]);

function control(...mails: readonly ReturnType<typeof queuedMail>[]) {
  const kept = keptLog();
  const queue = new Map(mails.map((mail) => [mail.id, mail]));
  const retries: string[] = [];
  const parts = sidecarParts({
    spool: mapSpool(queue),
    health: () => Promise.resolve(WELL),
    onRetry: () => void retries.push("asked"),
    log: kept.log,
  });
  return { parts, queue, retries, events: kept.events };
}

function isProblem(answer: { readonly status: number; readonly body: unknown }, status: number, detail: RegExp): void {
  assert.equal(answer.status, status);
  assert.ok(typeof answer.body === "object" && answer.body !== null);
  assert.equal(Reflect.get(answer.body, "status"), status);
  assert.equal(Reflect.get(answer.body, "type"), "about:blank");
  assert.match(String(Reflect.get(answer.body, "detail")), detail);
}

Deno.test("the queue is listed page by page, each mail once, in order of arrival", async () => {
  const ids = ["a", "b", "c", "d", "e"];
  const { parts } = control(...ids.map((id) => queuedMail(id, "waiting")));
  await using it = await onSocket(controlApp(parts).fetch);
  const seen: string[] = [];
  for (let after = ""; after !== "end";) {
    const query = after === "" ? "?count=2" : `?count=2&after=${after}`;
    const page = queuePageSchema.parse((await answered(it.ask("GET", `/api/v1/queue${query}`))).body);
    seen.push(...page.items.map((item) => item.id));
    after = page.next ?? "end";
  }
  assert.deepEqual(seen, ids);
});

Deno.test("a full last page has no next one", async () => {
  const { parts } = control(queuedMail("a", "waiting"), queuedMail("b", "waiting"));
  await using it = await onSocket(controlApp(parts).fetch);
  const page = queuePageSchema.parse((await answered(it.ask("GET", "/api/v1/queue?count=2"))).body);
  assert.deepEqual([page.items.length, page.next], [2, null]);
});

Deno.test("the queue is filtered by account and domain", async () => {
  const other = { ...queuedMail("b", "waiting"), account: "taro@baz.co.jp" };
  const { parts } = control(queuedMail("a", "waiting"), other);
  await using it = await onSocket(controlApp(parts).fetch);
  const ids = async (query: string) => {
    const page = queuePageSchema.parse((await answered(it.ask("GET", `/api/v1/queue?${query}`))).body);
    return page.items.map((item) => item.id);
  };
  assert.deepEqual(await ids("account=taro@baz.co.jp"), ["b"]);
  assert.deepEqual(await ids("domain=EXAMPLE.net"), ["a", "b"]);
  assert.deepEqual(await ids("domain=example.org"), []);
});

Deno.test("a wrong parameter is named", async () => {
  const { parts } = control();
  await using it = await onSocket(controlApp(parts).fetch);
  for (
    const [query, field] of [["count=0", "count"], ["count=1001", "count"], ["count=-1", "count"], [
      "domain=a..b",
      "domain",
    ]]
  ) {
    const answer = await answered(it.ask("GET", `/api/v1/queue?${query}`));
    isProblem(answer, 400, new RegExp(`"${field}"`));
    assert.equal(Reflect.get(Object(answer.body), "field"), field);
  }
  isProblem(await answered(it.ask("GET", "/api/v1/queue?acount=shin")), 400, /"query"/);
});

Deno.test("one mail is shown with each recipient's history", async () => {
  const { parts } = control(queuedMail("a", "delivered", "waiting", "held"));
  await using it = await onSocket(controlApp(parts).fetch);
  const recipient = { attempts: 2, lastReply: "451 4.3.0 try again", notify: null, orcpt: null, history: [] };
  assert.deepEqual(await answered(it.ask("GET", "/api/v1/queue/a")), {
    status: 200,
    body: {
      id: "a",
      state: "waiting",
      received: "2026-01-02T03:00:00.000Z",
      sizeOctets: 4096,
      account: "shin@baz.co.jp",
      reversePath: "shin@baz.co.jp",
      body: "7bit",
      smtputf8: false,
      envid: null,
      ret: null,
      nextTry: "2026-01-02T03:05:05.000Z",
      notice: false,
      recipients: [
        { ...recipient, id: 0, forwardPath: "r0@example.net", state: "delivered", nextTry: null },
        { ...recipient, id: 1, forwardPath: "r1@example.net", state: "waiting", nextTry: "2026-01-02T03:05:05.000Z" },
        { ...recipient, id: 2, forwardPath: "r2@example.net", state: "held", nextTry: null },
      ],
    },
  });
  isProblem(await answered(it.ask("GET", "/api/v1/queue/b")), 404, /no mail with this id/);
});

Deno.test("each change is made and logged", async () => {
  const { parts, queue, retries, events } = control(queuedMail("a", "waiting"));
  await using it = await onSocket(controlApp(parts).fetch);
  const status = async (method: "POST" | "DELETE", path: string) => (await answered(it.ask(method, path))).status;
  assert.equal(await status("POST", "/api/v1/queue/a/hold"), 204);
  assert.equal(queue.get("a")?.recipients[0]?.state, "held");
  assert.equal(await status("POST", "/api/v1/queue/a/release"), 204);
  assert.equal(queue.get("a")?.recipients[0]?.state, "waiting");
  assert.deepEqual(retries, []);
  assert.equal(await status("POST", "/api/v1/queue/a/retry"), 204);
  assert.deepEqual(retries, ["asked"]);
  assert.deepEqual(await answered(it.ask("POST", "/api/v1/queue/retry")), {
    status: 200,
    body: { changed: 1, next: null },
  });
  assert.deepEqual(retries, ["asked", "asked"]);
  assert.equal(await status("DELETE", "/api/v1/queue/a"), 204);
  assert.equal(queue.size, 0);
  assert.deepEqual(
    events,
    [["a", "hold"], ["a", "release"], ["a", "retry"], ["a", "retry"], ["a", "delete"]].map(([mail, what]) => ({
      kind: "queue-changed",
      mail,
      what,
      by: "control socket",
    })),
  );
});

Deno.test("a change that cannot be made says why, and logs nothing", async () => {
  const { parts, events } = control(queuedMail("a", "held"));
  await using it = await onSocket(controlApp(parts).fetch);
  const detail = /^Cannot retry the mail: none of its recipients/;
  isProblem(await answered(it.ask("POST", "/api/v1/queue/a/retry")), 409, detail);
  for (const verb of ["hold", "release", "retry"]) {
    isProblem(await answered(it.ask("POST", `/api/v1/queue/b/${verb}`)), 404, /no mail with this id/);
  }
  isProblem(await answered(it.ask("DELETE", "/api/v1/queue/..%2F..%2Fetc")), 404, /no mail with this id/);
  assert.deepEqual(events, []);
});

Deno.test("reload: done, or refused with all mistakes", async () => {
  const { parts } = control();
  await using well = await onSocket(controlApp(parts).fetch);
  assert.deepEqual(await answered(well.ask("POST", "/api/v1/reload")), { status: 200, body: { reloaded: true } });
  const mistakes = ["hostname: expected text", 'sasl.mech_list[0]: unknown mechanism "FOO"'];
  await using bad = await onSocket(controlApp({ ...parts, reload: () => Promise.resolve(fail(mistakes)) }).fetch);
  const answer = await answered(bad.ask("POST", "/api/v1/reload"));
  isProblem(answer, 422, /the old one stays/);
  assert.deepEqual(Reflect.get(Object(answer.body), "mistakes"), mistakes);
});

Deno.test("an unknown path and an unknown method are problem documents", async () => {
  const { parts } = control();
  await using it = await onSocket(controlApp(parts).fetch);
  isProblem(await answered(it.ask("GET", "/api/v1/nothing")), 404, /nothing at this path/);
  isProblem(await answered(it.ask("DELETE", "/health/live")), 404, /nothing at this path/);
  isProblem(await answered(it.ask("POST", "/v1/password", { user: "a" })), 404, /nothing at this path/);
  const response = await controlApp(parts).request("/api/v1/nothing");
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(response.headers.get("cache-control"), "no-store");
});

Deno.test("a bug is a problem with an id; its text is in the log only, and no stack is anywhere", async () => {
  const { parts, events } = control();
  const broken: SidecarParts = {
    ...parts,
    spool: { ...parts.spool, show: () => Promise.reject(new TypeError("secret detail of the inside")) },
  };
  await using it = await onSocket(controlApp(broken).fetch);
  const answer = await answered(it.ask("GET", "/api/v1/queue/a"));
  isProblem(answer, 500, /its log has the reason/);
  assert.doesNotMatch(JSON.stringify(answer.body), /secret detail|\.ts/);
  const id = Reflect.get(Object(answer.body), "id");
  assert.deepEqual(events, [{ kind: "bug", where: "http", id, text: "TypeError: secret detail of the inside" }]);
});

Deno.test("a spool that cannot be used is 503 and no bug", async () => {
  const { parts, events } = control();
  const show = () => Promise.reject(new SpoolError("show mail a", "unavailable"));
  await using it = await onSocket(controlApp({ ...parts, spool: { ...parts.spool, show } }).fetch);
  isProblem(await answered(it.ask("GET", "/api/v1/queue/a")), 503, /cannot be used now/);
  assert.deepEqual(events, []);
});

Deno.test("readiness has its details on the control socket and on this machine, and none for strangers at [http]", async () => {
  const { parts } = control();
  const report = healthReport([{ name: "backend ldap", status: "down", reason: "connection refused" }]);
  const down: SidecarParts = { ...parts, health: () => Promise.resolve(report) };
  await using it = await onSocket(controlApp(down).fetch);
  assert.deepEqual(await answered(it.ask("GET", "/health/ready")), { status: 503, body: report });
  assert.deepEqual(await answered(it.ask("GET", "/health/live")), { status: 200, body: { status: "ok" } });
  const app = httpApp(down);
  await using outside = await onSocket((request) => app.fetch(request, { peer: "192.0.2.9" }));
  assert.deepEqual(await answered(outside.ask("GET", "/health/ready")), { status: 503, body: { status: "down" } });
  assert.deepEqual(await answered(outside.ask("GET", "/health/live")), { status: 200, body: { status: "ok" } });
  await using here = await onSocket((request) => app.fetch(request, { peer: "127.0.0.1" }));
  assert.deepEqual(await answered(here.ask("GET", "/health/ready")), { status: 503, body: report });
});

Deno.test("a warning is ready", async () => {
  const { parts } = control();
  const report = healthReport([{ name: "certificate", status: "warn", reason: "It ends in 3 days" }]);
  await using it = await onSocket(controlApp({ ...parts, health: () => Promise.resolve(report) }).fetch);
  assert.equal((await answered(it.ask("GET", "/health/ready"))).status, 200);
});

Deno.test("the real spool behind the routes", async () => {
  const folder = await Deno.makeTempDir({ prefix: "dokodemo-http-" });
  const { parts, events } = control();
  const opened = await openSpool(folder, {
    messageSizeLimit: 1024,
    log: parts.log,
    clock: { now: () => Date.now() },
    onDue: () => {},
  });
  assert.ok(opened.ok);
  {
    await using spool = opened.value;
    await using it = await onSocket(controlApp({ ...parts, spool }).fetch);
    const ids: string[] = [];
    for (const domain of ["example.net", "example.net", "example.org"]) {
      const recipient = { id: 0, forwardPath: `r@${domain}`, notify: null, orcpt: null };
      const envelope = { ...queuedMail("a").envelope, recipients: [recipient] };
      await using draft = await spool.draft(envelope, "shin@baz.co.jp", { held: false, source: null });
      await draft.write(new TextEncoder().encode("A: b\r\n\r\nc"));
      const committed = await draft.commit();
      assert.ok(committed.ok);
      ids.push(committed.value);
    }
    const list = async (query: string) => {
      const page = queuePageSchema.parse((await answered(it.ask("GET", `/api/v1/queue${query}`))).body);
      return [page.items.map((item) => item.id), page.next];
    };
    assert.deepEqual(await list("?count=2"), [ids.slice(0, 2), ids[1]]);
    assert.deepEqual(await list(`?count=2&after=${ids[1]}`), [ids.slice(2), null]);
    assert.deepEqual(await list("?domain=example.org&account=shin@baz.co.jp"), [ids.slice(2), null]);
    const status = async (method: "POST" | "DELETE", path: string) =>
      (await answered(it.ask(method, `/api/v1/queue/${path}`))).status;
    assert.equal(await status("POST", `${ids[0]}/hold`), 204);
    assert.equal((await spool.show(ids[0] ?? ""))?.recipients[0]?.state, "held");
    assert.equal(await status("POST", `${ids[0]}/retry`), 409);
    assert.equal(await status("POST", `${ids[0]}/release`), 204);
    assert.equal(await status("DELETE", ids[1] ?? ""), 204);
    assert.deepEqual(await answered(it.ask("POST", "/api/v1/queue/retry")), {
      status: 200,
      body: { changed: 2, next: null },
    });
    assert.equal(await status("POST", `${ids[1]}/retry`), 404);
    assert.deepEqual(await list(""), [[ids[0], ids[2]], null]);
    assert.deepEqual(
      events.map((event) => event.kind === "queue-changed" ? event.what : event.kind),
      ["hold", "release", "delete", "retry", "retry"],
    );
  }
  await Deno.remove(folder, { recursive: true });
});
