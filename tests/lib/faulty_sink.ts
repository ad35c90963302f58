/**
 * A next hop that keeps every mail it took and, while it is told to, fails at random: it refuses recipients and mails for now and for good,
 * cuts connections in the middle of DATA, and falls silent. Each way is one that leaves no doubt but the silence behind a final dot.
 *
 * @module
 */

import type { SunkMail } from "./counting_sink.ts";
import type { Random } from "./random.ts";
import { type PeerConversation, type ScriptedPeer, startPeer } from "./scripted_peer.ts";

/** What can happen to a mail. */
const MAIL_FAULTS = [
  ["451", "451 4.3.2 Not now"],
  ["554", "554 5.6.0 Not this one"],
  ["cut in DATA", ""],
  ["silent, not kept", ""],
  ["silent, kept", ""],
] as const;

type MailFault = (typeof MAIL_FAULTS)[number][0];

/** One mail, and one recipient, in so many. */
const [FAULTY_MAILS, FAULTY_RECIPIENTS] = [4, 12];
/** A silence costs a conversation until the kill: rarer than the rest. */
const SILENCES = 2;

/** A listening sink. */
export interface FaultySink extends AsyncDisposable {
  readonly port: number;
  /** Whether it fails at random. */
  faulty: boolean;
  /** What it kept since the last call. */
  take(): readonly SunkMail[];
  /** How often each fault has happened since the last call. */
  takeFaults(): ReadonlyMap<string, number>;
}

/** Listens on a free port of loopback; all is well until `faulty` is set. */
export async function startFaultySink(random: Random): Promise<FaultySink> {
  let mails: SunkMail[] = [];
  let faults = new Map<string, number>();
  const sink = { faulty: false };
  const note = (fault: string) => faults.set(fault, (faults.get(fault) ?? 0) + 1);
  const peer: ScriptedPeer = await startPeer((conversation) =>
    serve(conversation, {
      keep: (mail) => mails.push(mail),
      recipientFault: () => {
        if (!sink.faulty || !random.oneIn(FAULTY_RECIPIENTS)) return null;
        const reply = random.pick(["451 4.2.1 Not now for this one", "554 5.1.1 Not for this one"]);
        note(`${reply.slice(0, 3)} to RCPT`);
        return reply;
      },
      mailFault: () => {
        if (!sink.faulty || !random.oneIn(FAULTY_MAILS)) return null;
        const [fault] = random.pick(MAIL_FAULTS);
        if (fault.startsWith("silent") && !random.oneIn(SILENCES)) return null;
        note(fault);
        return fault;
      },
    })
  );
  return Object.assign(sink, {
    port: peer.port,
    take: () => {
      const taken = mails;
      mails = [];
      return taken;
    },
    takeFaults: () => {
      const taken = faults;
      faults = new Map();
      return taken;
    },
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  });
}

interface Behaviour {
  keep(mail: SunkMail): void;
  recipientFault(): string | null;
  mailFault(): MailFault | null;
}

async function serve(peer: PeerConversation, { keep, recipientFault, mailFault }: Behaviour): Promise<void> {
  const say = (text: string) => peer.send(`${text}\r\n`);
  say("220 sink.example ESMTP");
  let reversePath = "";
  let recipients: string[] = [];
  for (let line = await peer.line(); line !== null; line = await peer.line()) {
    const verb = line.slice(0, 4).toUpperCase();
    switch (verb) {
      case "EHLO":
        say("250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0");
        break;
      case "MAIL":
        reversePath = /<(.*?)>/.exec(line)?.[1] ?? "";
        recipients = [];
        say("250 2.1.0 OK");
        break;
      case "RCPT": {
        const fault = recipientFault();
        if (fault === null) recipients.push(/<(.*?)>/.exec(line)?.[1] ?? "");
        say(fault ?? "250 2.1.5 OK");
        break;
      }
      case "DATA": {
        if (recipients.length === 0) {
          say("554 5.5.1 No valid recipients");
          break;
        }
        say("354 go");
        const fault = mailFault();
        if (fault === "cut in DATA") {
          await peer.skip();
          return peer.destroy();
        }
        const content = await peer.content();
        if (content === null) return;
        if (fault === null || fault === "silent, kept") keep({ reversePath, recipients, content: undotted(content) });
        recipients = [];
        // Until the other side has gone.
        if (fault?.startsWith("silent")) { while (await peer.line() !== null); }
        else say(MAIL_FAULTS.find(([name]) => name === fault)?.[1] ?? "250 2.0.0 Taken");
        break;
      }
      case "QUIT":
        say("221 2.0.0 Bye");
        return peer.end();
      default:
        recipients = [];
        say("250 2.0.0 OK");
    }
  }
}

function undotted(content: string): Uint8Array<ArrayBuffer> {
  const text = content.replace(/(^|\n)\.\./g, "$1.");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
