/**
 * What a reply of another server means to the person whose mail waits, by its enhanced status code (RFC 3463, RFC 5248) and where there is
 * none by its reply code.
 *
 * @module
 */

/** A sentence in both languages. */
export type Meaning = readonly [en: string, ja: string];

/** By subject and detail of the enhanced code, or by the subject alone. */
const BY_ENHANCED: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["1.1", ["The other server does not know this address.", "相手のサーバーは、この宛先を知りません。"]],
  ["1.2", ["The part behind the @ leads to no mail server.", "@より後の部分に当たるメールサーバーがありません。"]],
  ["1.8", [
    "The other server does not accept your sender address.",
    "相手のサーバーは、差出人のアドレスを受け付けません。",
  ]],
  ["1", [
    "The other server takes exception to the address.",
    "相手のサーバーは、宛先のアドレスに問題があると答えました。",
  ]],
  ["2.1", ["The mailbox takes no mail at the moment.", "宛先のメールボックスは、現在メールを受け付けていません。"]],
  ["2.2", ["The mailbox of the other person is full.", "宛先のメールボックスがいっぱいです。"]],
  ["2.3", ["The mail is too large for this mailbox.", "メールが大きすぎて、宛先のメールボックスに入りません。"]],
  ["2", ["The mailbox cannot take the mail at the moment.", "宛先のメールボックスは、現在メールを受け取れません。"]],
  ["3.1", ["The other server has no room left.", "相手のサーバーの空き容量が足りません。"]],
  ["3.2", ["The other server takes no mail at the moment.", "相手のサーバーは、現在メールを受け付けていません。"]],
  ["3.4", ["The mail is too large for the other server.", "メールが大きすぎて、相手のサーバーが受け取れません。"]],
  ["3.5", ["Something is not set up right on the way.", "配送の途中に設定の誤りがあります。"]],
  ["3", ["A server on the way has trouble.", "途中のサーバーに問題が起きています。"]],
  ["4.1", ["The other server does not answer.", "相手のサーバーが応答しません。"]],
  ["4.2", ["The connection to the other server broke off.", "相手のサーバーとの接続が途中で切れました。"]],
  ["4.4", ["There is no way to the domain of the address.", "宛先のドメインへの経路がありません。"]],
  ["4.5", ["The other server is overloaded.", "相手のサーバーが混み合っています。"]],
  ["4.7", ["It could not be delivered for too long.", "長い間、配送できませんでした。"]],
  ["4", ["The network or the other server has trouble.", "ネットワークまたは相手のサーバーに問題が起きています。"]],
  ["5", ["The two servers do not understand each other.", "サーバー同士のやり取りがうまくいきません。"]],
  ["6", [
    "The other server cannot take the mail in this form.",
    "相手のサーバーは、この形式のメールを受け取れません。",
  ]],
  ["7.4", ["The connection could not be made safe (TLS).", "安全な接続(TLS)を確立できませんでした。"]],
  ["7.5", ["The connection could not be made safe (TLS).", "安全な接続(TLS)を確立できませんでした。"]],
  ["7.8", [
    "The next server did not accept the login of this server.",
    "次のサーバーが、このサーバーのログインを受け付けませんでした。",
  ]],
]);

/** Policy: refused for now is mostly greylisting, refused for good is a rule. */
const POLICY: Readonly<Record<string, Meaning>> = {
  "4": [
    "The other server wants the mail to be sent again a little later: many do that with senders whom they do not know yet.",
    "相手のサーバーが、しばらくしてから送り直すよう求めています。初めての差出人に対して、多くのサーバーが行うことです。",
  ],
  "5": ["The other server refuses the mail by its rules.", "相手のサーバーが、規則により受信を拒否しました。"],
};

const BY_CODE: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["421", ["The other server is closing or busy.", "相手のサーバーが停止中か、混み合っています。"]],
  ["450", [
    "The mailbox cannot be reached at the moment, or the other server wants to be asked again later.",
    "宛先のメールボックスを現在使えないか、相手のサーバーが後で送り直すよう求めています。",
  ]],
  ["451", ["The other server has trouble of its own.", "相手のサーバーの側で問題が起きています。"]],
  ["452", [
    "The other server has no room, or takes fewer recipients at once.",
    "相手のサーバーの空きが足りないか、一度に受け取れる宛先の数を超えました。",
  ]],
  ["454", [
    "The next server cannot check the login of this server now.",
    "次のサーバーが、現在このサーバーのログインを確認できません。",
  ]],
  ["530", ["The next server wants this server to log in.", "次のサーバーが、このサーバーにログインを求めています。"]],
  ["535", [
    "The next server did not accept the login of this server.",
    "次のサーバーが、このサーバーのログインを受け付けませんでした。",
  ]],
  ["550", [
    "The other server does not take mail for this address.",
    "相手のサーバーは、この宛先のメールを受け付けません。",
  ]],
  ["552", [
    "The mail is too large, or the mailbox is full.",
    "メールが大きすぎるか、宛先のメールボックスがいっぱいです。",
  ]],
  ["554", ["The other server refuses the mail.", "相手のサーバーが、受信を拒否しました。"]],
]);

const TEMPORARY: Meaning = [
  "The other server cannot take the mail at the moment.",
  "相手のサーバーは、現在メールを受け取れません。",
];
const PERMANENT: Meaning = ["The other server refuses the mail.", "相手のサーバーが、受信を拒否しました。"];

const REPLY_REGEXP = /^([245])(\d\d)(?: \1\.(\d{1,3})\.(\d{1,3})(?= |$))?/;

/** What a reply such as `451 4.7.1 try again` means. */
export function meaningOf(reply: string): Meaning {
  const [, kind = "4", rest = "", subject = "", detail = ""] = REPLY_REGEXP.exec(reply) ?? [];
  const general = kind === "5" ? PERMANENT : TEMPORARY;
  if (subject === "") return BY_CODE.get(`${kind}${rest}`) ?? general;
  return BY_ENHANCED.get(`${subject}.${detail}`) ?? (subject === "7" ? POLICY[kind] : BY_ENHANCED.get(subject)) ??
    BY_CODE.get(`${kind}${rest}`) ?? general;
}
