/**
 * The plugin that `dokodemo backend new custom FILE` writes.
 *
 * @module
 */

/** A plugin that works and knows nobody; plain JavaScript, so that it is TypeScript as well. */
export const EXAMPLE_PLUGIN =
  `// A password backend for dokodemo, in JavaScript or TypeScript. As it stands it works, and knows nobody.
//
//   [sasl]
//   pwcheck_method = ["mine"]
//   [backend.mine]
//   type = "custom"
//   file = "FILE"
//   answers = ["password", "lookup"]
//
// "dokodemo check --connect" loads it and says what is wrong with it; "dokodemo auth test USER" asks it. A change of this file is in
// force with the next question. console.error writes to the log of the server: no passwords there.
// All about it is in docs/backends.md, section "custom".
import { createHash, timingSafeEqual } from "node:crypto";

// Who has an account, and with which password. Ask whatever you have instead: what is reached over the network needs
// allow_net = ["host:port"], files elsewhere need allow_read = ["/folder"], in the section above.
const PEOPLE = new Map([
  // ["taro@example.jp", "his password"],
]);

export const backend = {
  // Gets one question and gives one answer. When "signal" aborts nobody waits for the answer any more; fetch() takes it as an option.
  // An error that is thrown, like every answer that is none, is told to the client as "try again later", never as a wrong password.
  async ask(question, signal) {
    switch (question.kind) {
      case "password": {
        // { user: { local, realm }, password, origin: { remote, listener, tls, mechanism } }
        const password = PEOPLE.get(nameOf(question.user));
        if (password === undefined) return { kind: "rejected", why: "unknown-user" };
        if (!isSame(password, question.password)) return { kind: "rejected", why: "wrong-secret" };
        return { kind: "accepted", account: accountOf(question.user) };
      }
      case "lookup":
        // Does this account exist? Asked for recipients of mail. { user: { local, realm } }
        if (!PEOPLE.has(nameOf(question.user))) return { kind: "rejected", why: "unknown-user" };
        return { kind: "known", account: accountOf(question.user) };
      default:
        return { kind: "unavailable", cause: "a question that this plugin does not know" };
    }
  },

  // Can it do its work now? For "check --connect" and /health/ready. Leave it out where there is nothing to ask.
  async probe(signal) {
    return { ok: true }; // or { ok: false, problem: "the database does not answer" }
  },
};

function nameOf({ local, realm }) {
  return \`\${local}@\${realm}\`;
}

// "addresses": what else than its own name the account may send as; "@example.jp" is every address there.
function accountOf(user) {
  return { name: nameOf(user), addresses: [], groups: [], attributes: {} };
}

// In a time that does not tell how many characters are right.
function isSame(a, b) {
  const [first, second] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(first, second);
}
`;
