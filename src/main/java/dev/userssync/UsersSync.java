package dev.userssync;

import org.apache.camel.main.Main;

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
            StartupFailure failure = org.apache.camel.util.ObjectHelper.getException(StartupFailure.class, e);
            if (failure == null) {
                e.printStackTrace();
            } else {
                System.err.println("users-sync cannot start: " + failure.getMessage());
            }
            System.exit(1);
        }
    }
}
