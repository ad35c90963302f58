import { deepEqual, equal, match, ok } from "node:assert/strict";
import { HTTP } from "../../backends/http.ts";
import { BACKENDS } from "../../backends/registry.ts";
import { BackendProblem } from "../../src/backend_module.ts";
import { AuthService, type AuthServiceOptions } from "../servers/auth_service.ts";
import { makeCertificate } from "../servers/certificate.ts";
import { type Folder, makeFolder, requirePrograms, run } from "../servers/lib.ts";
import { backendContract, type OpenBackend } from "./contract.ts";
import { never } from "./contract_lib.ts";
import { askPassword, FOREIGN, fromPage, openWith, REALM, RIGHT, section, type Told } from "./helper_lib.ts";
import { smtpAuth } from "./smtp_auth.ts";

const SECRET = "a secret of both";
const ACCOUNTS = new Map([RIGHT, FOREIGN].map(({ user, password }) => [`${user.local}@${user.realm}`, password]));
const BOTH = { answers: ["password", "lookup"] };

async function writeSecret(folder: string, secret = SECRET): Promise<string> {
  await Deno.writeTextFile(`${folder}/secret`, `${secret}\n`, { mode: 0o600 });
  return `${folder}/secret`;
}

interface Opened extends OpenBackend {
  readonly service: AuthService;
  readonly folder: Folder;
}

backendContract<Opened>("http", {
  open: async () => {
    const folder = await makeFolder();
    const service = new AuthService({ secret: SECRET, accounts: ACCOUNTS });
    await writeSecret(folder.path);
    const backend = await openAt(service, folder.path);
    return {
      ...{ service, folder, backend },
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await service[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
  right: RIGHT,
  foreign: FOREIGN,
  unknown: { local: "nobody", realm: REALM },
  deadlineMs: 5000,
  peer: {
    stop: ({ service }) => service.stop(),
    start: ({ service }) => service.start(),
    pause: ({ service }) => service.pause(),
    resume: ({ service }) => service.resume(),
    reopen: ({ service, folder }) => openAt(service, folder.path),
  },
});

async function openAt({ url }: AuthService, dataDir: string) {
  return (await openWith(HTTP, { url, secret_file: "secret", ...BOTH }, { dataDir })).backend;
}

smtpAuth("http", {
  open: async () => {
    const folder = await makeFolder();
    const service = new AuthService({ secret: SECRET, accounts: ACCOUNTS });
    return {
      section: `url = "${service.url}"\nsecret_file = "${await writeSecret(folder.path)}"`,
      stop: () => service.stop(),
      start: () => service.start(),
      pause: () => service.pause(),
      resume: () => service.resume(),
      async [Symbol.asyncDispose]() {
        await service[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
  right: { authcid: `${RIGHT.user.local}@${REALM}`, password: RIGHT.password },
  unknown: `nobody@${REALM}`,
  words: /localhost|status|ECONN/,
  test: (name, run) => Deno.test(name, run),
});

Deno.test("the section http has its keys; without TLS it goes to loopback only", () => {
  equal(BACKENDS.get("http"), HTTP);
  const parsed = (url: unknown) => HTTP.schema.safeParse({ url, secretFile: "secret" }).success;
  for (const url of ["https://a.example/x", "http://localhost:1/", "http://127.0.0.2/", "http://[::1]:80/x?y=1"]) {
    ok(parsed(url), url);
  }
  for (
    const url of [
      ...["http://a.example/", "http://localhost.a.example/", "http://192.0.2.1/", "http://127.0.0.1.a.example/"],
      ...["ftp://localhost/", "a.example", "", 7, "https://u:p@a.example/", "https://a.example/#x", "/x"],
    ]
  ) ok(!parsed(url), String(url));
  for (
    const wrong of [{ url: "https://a.example" }, { url: "https://a.example", secretFile: "s", secret: "x" }, {
      url: "https://a.example",
      secretFile: "s",
      schemes: ["cram-md5"],
    }]
  ) {
    ok(!HTTP.schema.safeParse(wrong).success, JSON.stringify(wrong));
  }
  const { url, secretFile, answers } = HTTP.schema.parse({
    ...renamed(section(fromPage("## http", "toml"), "accounts")),
  });
  deepEqual([url.href, secretFile, answers], [
    "https://accounts.example.org/mail-login",
    "/etc/dokodemo/accounts-secret",
    ["password", "lookup"],
  ]);
});

function renamed(
  { secret_file: secretFile, ca_file: caFile, ...rest }: Record<string, unknown>,
): Record<string, unknown> {
  return { ...rest, secretFile, caFile };
}

Deno.test("http: files that cannot be used are told at the start", async () => {
  await using folder = await makeFolder();
  const open = (keys: Record<string, unknown>) =>
    openWith(HTTP, { url: "https://localhost:1/", secret_file: "secret", ...keys }, { dataDir: folder.path })
      .then(() => "none", (error) => {
        ok(error instanceof BackendProblem, String(error));
        return error.message;
      });
  match(await open({}), /secret: there is no such file$/);
  await writeSecret(folder.path);
  await Deno.chmod(`${folder.path}/secret`, 0o644);
  match(await open({}), /mode 644 lets others read/);
  await Deno.chmod(`${folder.path}/secret`, 0o600);
  match(await open({ ca_file: "secret" }), /there is no certificate in PEM form/);
});

/** A backend over a service that answers as it is told. */
async function openWithService(
  options: Partial<AuthServiceOptions> = {},
): Promise<Told & { readonly service: AuthService }> {
  const folder = await makeFolder();
  const service = new AuthService({ secret: SECRET, accounts: ACCOUNTS, ...options });
  await writeSecret(folder.path);
  const told = await openWith(HTTP, { url: service.url, secret_file: "secret", ...BOTH }, { dataDir: folder.path });
  return {
    ...{ service, backend: told.backend, warnings: told.warnings },
    async [Symbol.asyncDispose]() {
      await told[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("http: what is asked: a POST of JSON with the secret, and the account that comes back", async () => {
  await using told = await openWithService();
  const answer = await askPassword(told, "shin");
  ok(answer.kind === "accepted");
  deepEqual(answer.account, {
    name: `shin@${REALM}`,
    backend: "mine",
    addresses: [],
    groups: ["staff"],
    attributes: {},
  });
  const [asked] = told.service.asked;
  deepEqual([asked?.method, asked?.authorization], ["POST", `Bearer ${SECRET}`]);
  deepEqual(JSON.parse(asked?.body ?? ""), {
    kind: "password",
    ...RIGHT,
    origin: { remote: "192.0.2.1", listener: "MSA", tls: null, mechanism: "PLAIN" },
  });
});

Deno.test("http: status and object must say the same, and everything else is an outage", async () => {
  let reply: () => Response = () => new Response();
  await using told = await openWithService({ instead: () => reply() });
  const yes = { kind: "accepted" };
  const no = { kind: "rejected", why: "wrong-secret" };
  const unknown = { kind: "rejected", why: "unknown-user" };
  const cases: readonly (readonly [number, unknown, string])[] = [
    [200, yes, "accepted"],
    [401, no, "wrong-secret"],
    [403, no, "wrong-secret"],
    [403, unknown, "unknown-user"],
    [403, { kind: "rejected", why: "disabled" }, "disabled"],
    [404, unknown, "unknown-user"],
    [404, no, "unavailable"],
    [200, no, "unavailable"],
    [200, {}, "unavailable"],
    [200, [yes], "unavailable"],
    [200, { ok: true }, "unavailable"],
    [200, { kind: "pong" }, "thrown"],
    [200, "<html>Welcome</html>", "unavailable"],
    [200, "", "unavailable"],
    [200, '{"kind":"accepted"', "unavailable"],
    [200, `{"kind":"accepted","x":"${"y".repeat(70_000)}"}`, "unavailable"],
    [200, { kind: "accepted", account: { name: "shin" } }, "thrown"],
    [401, "who are you?", "unavailable"],
    [401, {}, "unavailable"],
    [403, yes, "unavailable"],
    [403, { kind: "rejected", why: "because" }, "thrown"],
    [404, "not found", "unavailable"],
    [404, yes, "unavailable"],
    ...[201, 206, 301, 302, 307, 400, 405, 429, 500, 502, 503].map((status) => [status, yes, "unavailable"] as const),
    [204, null, "unavailable"],
  ];
  for (const [status, body, expected] of cases) {
    const headers = { location: told.service.url };
    reply = () =>
      body === null || typeof body === "string"
        ? new Response(body, { status, headers })
        : Response.json(body, { status, headers });
    const before = told.service.asked.length;
    const answer = await askPassword(told, "shin").catch(() => null);
    const said = answer === null ? "thrown" : answer.kind === "rejected" ? answer.why : answer.kind;
    equal(said, expected, `${status} ${JSON.stringify(body)?.slice(0, 60)}`);
    equal(told.service.asked.length, before + 1, "a redirect was followed, or it was asked twice");
    if (answer?.kind === "unavailable") {
      match(answer.cause, /^localhost:\d+ (?:answered with status \d{3}|sent more than 65536 octets)/);
    }
  }
});

Deno.test("http: the wrong secret rejects nobody", async () => {
  await using told = await openWithService({ secret: "another" });
  const answer = await askPassword(told, "shin");
  ok(answer.kind === "unavailable");
  match(answer.cause, /answered with status 401 and no JSON object$/);
  const probed = await told.backend.probe(never());
  ok(!probed.ok);
  match(probed.problem, /status 401/);
});

Deno.test("http: octets that are no HTTP, cut, or without end", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /^127\.0\.0\.1:\d+/],
    ["hello\r\n", /^127\.0\.0\.1:\d+/],
    ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kind":"accepted"}', /^127\.0\.0\.1:\d+/],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(200_000)}`, /^127\.0\.0\.1:\d+/],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n13\r\n{"kind":"accepted"}\r\n', /^127\.0\.0\.1:\d+/],
  ];
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  for (const [octets, expected] of cases) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode(octets)).catch(() => {});
    })();
    const url = `http://127.0.0.1:${listener.addr.port}/`;
    await using told = await openWith(HTTP, { url, secret_file: "secret" }, { dataDir: folder.path });
    const answer = await askPassword(told, "shin");
    ok(answer.kind === "unavailable", `${octets.slice(0, 60)} ${JSON.stringify(answer)}`);
    match(answer.cause, expected);
    await serving;
  }
});

Deno.test("http: a reply that never ends is given up", async () => {
  let cancelled = 0;
  const endless = () =>
    new ReadableStream({
      pull: async (stream) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        stream.enqueue(new Uint8Array(10).fill(0x20));
      },
      cancel: () => void cancelled++,
    });
  await using told = await openWithService({ instead: () => new Response(endless()) });
  const answer = await askPassword(told, "shin", { signal: AbortSignal.timeout(200) });
  ok(answer.kind === "unavailable");
  match(answer.cause, /^given up before localhost:\d+ answered$/);
  await told.service.stop();
  equal(cancelled, 1);
});

requirePrograms(["openssl"])("http: over TLS, with an authority of its own and with a wrong one", async () => {
  await using folder = await makeFolder();
  await writeSecret(folder.path);
  const [certificate, other] = [
    await makeCertificate(folder.path),
    await makeCertificate(folder.path, { label: "other" }),
  ];
  const tls = {
    cert: await Deno.readTextFile(certificate.certificateFile),
    key: await Deno.readTextFile(certificate.keyFile),
  };
  await using service = new AuthService({ secret: SECRET, accounts: ACCOUNTS, tls });
  const open = (keys: Record<string, unknown>) =>
    openWith(HTTP, { url: service.url, secret_file: "secret", ...keys }, { dataDir: folder.path });
  await using right = await open({ ca_file: certificate.caFile });
  equal((await askPassword(right, "shin")).kind, "accepted");
  equal((await askPassword(right, "shin", { password: "x" })).kind, "rejected");
  for (
    const keys of [{ ca_file: other.caFile }, {}, {
      ca_file: certificate.caFile,
      url: service.url.replace("localhost", "127.0.0.2"),
    }]
  ) {
    await using wrong = await open(keys);
    equal((await askPassword(wrong, "shin")).kind, "unavailable", JSON.stringify(keys));
  }
  equal(service.asked.length, 2, "the secret was sent to a server that nobody vouches for");
});

Deno.test("http: no proxy of the environment is told what is asked", async () => {
  using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let asked = 0;
  const serving = (async () => {
    for await (const conn of proxy) {
      asked++;
      conn.close();
    }
  })();
  await using told = await openWithService();
  const text = `
import { post } from ${JSON.stringify(new URL("../../backends/lib/http_post.ts", import.meta.url).href)};
const place = { url: new URL(${JSON.stringify(told.service.url)}), headers: {}, ca: null };
console.log(JSON.stringify(await post(place, "{}", new AbortController().signal)));
`;
  const url = `http://127.0.0.1:${proxy.addr.port}`;
  const env = { HTTP_PROXY: url, "http_proxy": url, ALL_PROXY: url, NO_PROXY: "", NO_COLOR: "1" };
  const { output } = await run(Deno.execPath(), { args: ["eval", text], env });
  match(output, /"status":401/);
  equal(asked, 0);
  proxy.close();
  await serving;
});
