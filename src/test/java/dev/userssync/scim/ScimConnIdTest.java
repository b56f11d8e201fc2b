package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.ScimApp;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import net.tirasa.connid.bundles.scim.common.SCIMConnectorConfiguration;
import net.tirasa.connid.bundles.scim.common.service.NoSuchEntityException;
import net.tirasa.connid.bundles.scim.v2.SCIMv2Connector;
import org.identityconnectors.common.logging.Log;
import org.identityconnectors.common.logging.LogSpi;
import org.identityconnectors.common.security.GuardedString;
import org.identityconnectors.framework.api.APIConfiguration;
import org.identityconnectors.framework.api.ConnectorFacade;
import org.identityconnectors.framework.api.ConnectorFacadeFactory;
import org.identityconnectors.framework.common.exceptions.ConnectorException;
import org.identityconnectors.framework.common.objects.Attribute;
import org.identityconnectors.framework.common.objects.AttributeBuilder;
import org.identityconnectors.framework.common.objects.AttributeDelta;
import org.identityconnectors.framework.common.objects.AttributeDeltaBuilder;
import org.identityconnectors.framework.common.objects.ConnectorObject;
import org.identityconnectors.framework.common.objects.Name;
import org.identityconnectors.framework.common.objects.ObjectClass;
import org.identityconnectors.framework.common.objects.OperationOptions;
import org.identityconnectors.framework.common.objects.OperationOptionsBuilder;
import org.identityconnectors.framework.common.objects.OperationalAttributes;
import org.identityconnectors.framework.common.objects.SearchResult;
import org.identityconnectors.framework.common.objects.Uid;
import org.identityconnectors.framework.common.objects.filter.Filter;
import org.identityconnectors.framework.common.objects.filter.FilterBuilder;
import org.identityconnectors.framework.spi.SearchResultsHandler;
import org.identityconnectors.test.common.TestHelpers;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The SCIM client of Apache Syncope and others, ConnId's, in all its modes; and the resulting rows. */
class ScimConnIdTest extends ScimApp {

    private static final String DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

    /** Where the client's log goes, which would print every request. */
    public static final class Silent implements LogSpi {
        @Override
        public boolean isLoggable(Class<?> type, Log.Level level) {
            return false;
        }

        @Override
        public boolean needToInferCaller(Class<?> type, Log.Level level) {
            return false;
        }

        @Override
        public void log(Class<?> type, String method, Log.Level level, String message, Throwable failure) {}

        @Override
        public void log(Class<?> type, StackTraceElement caller, Log.Level level, String message, Throwable failure) {}
    }

    private ConnectorFacade puts;
    private ConnectorFacade patches;

    @BeforeAll
    void connect() {
        System.setProperty("org.identityconnectors.common.logging.class", Silent.class.getName());
        puts = client("PUT");
        patches = client("PATCH");
    }

    /** A client that updates with this method. */
    private ConnectorFacade client(String method) {
        SCIMConnectorConfiguration configuration = new SCIMConnectorConfiguration();
        configuration.setBaseAddress(scim());
        configuration.setBearerToken(TOKEN);
        configuration.setUpdateUserMethod(method);
        configuration.setUpdateGroupMethod(method);
        configuration.setExplicitGroupAddOnCreate(true);
        APIConfiguration api = TestHelpers.createTestConfiguration(SCIMv2Connector.class, configuration);
        api.getResultsHandlerConfiguration().setEnableFilteredResultsHandler(false); // pages need it off
        return ConnectorFacadeFactory.getInstance().newInstance(api);
    }

    private static Set<Attribute> person(String name, Attribute... more) {
        Set<Attribute> attributes = new HashSet<>(List.of(more));
        attributes.addAll(List.of(
                new Name(name),
                AttributeBuilder.build("userName", name),
                AttributeBuilder.build("externalId", "e-" + name),
                AttributeBuilder.build("displayName", name + " Doe"),
                AttributeBuilder.build("emails.work.value", name + "@work.example"),
                AttributeBuilder.build(DEPARTMENT, "Sales"),
                AttributeBuilder.buildPassword(new GuardedString("Hunter2-x".toCharArray()))));
        return attributes;
    }

    private Uid create(String name, Attribute... more) {
        return patches.create(ObjectClass.ACCOUNT, person(name, more), null);
    }

    private static OperationOptions ask(String... attributes) {
        return new OperationOptionsBuilder().setAttributesToGet(attributes).build();
    }

    private String json(String path) {
        return database.value("SELECT raw_json #>> CAST(? AS text[]) FROM neon_auth.users_sync", path);
    }

    @Test
    void theWholeLifeOfAUser() {
        puts.test();
        Uid jane = create("jane", AttributeBuilder.buildEnabled(true));
        assertEquals("e-jane", jane.getUidValue());
        assertEquals("jane Doe|jane@work.example|live", row("e-jane"));
        assertEquals("Sales", json("{urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,department}"));
        ConnectorObject found = puts.getObject(ObjectClass.ACCOUNT, jane, ask("displayName", "emails.work.value"));
        assertEquals("jane", found.getName().getNameValue());
        assertEquals(
                List.of("jane@work.example"),
                found.getAttributeByName("emails.work.value").getValue());

        // Syncope sends all that it maps.
        Set<Attribute> married = person("jane", AttributeBuilder.buildEnabled(true));
        married.removeIf(attribute -> Set.of("displayName", "externalId").contains(attribute.getName()));
        married.add(AttributeBuilder.build("displayName", "Jane Roe"));
        assertEquals(jane, puts.update(ObjectClass.ACCOUNT, jane, married, null));
        assertEquals("Jane Roe|jane@work.example|live", row("e-jane"));
        assertEquals("e-jane", json("{externalId}"), "the client sends no externalId with an update");

        puts.update(ObjectClass.ACCOUNT, jane, person("jane", AttributeBuilder.buildEnabled(false)), null);
        assertEquals("jane Doe|jane@work.example|deleted", row("e-jane"));
        puts.update(ObjectClass.ACCOUNT, jane, person("jane", AttributeBuilder.buildEnabled(true)), null);
        assertEquals("jane Doe|jane@work.example|live", row("e-jane"));

        puts.delete(ObjectClass.ACCOUNT, jane, null);
        assertEquals("jane Doe|jane@work.example|deleted", row("e-jane"));
        assertThrows(NoSuchEntityException.class, () -> puts.getObject(ObjectClass.ACCOUNT, jane, null));
        assertThrows(NoSuchEntityException.class, () -> puts.delete(ObjectClass.ACCOUNT, jane, null));
        assertEquals(jane, create("jane"), "the same row again");
        assertEquals("jane Doe|jane@work.example|live", row("e-jane"));
        assertNull(json("{password}"));
        assertEquals(
                "0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE raw_json::text LIKE '%Hunter%'"));
    }

    @Test
    void changesOfAUser() {
        Uid jane = create("jane");
        change(
                jane,
                AttributeDeltaBuilder.build(Name.NAME, "jane.roe"),
                AttributeDeltaBuilder.build("displayName", "Jane Roe"),
                AttributeDeltaBuilder.build("name.familyName", "Roe"),
                AttributeDeltaBuilder.build("emails.work.value", "roe@work.example"),
                AttributeDeltaBuilder.build(DEPARTMENT, "Legal"),
                AttributeDeltaBuilder.build("addresses.work.locality", "Bath"),
                AttributeDeltaBuilder.build(
                        OperationalAttributes.PASSWORD_NAME, new GuardedString("Hunter3-x".toCharArray())));
        assertEquals("Jane Roe|roe@work.example|live", row("e-jane"));
        assertEquals("jane.roe", json("{userName}"));
        assertEquals("Roe", json("{name,familyName}"));
        assertEquals("Bath", json("{addresses,0,locality}"));
        assertEquals("Legal", json("{urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,department}"));

        change(jane, AttributeDeltaBuilder.build("emails.home.value", List.of("jane@home.example"), List.of()));
        assertEquals("jane@home.example", json("{emails,1,value}"));
        change(jane, AttributeDeltaBuilder.build("emails.work.value", List.of(), List.of("roe@work.example")));
        assertEquals("Jane Roe|jane@home.example|live", row("e-jane"));

        // The client's own name of the attribute active goes to the server.
        change(jane, AttributeDeltaBuilder.build(OperationalAttributes.ENABLE_NAME, false));
        assertEquals("Jane Roe|jane@home.example|deleted", row("e-jane"));
        assertEquals("false", json("{active}"));
        change(jane, AttributeDeltaBuilder.build(OperationalAttributes.ENABLE_NAME, true));
        assertEquals("Jane Roe|jane@home.example|live", row("e-jane"));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM neon_auth.users_sync WHERE raw_json::text ~ 'Hunter|password|__'"));
    }

    private void change(Uid user, AttributeDelta... deltas) {
        patches.updateDelta(ObjectClass.ACCOUNT, user, Set.of(deltas), null);
    }

    @Test
    void searchesAndPages() {
        for (int i = 0; i < 7; i++) {
            create("user" + i);
            group("Group " + i);
        }
        for (ObjectClass type : List.of(ObjectClass.ACCOUNT, ObjectClass.GROUP)) {
            Found found = new Found();
            String cookie = null;
            int pages = 0;
            do {
                OperationOptionsBuilder page = new OperationOptionsBuilder().setPageSize(3);
                if (cookie != null) {
                    page.setPagedResultsCookie(cookie);
                }
                cookie = patches.search(type, null, found, page.build()).getPagedResultsCookie();
                pages++;
            } while (cookie != null);
            assertEquals(3, pages);
            assertEquals(7, new HashSet<>(found.names).size(), found.names.toString());
        }
        for (Filter filter : List.of(
                FilterBuilder.equalTo(new Name("USER3")),
                FilterBuilder.equalTo(new Uid("e-user3")),
                FilterBuilder.equalTo(AttributeBuilder.build("externalId", "e-user3")),
                FilterBuilder.equalTo(AttributeBuilder.build("displayName", "user3 Doe")))) {
            Found found = new Found();
            patches.search(ObjectClass.ACCOUNT, filter, found, ask("displayName"));
            assertEquals(List.of("user3"), found.names, filter.toString());
        }
        Found found = new Found();
        patches.search(ObjectClass.GROUP, FilterBuilder.equalTo(new Name("group 4")), found, null);
        assertEquals(List.of("Group 4"), found.names);
    }

    /** Collects the names. */
    private static final class Found implements SearchResultsHandler {
        final List<String> names = new ArrayList<>();

        @Override
        public boolean handle(ConnectorObject one) {
            return names.add(one.getName().getNameValue());
        }

        @Override
        public void handleResult(SearchResult result) {}
    }

    private Uid group(String name, String... members) {
        Set<Attribute> group = new HashSet<>(List.of(new Name(name), AttributeBuilder.build("displayName", name)));
        if (members.length > 0) {
            group.add(AttributeBuilder.build("members", (Object[]) members));
        }
        return patches.create(ObjectClass.GROUP, group, null);
    }

    private String nameOf(Uid group) {
        return database.value("SELECT name FROM neon_auth.organizations_live WHERE id = ?", group.getUidValue());
    }

    private void change(Uid group, List<String> join, List<String> leave) {
        patches.updateDelta(
                ObjectClass.GROUP, group, Set.of(AttributeDeltaBuilder.build("members", join, leave)), null);
    }

    @Test
    void theWholeLifeOfAGroup() {
        Stream.of("ann", "bob", "cid").forEach(this::create);
        Uid group = group("Sales", "e-ann", "e-bob");
        String id = group.getUidValue();
        assertEquals("e-ann e-bob", members(id));
        for (ConnectorFacade client : List.of(puts, patches)) {
            String name = client == puts ? "Sellers" : "Sales";
            client.update(ObjectClass.GROUP, group, Set.of(AttributeBuilder.build("displayName", name)), null);
            assertEquals(name, nameOf(group));
            assertEquals("e-ann e-bob", members(id), "an update without members");
        }
        puts.update(
                ObjectClass.GROUP,
                group,
                Set.of(
                        AttributeBuilder.build("displayName", "Sales"),
                        AttributeBuilder.build("members", "e-bob", "e-cid")),
                null);
        assertEquals("e-ann- e-bob e-cid", members(id));
        change(group, List.of("e-ann"), List.of("e-bob"));
        assertEquals("e-ann e-bob- e-cid", members(id));

        ConnectorObject found = patches.getObject(ObjectClass.GROUP, group, ask("members"));
        assertTrue(
                found.getAttributeByName("members").getValue().toString().contains(scim() + "/Users/e-ann"),
                () -> "the client speaks HTTP/2: " + found);
        patches.updateDelta(
                ObjectClass.GROUP,
                group,
                Set.of(
                        AttributeDeltaBuilder.build("members", "e-bob"),
                        AttributeDeltaBuilder.build("displayName", "Sellers")),
                null);
        assertEquals("Sellers", nameOf(group));
        assertEquals("e-ann- e-bob e-cid-", members(id));
        patches.delete(ObjectClass.GROUP, group, null);
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        assertThrows(NoSuchEntityException.class, () -> patches.getObject(ObjectClass.GROUP, group, null));
    }

    @Test
    void groupsChangeWithTheirUsers() {
        Uid sales = group("Sales");
        Uid legal = group("Legal");
        Uid jane = create("jane", AttributeBuilder.build("groups", sales.getUidValue()));
        assertEquals("e-jane", members(sales.getUidValue()));
        assertEquals(
                List.of(sales.getUidValue()),
                patches.getObject(ObjectClass.ACCOUNT, jane, ask("groups"))
                        .getAttributeByName("groups")
                        .getValue());
        // The client sends a PATCH of the user without operations before those of the groups.
        change(jane, AttributeDeltaBuilder.build("groups", List.of(legal.getUidValue()), List.of(sales.getUidValue())));
        assertEquals("e-jane-", members(sales.getUidValue()));
        assertEquals("e-jane", members(legal.getUidValue()));
        assertEquals("jane Doe|jane@work.example|live", row("e-jane"));
    }

    /** What docs/scim.md says that the client does wrong. */
    @Test
    void itsMistakes() {
        Uid jane = create("jane");
        Set<Attribute> name = Set.of(AttributeBuilder.build("displayName", "Jane"));
        ConnectorException patched =
                assertThrows(ConnectorException.class, () -> patches.update(ObjectClass.ACCOUNT, jane, name, null));
        assertTrue(patched.getMessage().contains("Operations is missing"), patched.getMessage());
        ConnectorException put =
                assertThrows(ConnectorException.class, () -> puts.update(ObjectClass.ACCOUNT, jane, name, null));
        assertTrue(put.getMessage().contains("userName is missing"), put.getMessage());
        assertEquals("jane Doe|jane@work.example|live", row("e-jane"));

        Found found = new Found();
        Attribute address = AttributeBuilder.build("emails.work.value", "jane@work.example");
        patches.search(ObjectClass.ACCOUNT, FilterBuilder.equalTo(address), found, null);
        assertEquals(List.of(), found.names, "emails.work.value is no attribute of SCIM");

        Uid group = group("Sales", "e-ann", "e-bob", "e-cid");
        change(group, List.of(), List.of("e-ann", "e-bob")); // names the first one twice
        assertEquals("e-ann- e-bob e-cid", members(group.getUidValue()));
    }
}
