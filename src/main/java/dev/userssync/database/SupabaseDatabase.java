package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import dev.userssync.settings.PerContext;
import dev.userssync.settings.Setting;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.support.service.ServiceSupport;

/** The database of a Supabase project, which its poller reads. One connection a context, opened when it is first needed. Thread-safe. */
public final class SupabaseDatabase implements CamelConfiguration {

    /**
     * Without SUPABASE_DATABASE_URL, nothing is asked of it and no connection is opened.
     *
     * @throws StartupFailure if the URL cannot be read
     */
    @BindToRegistry("supabase-database")
    public DataSource supabase(CamelContext context) {
        return PerContext.of(context, Pool.class, Pool::new).source;
    }

    private static final class Pool extends ServiceSupport {

        private final HikariDataSource source = new HikariDataSource(); // connects when it is first asked

        Pool(CamelContext context) {
            String url = Setting.of(context, "supabase.database.url");
            if (!url.isEmpty()) {
                DatabaseUrl address = DatabaseUrl.of("SUPABASE_DATABASE_URL", url);
                source.setJdbcUrl(address.jdbcUrl());
                source.setUsername(address.user());
                source.setPassword(address.password());
            }
            source.setPoolName("supabase");
            source.setMaximumPoolSize(1);
            source.setMinimumIdle(0);
            source.setIdleTimeout(OpenDatabase.IDLE_TIMEOUT);
            source.setReadOnly(true);
            source.setDataSourceProperties(ServerConnections.driver());
            // Its one statement needs no plan that is kept, and behind a pooler none can be.
            source.addDataSourceProperty("prepareThreshold", "0");
        }

        @Override
        protected void doStop() {
            source.close();
        }
    }
}
