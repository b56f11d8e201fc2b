package dev.userssync;

import dev.userssync.command.Commands;
import dev.userssync.database.Database;
import dev.userssync.settings.SettingKinds;
import dev.userssync.settings.StartupFailure;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.LoggerFactory;

/**
 * Runs users-sync, or one of the {@link Commands}. users-sync is the routes in {@code routes/} with the settings in
 * {@code config/application.properties}.
 */
public final class UsersSync {

    private UsersSync() {}

    public static void main(String[] args) {
        // Loads picocli only if there is something to parse, so that a start without a verb stays quick.
        System.exit(
                args.length == 0
                        ? runApplication()
                        : Commands.line(UsersSync::runApplication).execute(args));
    }

    /** @return the exit code, after the application has stopped or could not start */
    static int runApplication() {
        Main main = new Main();
        main.addMainListener(new MainListenerSupport() {
            @Override
            public void beforeConfigure(BaseMainSupport application) {
                SettingKinds.check(application.getCamelContext());
            }
        });
        try {
            return main.run(new String[0]);
        } catch (Exception e) {
            Database.closeOf(main.getCamelContext());
            LoggerFactory.getLogger("users-sync").debug("Start failed", e);
            System.err.println("users-sync cannot start: " + message(e));
            return 1;
        }
    }

    /** The message for the operator: our own or, for a broken route file or setting, that of the first cause. */
    private static String message(Throwable e) {
        StartupFailure ours = ObjectHelper.getException(StartupFailure.class, e);
        if (ours != null) {
            return ours.getMessage();
        }
        while (e.getCause() != null) {
            e = e.getCause();
        }
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }
}
