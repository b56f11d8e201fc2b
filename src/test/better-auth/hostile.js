// Calls the hooks of docs/better-auth.md with values that Better Auth and its plugins may pass.
// Ends when every delivery is sent.
import { usersSync, usersSyncMemberships, usersSyncOrganizations } from "./users-sync.ts";

const circle = { id: "circle", name: "Circle", friends: [{ name: "Friend" }], createdAt: new Date() };
circle.self = circle;
circle.friends[0].of = circle.friends;
const shared = { theme: "dark" };
const users = [
  null,
  undefined,
  circle,
  { id: "big", name: "Big", credits: 9007199254740993n, limits: [1n], createdAt: new Date() },
  { id: "twice", name: "Twice", first: shared, second: shared, nothing: undefined, work: () => 1, sign: Symbol("s"), never: new Date(NaN), createdAt: new Date() },
  { id: "getter", get name() { throw new Error("not loaded"); } },
  { id: "json", settings: { toJSON() { throw new Error("not loaded"); } } },
];
process.on("unhandledRejection", (reason) => {
  console.error("unhandled", reason);
  process.exit(3);
});
for (const user of users) {
  await usersSync.user.create.after(user);
}
await usersSync.user.update.after(null);
await usersSync.user.delete.after(undefined);
await usersSyncOrganizations.afterUpdateOrganization({ organization: null });
await usersSyncOrganizations.afterAddMember({});
await usersSyncOrganizations.beforeDeleteOrganization({});
await usersSyncOrganizations.afterDeleteOrganization({});
const [{ matcher, handler }] = usersSyncMemberships.hooks.after;
for (const path of [undefined, "/organization/leave", "/sign-out"]) matcher({ path });
for (const returned of [null, undefined, "text", new Error("refused"), {}, { members: [] }, { userId: "no-tables" }]) {
  await handler({ context: { returned } });
}
