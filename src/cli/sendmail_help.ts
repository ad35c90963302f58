/**
 * The help of `sendmail`, `mailq` and `newaliases`. Their options are not read here: `sendmail_arguments.ts` knows sendmail's own form.
 *
 * @module
 */

import { type CliCommand, newCommand } from "./command.ts";

const SENDMAIL = `
Options of sendmail that count here; the others are accepted and change nothing:
  -t             take the recipients from To, Cc and Bcc too, and remove Bcc
  -i, -oi        a line with a dot alone does not end the message
  -f ADDRESS     the reverse-path, to which bounces go (also -r)
  -F NAME        the name in a From field that is missing
  -N WORDS       never, or some of success,failure,delay: when to get a notice
  -R full|hdrs   what a notice has of the message
  -V ID          an envelope id for notices
  -v             say what became of the mail
  -bs            SMTP on standard input and output
  -bp            list the queue, as mailq does
  -bv            check the form of addresses
  -bi            check aliases with the rest of the configuration, as newaliases does
  -q             try what waits now; -qIID one mail, -qRDOMAIN one domain

The mail is left in the maildrop of the data_dir, whether the server runs or not.
Exit codes are those of sysexits.h.`;

/** `dokodemo sendmail`. */
export const sendmail: CliCommand = {
  build: () =>
    newCommand("sendmail", "Sends the message on standard input, as the command of sendmail does.")
      .usage("[OPTIONS] [RECIPIENT...]")
      .addHelpText("after", SENDMAIL),
};

/** `dokodemo mailq`. */
export const mailq: CliCommand = {
  build: () => newCommand("mailq", "Lists the queue: queue list under its old name.").usage("").allowUnknownOption(),
};

/** `dokodemo newaliases`. */
export const newaliases: CliCommand = {
  build: () =>
    newCommand("newaliases", "Checks the configuration, and the aliases in it: nothing has to be rebuilt here.")
      .usage("").allowUnknownOption(),
};
