// An application with Better Auth, users in memory, and the hooks of docs/better-auth.md.
// The test puts the hooks beside this file.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { usersSync } from "./users-sync.ts";

const port = Number(process.env.PORT);
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "the secret of an application that lives for one test",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  user: {
    changeEmail: { enabled: true, updateEmailWithoutVerification: true },
    deleteUser: { enabled: true },
  },
  databaseHooks: usersSync,
});
createServer(toNodeHandler(auth)).listen(port, "127.0.0.1");
// Ends with the test, even if the test is killed.
process.stdin.on("end", () => process.exit()).resume();
