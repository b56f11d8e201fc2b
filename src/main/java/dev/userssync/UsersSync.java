package dev.userssync;

import org.apache.camel.main.Main;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.LoggerFactory;

/** Runs users-sync: the routes in {@code routes/} with the settings in {@code config/application.properties}. */
public final class UsersSync {

    private UsersSync() {
    }

    public static void main(String[] args) {
        Main main = new Main();
        try {
            System.exit(main.run(args));
        } catch (Exception e) {
            Database.closeOf(main.getCamelContext());
            LoggerFactory.getLogger("users-sync").debug("Start failed", e);
            System.err.println("users-sync cannot start: " + message(e));
            System.exit(1);
        }
    }

    /** What the operator must read: our own words or, for a broken route file or setting, those of the first cause. */
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
