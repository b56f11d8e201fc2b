package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.PreconditionFailedException;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.exceptions.UnauthorizedException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.messages.PatchRequest;
import com.unboundid.scim2.common.types.Email;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.ResourceTypeResource;
import com.unboundid.scim2.common.types.ServiceProviderConfigResource;
import com.unboundid.scim2.common.types.UserResource;
import dev.userssync.testing.ScimApp;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.glassfish.jersey.client.ClientConfig;
import org.glassfish.jersey.jnh.connector.JavaNetHttpConnectorProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An independent client, the one of UnboundID's SCIM SDK: its results from the running application, and the resulting
 * rows.
 */
class ScimClientTest extends ScimApp {

    private final Client http =
            ClientBuilder.newClient(new ClientConfig().connectorProvider(new JavaNetHttpConnectorProvider()));
    private ScimService scim;

    ScimClientTest() {
        settings.setProperty("scim.documentation.uri", "https://docs.example/scim");
    }

    @BeforeAll
    void connect() {
        scim = service(TOKEN);
    }

    @AfterAll
    void disconnect() {
        http.close();
    }

    private ScimService service(String token) {
        ClientRequestFilter bearer = request -> request.getHeaders().putSingle("Authorization", "Bearer " + token);
        return new ScimService(http.target(scim()).register(bearer));
    }

    private static UserResource jane() {
        return new UserResource()
                .setUserName("jane")
                .setActive(true)
                .setPassword("s3cret")
                .setName(new Name().setGivenName("Jane").setFamilyName("Doe"))
                .setEmails(
                        new Email().setValue("jane@home.example").setType("home"),
                        new Email()
                                .setValue("jane@work.example")
                                .setType("work")
                                .setPrimary(true));
    }

    @Test
    void theWholeLifeOfAUser() throws ScimException {
        UserResource jane = jane();
        jane.setExternalId("00u-jane");
        jane.setExtension(new EnterpriseUserExtension().setDepartment("Sales"));
        UserResource created = scim.create("Users", jane);
        assertEquals("00u-jane", created.getId());
        assertNull(created.getPassword());
        assertEquals(scim() + "/Users/00u-jane", created.getMeta().getLocation().toString());
        assertEquals("User", created.getMeta().getResourceType());
        assertEquals(
                "Sales", created.getExtension(EnterpriseUserExtension.class).getDepartment());
        assertEquals("Jane Doe|jane@work.example|live", row("00u-jane"));
        assertEquals(
                "t",
                database.value(
                        "SELECT created_at = updated_at AND created_at > now() - interval '1 minute' FROM neon_auth.users_sync"));

        assertEquals(created, scim.retrieve("Users", "00u-jane", UserResource.class));

        created.setDisplayName("Jane D.");
        created.getEmails().get(1).setValue("jd@work.example");
        UserResource replaced = scim.replace(created);
        assertEquals("Jane D.", replaced.getDisplayName());
        assertEquals("Jane D.|jd@work.example|live", row("00u-jane"));

        UserResource patched = scim.modifyRequest("Users", "00u-jane")
                .replaceValue("name.familyName", "Roe")
                .replaceValue("displayName", "Jane Roe")
                .invoke(UserResource.class);
        assertEquals("Roe", patched.getName().getFamilyName());
        assertEquals("Jane", patched.getName().getGivenName());
        assertEquals("Jane Roe|jd@work.example|live", row("00u-jane"));
        assertTrue(patched.getMeta().getLastModified().after(replaced.getMeta().getLastModified())
                || !patched.getMeta().getVersion().equals(replaced.getMeta().getVersion()));

        UserResource inactive = scim.modifyRequest("Users", "00u-jane")
                .replaceValue("active", false)
                .invoke(UserResource.class);
        assertFalse(inactive.getActive());
        assertEquals("Jane Roe|jd@work.example|deleted", row("00u-jane"));
        assertFalse(scim.retrieve("Users", "00u-jane", UserResource.class).getActive());
        assertEquals(
                1,
                scim.search("Users", "userName eq \"jane\"", UserResource.class).getTotalResults());

        scim.modifyRequest("Users", "00u-jane").replaceValue("nickName", "JD").invoke(UserResource.class);
        assertEquals("Jane Roe|jd@work.example|deleted", row("00u-jane"));

        assertTrue(scim.modifyRequest("Users", "00u-jane")
                .replaceValue("active", true)
                .invoke(UserResource.class)
                .getActive());
        assertEquals("Jane Roe|jd@work.example|live", row("00u-jane"));

        scim.delete("Users", "00u-jane");
        assertEquals("Jane Roe|jd@work.example|deleted", row("00u-jane"));
        assertThrows(ResourceNotFoundException.class, () -> scim.retrieve("Users", "00u-jane", UserResource.class));
        assertThrows(ResourceNotFoundException.class, () -> scim.delete("Users", "00u-jane"));
        assertThrows(ResourceNotFoundException.class, () -> scim.replace(created));
        assertEquals(
                0,
                scim.search("Users", "userName eq \"jane\"", UserResource.class).getTotalResults());

        assertEquals(
                "00u-jane",
                scim.create("Users", jane).getId(),
                "who comes again gets the row back that the application's own rows refer to");
        assertEquals("Jane Doe|jane@work.example|live", row("00u-jane"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM neon_auth.users_sync WHERE raw_json::text ILIKE '%s3cret%' OR raw_json ?? 'password'"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aUserDeletedWhileInactiveIsGoneToo() throws ScimException {
        String id = scim.create("Users", jane()).getId();
        scim.modifyRequest("Users", id).replaceValue("active", false).invoke(UserResource.class);
        scim.delete("Users", id);
        assertThrows(ResourceNotFoundException.class, () -> scim.retrieve("Users", id, UserResource.class));
        assertEquals("Jane Doe|jane@work.example|deleted", row(id));
        scim.create("Users", jane());
    }

    @Test
    void aUserMayBeBornInactive() throws ScimException {
        UserResource created = scim.create("Users", jane().setActive(false));
        assertFalse(created.getActive());
        assertEquals("Jane Doe|jane@work.example|deleted", row(created.getId()));
        assertFalse(scim.retrieve("Users", created.getId(), UserResource.class).getActive());
        scim.modifyRequest("Users", created.getId())
                .replaceValue("active", true)
                .invoke(UserResource.class);
        assertEquals("Jane Doe|jane@work.example|live", row(created.getId()));
    }

    @Test
    void anIdThatIsTakenIsNotGivenAgain() throws ScimException {
        database.execute("INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('taken', '{\"id\": \"taken\"}')");
        for (String externalId : List.of("taken", "|".repeat(2600), " ")) {
            UserResource user = jane().setUserName("jane " + externalId.length());
            user.setExternalId(externalId);
            assertTrue(scim.create("Users", user).getId().matches("[0-9a-f-]{36}"), externalId);
        }
        assertEquals(
                "{\"id\": \"taken\"}", database.value("SELECT raw_json FROM neon_auth.users_sync WHERE id = 'taken'"));
    }

    @Test
    void aUserNameIsThereOnce() throws ScimException {
        scim.create("Users", jane());
        ResourceConflictException conflict =
                assertThrows(ResourceConflictException.class, () -> scim.create("Users", jane().setUserName("JANE")));
        assertEquals("uniqueness", conflict.getScimError().getScimType());
        assertThrows(ResourceConflictException.class, () -> scim.create("Users", jane().setUserName(" jane ")));
        UserResource joe = scim.create("Users", jane().setUserName("joe"));
        assertThrows(ResourceConflictException.class, () -> scim.replace(joe.setUserName("Jane")));
        assertThrows(
                ResourceConflictException.class,
                () -> scim.modifyRequest("Users", joe.getId())
                        .replaceValue("userName", "jane")
                        .invoke(UserResource.class));
        scim.modifyRequest("Users", joe.getId()).replaceValue("userName", "JOE").invoke(UserResource.class);
        scim.modifyRequest("Users", joe.getId()).replaceValue("active", false).invoke(UserResource.class);
        assertEquals(
                joe.getId(), scim.create("Users", jane().setUserName("joe")).getId(), "inactive is not gone");
        assertThrows(ResourceConflictException.class, () -> scim.create("Users", jane().setUserName("joe")));
        scim.delete("Users", joe.getId());
        assertFalse(scim.create("Users", jane().setUserName("joe")).getId().equals(joe.getId()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "userName eq \"ann@x.example\" | ann",
                "USERNAME Eq \"ANN@X.EXAMPLE\" | ann",
                "urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"ann@x.example\" | ann",
                "externalId eq \"e-ann\" | ann",
                "externalId eq \"E-ANN\" | ", // case counts (RFC 7643 §3.1)
                "id eq \"e-ann\" | ann",
                "emails.value eq \"ann@work.example\" | ann",
                "emails[value eq \"ANN@work.example\"] | ann",
                "emails[type eq \"work\" and value eq \"ann@work.example\"] | ann",
                "emails[type eq \"home\" and value eq \"ann@work.example\"] | ",
                "emails[type eq \"work\"].value eq \"ann@work.example\" | ann",
                "emails[type eq \"home\"].value eq \"ann@work.example\" | ",
                "emails[type eq \"work\"].value co \"@work\" and userName sw \"b\" | bob",
                "emails.value eq \"nobody@x.example\" | ",
                "userName ne \"ann@x.example\" | bob, cid",
                "userName sw \"AN\" | ann",
                "userName ew \"x.example\" and not (userName co \"bob\") | ann, cid",
                "name.familyName eq \"lovelace\" | ann",
                "displayName pr | ann, bob",
                "title pr or nickName pr | cid",
                "active eq false | cid",
                "userName eq \"ann@x.example\" or (active eq true and userName eq \"bob@x.example\") | ann, bob",
                "userName eq \"ann@x.example\" or title eq \"captain\" | ann, cid",
                "meta.lastModified gt \"2020-01-01T00:00:00Z\" | ann, bob, cid",
                "meta.created lt \"2020-01-01T00:00:00Z\" | ",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"sales\" | bob",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:userName eq \"ann@x.example\" | ",
                "schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\" | bob",
                "nickName eq null | ann, bob, cid",
                "userName eq 5 | ",
                "userName eq ann@x.example | ann",
                "emails[type eq work and value eq ann@work.example] or (userName eq bob@x.example) | ann, bob",
                "emails[type eq work].value eq ann@work.example | ann",
                "displayName eq \"x eq y\" or userName sw c | cid",
            })
    void filters(String filter, String expected) throws ScimException {
        for (String name : List.of("ann", "bob", "cid")) {
            UserResource user = new UserResource()
                    .setUserName(name + "@x.example")
                    .setActive(!name.equals("cid"))
                    .setEmails(
                            new Email().setType("work").setValue(name + "@work.example"),
                            new Email().setType("home").setValue(name + "@home.example"));
            user.setExternalId("e-" + name);
            switch (name) {
                case "ann" -> user.setDisplayName("Ann").setName(new Name().setFamilyName("Lovelace"));
                case "bob" ->
                    user.setDisplayName("Bob").setExtension(new EnterpriseUserExtension().setDepartment("Sales"));
                default -> user.setTitle("Captain");
            }
            scim.create("Users", user);
        }
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('other', '{\"userName\": \"ann@x.example\", \"externalId\": \"e-ann\"}')");
        assertEquals(expected == null ? "" : expected, names(scim.search("Users", filter, UserResource.class)));
        assertEquals(
                expected == null ? "" : expected,
                names(scim.searchRequest("Users").filter(filter).invokePost(UserResource.class)));
    }

    private static String names(Iterable<UserResource> users) {
        return StreamSupport.stream(users.spliterator(), false)
                .map(user -> user.getUserName().replaceFirst("@.*", ""))
                .sorted()
                .collect(Collectors.joining(", "));
    }

    @Test
    void pages() throws ScimException {
        for (int i = 0; i < 25; i++) {
            scim.create(
                    "Users", new UserResource().setUserName("user" + i).setTitle(i % 5 == 0 ? "captain" : "sailor"));
        }
        Set<String> seen = new TreeSet<>();
        for (int start = 1; start <= 25; start += 10) {
            ListResponse<UserResource> page =
                    scim.searchRequest("Users").page(start, 10).invoke(UserResource.class);
            assertEquals(25, page.getTotalResults());
            assertEquals(start, page.getStartIndex());
            assertEquals(Math.min(10, 26 - start), page.getItemsPerPage());
            page.forEach(user -> seen.add(user.getId()));
        }
        assertEquals(25, seen.size());
        assertEquals(
                0,
                scim.searchRequest("Users")
                        .page(26, 10)
                        .invoke(UserResource.class)
                        .getItemsPerPage());
        ListResponse<UserResource> none = scim.searchRequest("Users").page(1, 0).invoke(UserResource.class);
        assertEquals(25, none.getTotalResults());
        assertEquals(List.of(), none.getResources());
        ListResponse<UserResource> captains = scim.searchRequest("Users")
                .filter(Filter.eq("title", "captain"))
                .page(4, 3)
                .invoke(UserResource.class);
        assertEquals(5, captains.getTotalResults());
        assertEquals(2, captains.getItemsPerPage());
        assertEquals(4, captains.getStartIndex());
        assertEquals(
                25,
                scim.searchRequest("Users")
                        .page(-3, 1000000)
                        .invoke(UserResource.class)
                        .getItemsPerPage(),
                "out of range is brought into it");
    }

    @Test
    void onlyTheAttributesThatAreAskedFor() throws ScimException {
        String id = scim.create("Users", jane()).getId();
        UserResource some = scim.retrieveRequest("Users", id)
                .attributes("userName", "name.familyName", "emails.value")
                .invoke(UserResource.class);
        assertEquals(id, some.getId());
        assertEquals("jane", some.getUserName());
        assertEquals("Doe", some.getName().getFamilyName());
        assertNull(some.getName().getGivenName());
        assertEquals("jane@home.example", some.getEmails().get(0).getValue());
        assertNull(some.getEmails().get(0).getType());
        assertNull(some.getActive());
        UserResource most = scim.searchRequest("Users")
                .excludedAttributes("emails", "id", "name.givenName")
                .invoke(UserResource.class)
                .getResources()
                .get(0);
        assertEquals(id, most.getId());
        assertNull(most.getEmails());
        assertNull(most.getName().getGivenName());
        assertEquals("Doe", most.getName().getFamilyName());
    }

    @Test
    void patchesOfEveryKind() throws ScimException {
        String id = scim.create("Users", jane()).getId();
        List<PatchOperation> operations = new ArrayList<>(List.of(
                PatchOperation.add(
                        "emails",
                        JsonNodeFactory.instance
                                .arrayNode()
                                .add(JsonNodeFactory.instance
                                        .objectNode()
                                        .put("value", "jane@new.example")
                                        .put("type", "other")
                                        .put("primary", true))),
                PatchOperation.replace("emails[type eq \"home\"].value", "jane@flat.example"),
                PatchOperation.remove("name.givenName"),
                PatchOperation.add(
                        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                        JsonNodeFactory.instance.textNode("Sales")),
                PatchOperation.replace("title", "Captain")));
        UserResource user = scim.modify("Users", id, new PatchRequest(operations), UserResource.class);
        assertEquals(
                Set.of("jane@flat.example", "jane@work.example", "jane@new.example"),
                user.getEmails().stream().map(Email::getValue).collect(Collectors.toSet()));
        assertEquals(
                List.of("jane@new.example"),
                user.getEmails().stream()
                        .filter(email -> Boolean.TRUE.equals(email.getPrimary()))
                        .map(Email::getValue)
                        .toList(),
                "the former primary is none any more");
        assertEquals("Doe|jane@new.example|live", row(id));
        assertEquals("Sales", user.getExtension(EnterpriseUserExtension.class).getDepartment());
        assertTrue(user.getSchemaUrns().contains("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"));

        user = scim.modifyRequest("Users", id)
                .removeValues("emails[type ne \"work\"]")
                .removeValues("title")
                .invoke(UserResource.class);
        assertEquals(
                List.of("jane@work.example"),
                user.getEmails().stream().map(Email::getValue).toList());
        assertNull(user.getTitle());
        assertEquals(user, scim.retrieve("Users", id, UserResource.class));
    }

    @Test
    void errorsSayWhatIsWrong() throws ScimException {
        String id = scim.create("Users", jane()).getId();
        assertBad("invalidFilter", () -> scim.search("Users", "userName eq", UserResource.class));
        assertBad("invalidValue", () -> scim.create("Users", new UserResource().setDisplayName("no userName")));
        assertBad(
                "invalidValue",
                () -> scim.modifyRequest("Users", id)
                        .replaceValue("active", "perhaps")
                        .invoke(UserResource.class));
        assertBad(
                "invalidValue",
                () -> scim.modifyRequest("Users", id).removeValues("userName").invoke(UserResource.class));
        assertBad(
                "mutability",
                () -> scim.modifyRequest("Users", id)
                        .replaceValue("meta.created", "2020-01-01T00:00:00Z")
                        .invoke(UserResource.class));
        assertThrows(ResourceNotFoundException.class, () -> scim.retrieve("Users", "nobody", UserResource.class));
        assertThrows(ResourceNotFoundException.class, () -> scim.retrieve("Groups", "nobody", UserResource.class));
        assertThrows(
                UnauthorizedException.class, () -> service("another token").search("Users", null, UserResource.class));
        assertEquals("Jane Doe|jane@work.example|live", row(id));
    }

    private static void assertBad(String scimType, org.junit.jupiter.api.function.Executable request) {
        assertEquals(
                scimType,
                assertThrows(BadRequestException.class, request).getScimError().getScimType());
    }

    @Test
    void aVersionGuardsAgainstAnotherClient() throws ScimException {
        UserResource mine = scim.create("Users", jane());
        String version = mine.getMeta().getVersion();
        UserResource theirs = scim.modifyRequest("Users", mine.getId())
                .replaceValue("title", "Captain")
                .ifMatch(version)
                .invoke(UserResource.class);
        assertNotEquals(version, theirs.getMeta().getVersion());
        assertThrows(
                PreconditionFailedException.class,
                () -> scim.replaceRequest(mine).ifMatch().invoke());
        assertThrows(
                PreconditionFailedException.class,
                () -> scim.deleteRequest("Users", mine.getId()).ifMatch(version).invoke());
        scim.deleteRequest("Users", mine.getId())
                .ifMatch(theirs.getMeta().getVersion())
                .invoke();
    }

    @Test
    void whatTheServerCanDo() throws ScimException {
        ServiceProviderConfigResource config = scim.getServiceProviderConfig();
        assertTrue(config.getPatch().isSupported());
        assertTrue(config.getFilter().isSupported());
        assertTrue(config.getEtag().isSupported());
        assertFalse(config.getBulk().isSupported());
        assertTrue(config.getSort().isSupported());
        assertEquals("https://docs.example/scim", config.getDocumentationUri());
        assertEquals(
                "oauthbearertoken", config.getAuthenticationSchemes().get(0).getType());
        ResourceTypeResource type = scim.getResourceTypes().getResources().get(0);
        assertEquals("/Users", type.getEndpoint().toString());
        assertEquals(type, scim.getResourceType("User"));
        assertEquals(3, scim.getSchemas().getTotalResults());
        assertTrue(scim.getSchema("urn:ietf:params:scim:schemas:core:2.0:Group").getAttributes().stream()
                .anyMatch(attribute -> attribute.getName().equals("members")));
        assertTrue(scim.getSchema("urn:ietf:params:scim:schemas:core:2.0:User").getAttributes().stream()
                .anyMatch(attribute -> attribute.getName().equals("userName")));
        assertEquals("/Groups", scim.getResourceType("Group").getEndpoint().toString());
        assertThrows(ResourceNotFoundException.class, () -> scim.getResourceType("Device"));
    }

    private static Member member(String id) {
        return new Member().setValue(id);
    }

    private static List<String> members(GroupResource group) {
        return group.getMembers() == null
                ? List.of()
                : group.getMembers().stream().map(Member::getValue).toList();
    }

    @Test
    void theWholeLifeOfAGroup() throws ScimException {
        String jane = scim.create("Users", jane()).getId();
        GroupResource sales = new GroupResource().setDisplayName("Sales").setMembers(member(jane));
        sales.setExternalId("e-sales");
        GroupResource created = scim.create("Groups", sales);
        String id = created.getId();
        assertEquals("Group", created.getMeta().getResourceType());
        assertEquals(List.of(jane), members(created));
        assertEquals(
                scim() + "/Users/" + jane, created.getMembers().get(0).getRef().toString());
        assertEquals(created, scim.retrieve("Groups", id, GroupResource.class));
        assertEquals(
                "Sales",
                scim.retrieve("Users", jane, UserResource.class)
                        .getGroups()
                        .get(0)
                        .getDisplay());

        GroupResource replaced =
                scim.replace(created.setDisplayName("Sellers").setMembers(member(jane), member("joe")));
        assertEquals(List.of(jane, "joe").stream().sorted().toList(), members(replaced));
        assertEquals(
                List.of("joe"),
                members(scim.modifyRequest("Groups", id)
                        .removeValues("members[value eq \"" + jane + "\"]")
                        .attributes("members")
                        .invoke(GroupResource.class)));
        scim.modifyRequest("Groups", id)
                .addValues("members", member("ann"), member("bob"))
                .replaceValue("displayName", "Sales")
                .invoke(GroupResource.class);
        assertEquals(sorted("ann bob joe " + jane + "-"), sorted(members(id)));
        ListResponse<GroupResource> found = scim.searchRequest("Groups")
                .filter(Filter.and(Filter.eq("displayName", "sales"), Filter.eq("externalId", "e-sales")))
                .excludedAttributes("members")
                .invoke(GroupResource.class);
        assertEquals(1, found.getTotalResults());
        assertEquals(List.of(), members(found.getResources().get(0)));
        assertEquals(
                1,
                scim.searchRequest("Groups")
                        .filter("members.value eq \"bob\"")
                        .invokePost(GroupResource.class)
                        .getTotalResults());
        scim.delete("Groups", id);
        assertThrows(ResourceNotFoundException.class, () -> scim.retrieve("Groups", id, GroupResource.class));
    }

    private static String sorted(String words) {
        return Stream.of(words.split(" ")).sorted().collect(Collectors.joining(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "userName | ascending | ann, Bob, cid",
                "USERNAME | descending | cid, Bob, ann",
                "title | ascending | cid, ann, Bob",
                "title | descending | ann, Bob, cid",
                "name.familyName | ascending | cid, Bob, ann",
                "urn:ietf:params:scim:schemas:core:2.0:User:userName | descending | cid, Bob, ann",
                "emails | ascending | Bob, ann, cid",
                "emails.value | descending | cid, ann, Bob",
                "department | ascending | Bob, ann, cid",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department | ascending | Bob, ann, cid",
                "meta.created | ascending | ann, Bob, cid",
                "meta.lastModified | descending | cid, Bob, ann",
                "shoeSize.of\"no\\one | ascending | ann, Bob, cid",
            })
    void sorted(String by, String order, String expected) throws ScimException {
        int place = 0;
        for (String name : List.of("ann", "Bob", "cid")) {
            UserResource user =
                    new UserResource().setUserName(name).setName(new Name().setFamilyName("Z" + (9 - place)));
            user.setExternalId(List.of("1", "2", "3").get(place++));
            switch (name) {
                case "ann" ->
                    user.setEmails(
                            new Email().setValue("a@x.example"),
                            new Email().setValue("n@x.example").setPrimary(true));
                case "Bob" -> {
                    user.setEmails(new Email().setValue("b@x.example"));
                    user.setExtension(new EnterpriseUserExtension().setDepartment("Sales"));
                }
                default -> user.setTitle("Captain").setEmails(new Email().setValue("o@x.example"));
            }
            scim.create("Users", user);
        }
        String found = get("/Users?sortBy=" + URLEncoder.encode(by, StandardCharsets.UTF_8) + "&sortOrder=" + order)
                .http()
                .body();
        if (by.startsWith("shoeSize")) {
            assertTrue(found.contains("invalidPath"), found);
            return;
        }
        assertEquals(
                expected,
                Stream.of(found.split("\"userName\":\""))
                        .skip(1)
                        .map(rest -> rest.substring(0, rest.indexOf('"')))
                        .collect(Collectors.joining(", ")));
    }

    @Test
    void aWrongOrderIsRefused() {
        get("/Users?sortBy=userName&sortOrder=up").assertError(400, "invalidValue");
        get("/Users?sortBy=emails%5Btype%20eq%20%22work%22%5D").assertError(400, "invalidPath");
    }

    @Test
    void aSearchOfEverythingListsUsersAndThenGroups() throws ScimException {
        for (int i = 0; i < 3; i++) {
            scim.create("Users", new UserResource().setUserName("user" + i).setDisplayName("Name " + i));
            scim.create("Groups", new GroupResource().setDisplayName("Name " + i));
        }
        Reply page = post(
                "/.search",
                "{\"startIndex\": 3, \"count\": 2, \"sortBy\": \"displayName\", \"attributes\": [\"displayName\", \"meta.resourceType\"]}");
        assertEquals(200, page.status(), page.http().body());
        assertEquals(6, page.json().path("totalResults").intValue());
        assertEquals("Name 2", page.json().at("/Resources/0/displayName").textValue());
        assertEquals("User", page.json().at("/Resources/0/meta/resourceType").textValue());
        assertEquals("Name 0", page.json().at("/Resources/1/displayName").textValue());
        assertEquals("Group", page.json().at("/Resources/1/meta/resourceType").textValue());
        Reply groups = post(
                "/.search", "{\"filter\": \"displayName eq \\\"name 1\\\" and meta.resourceType eq \\\"Group\\\"\"}");
        assertEquals(
                1, groups.json().path("totalResults").intValue(), groups.http().body());
    }

    @Test
    void aTokenIsNobody() {
        get("/Me").assertError(501, null);
        patch("/Me", "{\"op\": \"replace\", \"value\": {\"title\": \"Captain\"}}")
                .assertError(501, null);
    }
}
