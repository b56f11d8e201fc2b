package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import dev.userssync.settings.PerContext;
import dev.userssync.settings.Setting;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.support.service.ServiceSupport;

/**
 * The database of a Supabase project, for its poller. One connection per context, opened at the first use. Thread-safe.
 */
public final class SupabaseDatabase implements CamelConfiguration {

    /**
     * Without SUPABASE_DATABASE_URL it opens no connection.
     *
     * @throws StartupFailure if the URL cannot be read
     */
    @BindToRegistry("supabase-database")
    public DataSource supabase(CamelContext context) {
        return PerContext.of(context, Pool.class, Pool::new).source;
    }

    private static final class Pool extends ServiceSupport {

        private final HikariDataSource source = new HikariDataSource(); // connects at the first use

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
            // Its one statement needs no cached plan, and behind a pooler there can be none.
            source.addDataSourceProperty("prepareThreshold", "0");
        }

        @Override
        protected void doStop() {
            source.close();
        }
    }
}
