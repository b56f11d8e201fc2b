// An application with Better Auth and its organization plugin, rows in memory, and the hooks of docs/better-auth.md.
// The test puts the hooks beside this file.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { organization } from "better-auth/plugins";
import { usersSync, usersSyncOrganizations } from "./users-sync.ts";

const port = Number(process.env.PORT);
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "the secret of an application that lives for one test",
  database: memoryAdapter({
    user: [], session: [], account: [], verification: [],
    organization: [], member: [], invitation: [], team: [], teamMember: [],
  }),
  emailAndPassword: { enabled: true },
  user: {
    changeEmail: { enabled: true, updateEmailWithoutVerification: true },
    deleteUser: { enabled: true },
  },
  databaseHooks: usersSync,
  plugins: [organization({ teams: { enabled: true }, organizationHooks: usersSyncOrganizations })],
});
createServer(toNodeHandler(auth)).listen(port, "127.0.0.1");
// Ends with the test, even if the test is killed.
process.stdin.on("end", () => process.exit()).resume();
