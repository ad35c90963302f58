import { equal, ok, throws } from "node:assert/strict";
import { openDatabase, readNumber } from "../../src/accounts/database.ts";
import { relaxedTransaction, remember } from "../../src/records/relaxed.ts";
import { RECORDS_DATABASE } from "../../src/records/schema.ts";
import { temporaryFolder } from "../accounts/lib.ts";

const [NORMAL, FULL] = [1, 2];

Deno.test("what follows a write that does not wait for the disk does wait, however that one ended", () => {
  using folder = temporaryFolder();
  const opened = openDatabase(`${folder.path}/records`, RECORDS_DATABASE);
  ok(opened.ok);
  using database = opened.value;
  const synchronous = () => readNumber(database, "PRAGMA synchronous");
  equal(synchronous(), FULL);
  relaxedTransaction(database, () => equal(synchronous(), NORMAL));
  equal(synchronous(), FULL);
  const fails = () => {
    throw new RangeError("no");
  };
  throws(() => relaxedTransaction(database, fails), RangeError);
  equal(synchronous(), FULL);
  remember(database, fails);
  equal(synchronous(), FULL);
  equal(database.isTransaction, false);
});
